-- name: leases
SELECT wallet_id, holder, epoch, expires_at FROM wallet_leases WHERE wallet_id IN (SELECT value FROM json_each(?1)) ORDER BY wallet_id

-- name: leases_take
-- The holder's own, those that nobody holds (?3 is now), and those that end later than any could (?5): they were written before the
-- clock went back.
INSERT INTO wallet_leases (wallet_id, holder, epoch, expires_at)
SELECT w.id, ?1, 1, ?4 FROM internal_wallets w WHERE w.id IN (SELECT value FROM json_each(?2))
ON CONFLICT (wallet_id) DO UPDATE SET
    epoch = epoch + (holder <> excluded.holder), holder = excluded.holder, expires_at = excluded.expires_at
WHERE holder = excluded.holder OR holder = '' OR expires_at <= ?3 OR expires_at > ?5
RETURNING wallet_id, holder, epoch, expires_at

-- name: leases_renew
UPDATE wallet_leases SET expires_at = ?2 WHERE holder = ?1 RETURNING wallet_id, holder, epoch, expires_at

-- name: leases_drop
UPDATE wallet_leases SET holder = '', expires_at = ?2 WHERE holder = ?1

-- name: leases_drop_some
UPDATE wallet_leases SET holder = '', expires_at = ?2 WHERE holder = ?1 AND wallet_id IN (SELECT value FROM json_each(?3))

-- name: leases_held
SELECT count(*) FROM json_each(?1) v
JOIN wallet_leases l ON l.wallet_id = v.value ->> 0 AND l.holder = v.value ->> 1 AND l.epoch = v.value ->> 2
