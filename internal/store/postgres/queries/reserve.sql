-- name: reserve_set
-- The ids of the wallets named, of those that the requests hold rows of, and of the active hot ones with a device of the pools.
-- It leaves them to the statements that come after it in the same round trip, which cannot be told what it found.
SELECT set_config('coffer.wallets', ($1::bigint[]
    || ARRAY(SELECT n.wallet_id FROM nonces n WHERE n.request = ANY ($2::text[]))
    || ARRAY(
        SELECT w.id FROM unnest($3::text[], $4::bigint[]) p (chain_type, chain_id)
        JOIN internal_wallets w ON w.chain_type = p.chain_type AND w.chain_id = p.chain_id
        WHERE w.wallet_type = 'hot' AND w.is_active = 1 AND w.device IS NOT NULL))::text, true)

-- name: reserve_wallets
-- It sorts first and locks then. What it returns of a row that it waited for is the row as it is after the wait.
SELECT id, address, coalesce(device, ''), coalesce(path, ''), chain_type, chain_id, wallet_type, nonce, is_active = 1, created_at, updated_at
FROM internal_wallets
WHERE id = ANY (current_setting('coffer.wallets')::bigint[])
ORDER BY id
FOR NO KEY UPDATE

-- name: reserve_loads
SELECT w.id,
    c.reserved - (SELECT count(*) FROM nonces n
        WHERE n.wallet_id = w.id AND n.state = 'reserved' AND n.expires_at <= (SELECT clock_timestamp()) AND w.device IS NOT NULL),
    (SELECT count(*) FROM nonces n
        WHERE n.wallet_id = w.id AND n.state = 'reserved' AND n.for_withdrawal
          AND (n.expires_at IS NULL OR n.expires_at > (SELECT clock_timestamp()) OR w.device IS NULL)),
    f.unmined, f.in_flight,
    CASE WHEN (SELECT EXISTS (SELECT FROM alarms x WHERE x.brake AND x.ended_at IS NULL)) THEN coalesce((SELECT why FROM (
        (SELECT x.id, x.why FROM alarms x
            WHERE x.wallet_id = w.id AND x.brake AND x.ended_at IS NULL AND x.wallet_id IS NOT NULL ORDER BY x.id LIMIT 1)
        UNION ALL
        (SELECT x.id, x.why FROM alarms x
            WHERE x.chain_type = w.chain_type AND x.chain_id = w.chain_id AND x.brake AND x.ended_at IS NULL AND x.wallet_id IS NULL
            ORDER BY x.id LIMIT 1)
        ORDER BY id LIMIT 1) b), '') ELSE '' END
FROM internal_wallets w
JOIN wallet_counts c ON c.wallet_id = w.id
CROSS JOIN LATERAL (
    -- One below the highest final nonce is looked at by itself: there it may be that another attempt of it is final.
    SELECT count(*) FILTER (WHERE NOT x.mined AND NOT (
            x.nonce <= coalesce((SELECT max(nonce) FROM attempts WHERE state = 'final' AND wallet_id = w.id), -1)
            AND EXISTS (SELECT FROM attempts a WHERE a.wallet_id = w.id AND a.nonce = x.nonce AND a.state = 'final'))
            AND NOT EXISTS (SELECT FROM external_ranges e WHERE e.wallet_id = w.id AND x.nonce BETWEEN e.first_nonce AND e.last_nonce)) AS unmined,
        count(*) AS in_flight
    FROM (
        SELECT a.nonce, bool_or(a.state = 'mined') AS mined FROM attempts a
        WHERE a.wallet_id = w.id AND a.state IN ('asked', 'signed', 'sent', 'mined') GROUP BY a.nonce) x
) f
WHERE w.id = ANY (current_setting('coffer.wallets')::bigint[])

-- name: reserve_free
-- The lowest nonces of each wallet that can be given: free, or reserved and expired where a signing machine holds the key.
SELECT f.wallet_id, f.nonce, f.state, coalesce(f.request, ''), f.row_no, f.fence, f.expires_at, coalesce(f.hash, ''), f.updated_at
FROM internal_wallets w
CROSS JOIN LATERAL (
    (SELECT * FROM nonces n WHERE n.wallet_id = w.id AND n.state = 'free' ORDER BY n.nonce LIMIT $1::int)
    UNION ALL
    (SELECT * FROM nonces n
     WHERE n.wallet_id = w.id AND n.state = 'reserved' AND n.expires_at <= (SELECT clock_timestamp()) AND w.device IS NOT NULL)
    ORDER BY nonce LIMIT $1::int
) f
WHERE w.id = ANY (current_setting('coffer.wallets')::bigint[])
ORDER BY f.wallet_id, f.nonce

