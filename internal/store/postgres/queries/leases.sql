-- name: leases
SELECT wallet_id, holder, epoch, expires_at FROM wallet_leases WHERE wallet_id = ANY ($1::bigint[]) ORDER BY wallet_id

-- name: leases_take
-- Those that nobody holds, and those that end later than any could: they were written before the clock went back. One that a
-- write keeps at this moment is left to its holder; nobody waits here for a holder that hangs.
WITH t AS (SELECT clock_timestamp() AS now, make_interval(secs => $3::double precision) AS ttl),
ended AS (
    SELECT l.wallet_id FROM wallet_leases l, t
    WHERE l.wallet_id = ANY ($2::bigint[]) AND l.holder <> $1
      AND (l.holder = '' OR l.expires_at <= t.now OR l.expires_at > t.now + 2 * t.ttl)
    ORDER BY l.wallet_id
    FOR UPDATE OF l SKIP LOCKED
), taken AS (
    UPDATE wallet_leases l SET holder = $1, epoch = l.epoch + 1, expires_at = t.now + t.ttl
    FROM ended e, t
    WHERE l.wallet_id = e.wallet_id
    RETURNING l.wallet_id, l.holder, l.epoch, l.expires_at
), made AS (
    INSERT INTO wallet_leases AS l (wallet_id, holder, epoch, expires_at)
    SELECT w.id, $1, 1, t.now + t.ttl FROM internal_wallets w, t
    WHERE w.id = ANY ($2::bigint[]) AND NOT EXISTS (SELECT FROM wallet_leases x WHERE x.wallet_id = w.id)
    ORDER BY w.id
    ON CONFLICT DO NOTHING
    RETURNING l.wallet_id, l.holder, l.epoch, l.expires_at
)
SELECT * FROM taken UNION ALL SELECT * FROM made

-- name: leases_prolong
-- The holder's own, in the order of the wallets. $2: of these wallets; NULL: all.
WITH mine AS (
    SELECT wallet_id FROM wallet_leases
    WHERE holder = $1 AND ($2::bigint[] IS NULL OR wallet_id = ANY ($2::bigint[]))
    ORDER BY wallet_id
    FOR NO KEY UPDATE
)
UPDATE wallet_leases l SET expires_at = clock_timestamp() + make_interval(secs => $3::double precision)
FROM mine m
WHERE l.wallet_id = m.wallet_id AND l.holder = $1
RETURNING l.wallet_id, l.holder, l.epoch, l.expires_at

-- name: leases_drop
WITH mine AS (
    SELECT wallet_id FROM wallet_leases
    WHERE holder = $1 AND ($2::bigint[] IS NULL OR wallet_id = ANY ($2::bigint[]))
    ORDER BY wallet_id
    FOR NO KEY UPDATE
)
UPDATE wallet_leases l SET holder = '', expires_at = clock_timestamp()
FROM mine m
WHERE l.wallet_id = m.wallet_id AND l.holder = $1

-- name: leases_told
SELECT pg_notify($1, '')

-- name: leases_hold
-- Whoever took one meanwhile has changed its epoch, which is part of a key: then this waits, and finds the new epoch.
SELECT FROM wallet_leases l
JOIN unnest($1::bigint[], $2::text[], $3::bigint[]) v (wallet_id, holder, epoch)
    ON l.wallet_id = v.wallet_id AND l.holder = v.holder AND l.epoch = v.epoch
ORDER BY l.wallet_id
FOR KEY SHARE OF l
