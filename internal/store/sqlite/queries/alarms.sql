-- name: alarms
SELECT a.id, a.key, a.kind, a.chain_type, a.chain_id, ifnull(a.wallet_id, 0), i.address, a.payment, a.brake, a.sticky, a.why, a.todo,
    a.since, a.seen_at, a.ended_at, a.ended_by
FROM alarms a
LEFT JOIN internal_wallets i ON i.id = a.wallet_id
WHERE true

-- name: alarm_raise
-- One that is open with the same words, seen a moment ago (?12, ?13), is left alone.
INSERT INTO alarms (key, kind, chain_type, chain_id, wallet_id, payment, brake, sticky, why, todo, since, seen_at)
SELECT ?1, ?2, ?3, ?4, nullif(?5, 0), ?6, ?7, ?8, ?9, ?10, ?11, ?11
WHERE NOT EXISTS (SELECT 1 FROM alarms a WHERE a.key = ?1 AND a.ended_at IS NULL AND a.why = ?9 AND a.todo = ?10 AND a.brake = ?7
    AND a.seen_at > ?12 AND a.seen_at < ?13)
ON CONFLICT (key) WHERE ended_at IS NULL DO UPDATE SET
    why = excluded.why, todo = excluded.todo, brake = excluded.brake, seen_at = excluded.seen_at

-- name: alarms_end
UPDATE alarms SET ended_at = ?2, ended_by = ?3 WHERE key IN (SELECT value FROM json_each(?1)) AND ended_at IS NULL