-- name: reserve_requests
-- The clock, and what there is of the requests with the rows they hold. It comes last, so that what a statement before it took
-- for expired is expired by this clock.
SELECT t.now, coalesce(q.id, ''), coalesce(q.kind, ''), coalesce(q.content, ''), coalesce(q.wallet_id, 0), coalesce(q.row_count, 0), q.created_at,
    coalesce(n.wallet_id, 0), coalesce(n.nonce, 0), coalesce(n.state, ''), coalesce(n.request, ''), coalesce(n.row_no, 0), coalesce(n.fence, 0),
    n.expires_at, coalesce(n.hash, ''), n.updated_at
FROM (SELECT clock_timestamp() AS now) t
LEFT JOIN (requests q LEFT JOIN nonces n ON n.request = q.id) ON q.id = ANY ($1::text[])
ORDER BY n.wallet_id, n.nonce

-- name: requests
SELECT id, kind, content, coalesce(wallet_id, 0), row_count, created_at FROM requests WHERE id = ANY ($1::text[])

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
-- All of a plan but the rows given again and the withdrawals. Its parts see the database as it was before; none needs what
-- another one writes. $15: whether withdrawals may be among the requests.
WITH moved AS (
    UPDATE internal_wallets w SET nonce = c.target, updated_at = clock_timestamp()
    FROM (SELECT unnest($1::bigint[]) AS id, unnest($2::bigint[]) AS at, unnest($3::bigint[]) AS target) c
    WHERE w.id = c.id AND w.nonce = c.at
    RETURNING 1
), requested AS (
    INSERT INTO requests (id, kind, content, wallet_id, row_count, created_at)
    SELECT unnest($4::text[]), unnest($5::text[]), unnest($6::text[]), unnest($7::bigint[]), unnest($8::int[]), clock_timestamp()
), inserted AS (
    INSERT INTO nonces (wallet_id, nonce, request, row_no, fence, expires_at, state, for_withdrawal, updated_at)
    SELECT v.*, 'reserved',
        CASE WHEN $15::boolean THEN EXISTS (SELECT 1 FROM withdrawals w WHERE w.request = v.request AND w.row_no = v.row_no) ELSE false END,
        clock_timestamp()
    FROM (SELECT unnest($9::bigint[]), unnest($10::bigint[]), unnest($11::text[]) AS request, unnest($12::int[]) AS row_no, unnest($13::bigint[]),
        unnest($14::timestamptz[])) v
), recorded AS (
    INSERT INTO audit_log (at, actor, action, subject, before, after, result, reason, signed)
    SELECT clock_timestamp(), unnest($16::text[]), unnest($17::text[]), unnest($18::text[]), unnest($19::text[]), unnest($20::text[]),
        unnest($21::text[]), unnest($22::text[]), unnest($23::text[])
    RETURNING id
), waiting AS (
    INSERT INTO audit_unsealed (audit_id) SELECT id FROM recorded
)
SELECT all_or_stale('move a cursor', (SELECT count(*) FROM moved), cardinality($1::bigint[]))

-- name: reserve_write_one
-- The same for one row at the cursor, which is what most reservations are when callers come one at a time.
WITH moved AS (
    UPDATE internal_wallets SET nonce = $3, updated_at = clock_timestamp() WHERE id = $1 AND nonce = $2 RETURNING id
), requested AS (
    INSERT INTO requests (id, kind, content, wallet_id, row_count, created_at) VALUES ($4, $5, $6, $7, $8, clock_timestamp())
), inserted AS (
    INSERT INTO nonces (wallet_id, nonce, request, row_no, fence, expires_at, state, for_withdrawal, updated_at)
    VALUES ($9, $10, $4, $11, $12, $13, 'reserved', false, clock_timestamp())
), recorded AS (
    INSERT INTO audit_log (at, actor, action, subject, before, after, result, reason, signed)
    VALUES (clock_timestamp(), $14, $15, $16, $17, $18, $19, $20, $21)
    RETURNING id
), waiting AS (
    INSERT INTO audit_unsealed (audit_id) SELECT id FROM recorded
)
SELECT all_or_stale('move a cursor', m.n, 1) FROM (SELECT count(*) AS n FROM moved) m WHERE m.n <> 1

-- name: withdrawals_assign
WITH assigned AS (
    UPDATE withdrawals w SET state = 'assigned', reason = '', updated_at = clock_timestamp()
    FROM unnest($1::text[]) v (payment)
    WHERE w.payment = v.payment AND w.state IN ('queued', 'assigned')
    RETURNING 1
)
SELECT all_or_stale('assign withdrawals', (SELECT count(*) FROM assigned), $2)
