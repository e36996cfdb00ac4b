-- name: alarms
SELECT a.id, a.key, a.kind, a.chain_type, a.chain_id, coalesce(a.wallet_id, 0), coalesce(i.address, ''), coalesce(a.payment, ''), a.brake,
    a.sticky, a.why, a.todo, a.since, a.seen_at, a.ended_at, a.ended_by
FROM alarms a
LEFT JOIN internal_wallets i ON i.id = a.wallet_id
WHERE true

-- name: alarms_raise
-- One that is open with the same words, seen a moment ago, is left alone.
WITH t AS (SELECT clock_timestamp() AS now)
INSERT INTO alarms (key, kind, chain_type, chain_id, wallet_id, payment, brake, sticky, why, todo, since, seen_at)
SELECT v.key, v.kind, v.chain_type, v.chain_id, nullif(v.wallet_id, 0), nullif(v.payment, ''), v.brake, v.sticky, v.why, v.todo, t.now, t.now
FROM t, unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::boolean[], $8::boolean[], $9::text[], $10::text[])
    v (key, kind, chain_type, chain_id, wallet_id, payment, brake, sticky, why, todo)
WHERE NOT EXISTS (SELECT FROM alarms a WHERE a.key = v.key AND a.ended_at IS NULL AND a.why = v.why AND a.todo = v.todo AND a.brake = v.brake
    AND a.seen_at > t.now - interval '1 minute' AND a.seen_at < t.now + interval '1 minute')
ORDER BY v.key
ON CONFLICT (key) WHERE ended_at IS NULL DO UPDATE SET
    why = excluded.why, todo = excluded.todo, brake = excluded.brake, seen_at = excluded.seen_at

-- name: alarms_end
WITH open AS (
    SELECT id FROM alarms WHERE key = ANY ($1::text[]) AND ended_at IS NULL ORDER BY key FOR NO KEY UPDATE
)
UPDATE alarms a SET ended_at = clock_timestamp(), ended_by = $2
FROM open o
WHERE a.id = o.id AND a.ended_at IS NULL
