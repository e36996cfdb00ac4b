-- name: reserve_set
-- The wallets named, those that the requests hold rows of, and the active hot ones with a device of the pools. The statements
-- below have it where they name it in braces: in one round trip none of them can be told what another one found.
SELECT unnest($1::bigint[])
UNION
SELECT n.wallet_id FROM nonces n WHERE n.request = ANY ($2::text[])
UNION
SELECT w.id FROM unnest($3::text[], $4::bigint[]) p (chain_type, chain_id)
JOIN internal_wallets w ON w.chain_type = p.chain_type AND w.chain_id = p.chain_id
WHERE w.wallet_type = 'hot' AND w.is_active = 1 AND w.device IS NOT NULL

-- name: reserve_wallets
-- It sorts first and locks then. What it returns of a row that it waited for is the row as it is after the wait.
SELECT id, address, coalesce(device, ''), coalesce(path, ''), chain_type, chain_id, wallet_type, nonce, is_active = 1, created_at, updated_at
FROM internal_wallets
WHERE id IN ({reserve_set})
ORDER BY id
FOR NO KEY UPDATE

-- name: reserve_loads
SELECT w.id,
    c.reserved - (SELECT count(*) FROM nonces n
        WHERE n.wallet_id = w.id AND n.state = 'reserved' AND n.expires_at <= (SELECT clock_timestamp()) AND w.device IS NOT NULL),
    (SELECT count(*) FROM nonces n
        WHERE n.wallet_id = w.id AND n.state = 'reserved' AND n.for_withdrawal
          AND (n.expires_at IS NULL OR n.expires_at > (SELECT clock_timestamp()) OR w.device IS NULL)),
    (SELECT count(DISTINCT a.nonce) FROM attempts a WHERE a.state IN ('asked', 'signed', 'sent') AND a.wallet_id = w.id),
    (SELECT count(DISTINCT a.nonce) FROM attempts a WHERE a.state IN ('asked', 'signed', 'sent', 'mined') AND a.wallet_id = w.id)
FROM ({reserve_set}) v (id)
JOIN internal_wallets w ON w.id = v.id
JOIN wallet_counts c ON c.wallet_id = v.id

-- name: reserve_free
-- The lowest nonces of each wallet that can be given: free, or reserved and expired where a signing machine holds the key.
SELECT f.wallet_id, f.nonce, f.state, coalesce(f.request, ''), f.row_no, f.fence, f.expires_at, coalesce(f.hash, ''), f.updated_at
FROM ({reserve_set}) v (id)
CROSS JOIN LATERAL (
    (SELECT * FROM nonces n WHERE n.wallet_id = v.id AND n.state = 'free' ORDER BY n.nonce LIMIT $5::int)
    UNION ALL
    (SELECT n.* FROM internal_wallets w JOIN nonces n ON n.wallet_id = w.id
     WHERE w.id = v.id AND w.device IS NOT NULL AND n.state = 'reserved' AND n.expires_at <= (SELECT clock_timestamp()))
    ORDER BY nonce LIMIT $5::int
) f
ORDER BY f.wallet_id, f.nonce

-- name: requests
SELECT id, kind, content, coalesce(wallet_id, 0), row_count, created_at FROM requests WHERE id = ANY ($1::text[])

-- name: reserve_held
SELECT n.wallet_id, n.nonce, n.state, coalesce(n.request, ''), n.row_no, n.fence, n.expires_at, coalesce(n.hash, ''), n.updated_at
FROM nonces n
WHERE n.request = ANY ($1::text[])
ORDER BY n.wallet_id, n.nonce

-- name: counts_lock
-- Triggers change the counts in the end. Taken first and in order, the counts of two transactions never wait for each other.
SELECT FROM wallet_counts WHERE wallet_id = ANY ($1::bigint[]) ORDER BY wallet_id FOR NO KEY UPDATE

-- name: nonces_clear
-- A row is given again only as it was read: free or reserved, with the fence just below the new one. Its request goes first, so
-- that requests may change places.
WITH cleared AS (
    UPDATE nonces n SET state = 'free', request = NULL, row_no = 0, expires_at = NULL, for_withdrawal = false, updated_at = clock_timestamp()
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) v (wallet_id, nonce, fence)
    WHERE n.wallet_id = v.wallet_id AND n.nonce = v.nonce AND n.state IN ('free', 'reserved') AND n.fence = v.fence - 1
    RETURNING 1
)
SELECT all_or_stale('give nonces again', (SELECT count(*) FROM cleared), $4)

-- name: nonces_take
UPDATE nonces n SET state = 'reserved', request = v.request, row_no = v.row_no, fence = v.fence, expires_at = v.expires_at,
    for_withdrawal = EXISTS (SELECT 1 FROM withdrawals w WHERE w.request = v.request AND w.row_no = v.row_no), updated_at = clock_timestamp()
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::int[], $5::bigint[], $6::timestamptz[]) v (wallet_id, nonce, request, row_no, fence, expires_at)
WHERE n.wallet_id = v.wallet_id AND n.nonce = v.nonce

-- name: reserve_write
-- All of a plan but the rows given again. Its parts see the database as it was before; none needs what another one writes.
WITH t AS (SELECT clock_timestamp() AS now),
moved AS (
    UPDATE internal_wallets w SET nonce = c.target, updated_at = t.now
    FROM t, unnest($1::bigint[], $2::bigint[], $3::bigint[]) c (id, at, target)
    WHERE w.id = c.id AND w.nonce = c.at
    RETURNING 1
), requested AS (
    INSERT INTO requests (id, kind, content, wallet_id, row_count, created_at)
    SELECT q.id, q.kind, q.content, nullif(q.wallet_id, 0), q.row_count, t.now
    FROM t, unnest($4::text[], $5::text[], $6::text[], $7::bigint[], $8::int[]) q (id, kind, content, wallet_id, row_count)
), inserted AS (
    INSERT INTO nonces (wallet_id, nonce, state, request, row_no, fence, expires_at, for_withdrawal, updated_at)
    SELECT v.wallet_id, v.nonce, 'reserved', v.request, v.row_no, v.fence, v.expires_at,
        EXISTS (SELECT 1 FROM withdrawals w WHERE w.request = v.request AND w.row_no = v.row_no), t.now
    FROM t, unnest($9::bigint[], $10::bigint[], $11::text[], $12::int[], $13::bigint[], $14::timestamptz[])
        v (wallet_id, nonce, request, row_no, fence, expires_at)
), assigned AS (
    UPDATE withdrawals w SET state = 'assigned', reason = '', updated_at = t.now
    FROM t, unnest($15::text[]) v (payment)
    WHERE w.payment = v.payment AND w.state IN ('queued', 'assigned')
    RETURNING 1
), recorded AS (
    INSERT INTO audit_log (at, actor, action, subject, before, after, result, reason)
    SELECT t.now, v.actor, v.action, v.subject, v.before, v.after, v.result, v.reason
    FROM t, unnest($16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[], $22::text[])
        WITH ORDINALITY v (actor, action, subject, before, after, result, reason, place)
    ORDER BY v.place
)
SELECT all_or_stale('move a cursor', (SELECT count(*) FROM moved), cardinality($1::bigint[])),
    all_or_stale('assign a withdrawal', (SELECT count(*) FROM assigned), cardinality($15::text[]))
