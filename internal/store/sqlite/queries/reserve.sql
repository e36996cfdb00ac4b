-- name: reserve_wallets
-- The wallets named, those that the requests hold rows of, and the active hot ones with a device of the pools.
SELECT id, address, device, path, chain_type, chain_id, wallet_type, nonce, is_active, created_at, updated_at
FROM internal_wallets
WHERE id IN (
    SELECT value FROM json_each(?1)
    UNION
    SELECT n.wallet_id FROM json_each(?2) q JOIN nonces n ON n.request = q.value
    UNION
    SELECT w.id FROM json_each(?3) p JOIN internal_wallets w
        ON w.chain_type = p.value ->> 0 AND w.chain_id = p.value ->> 1
        WHERE w.wallet_type = 'hot' AND w.is_active = 1 AND w.device IS NOT NULL
)
ORDER BY id

-- name: requests
SELECT r.id, r.kind, r.content, coalesce(r.wallet_id, 0), r.row_count, r.created_at
FROM json_each(?1) q JOIN requests r ON r.id = q.value

-- name: reserve_held
SELECT n.wallet_id, n.nonce, n.state, n.request, n.row_no, n.fence, n.expires_at, n.hash, n.updated_at
FROM json_each(?1) q JOIN nonces n ON n.request = q.value
ORDER BY n.wallet_id, n.nonce

-- name: reserve_free
-- The lowest nonces of each wallet that can be given: free, or reserved and expired where a signing machine holds the key.
SELECT wallet_id, nonce, state, request, row_no, fence, expires_at, hash, updated_at
FROM (
    SELECT *, row_number() OVER (PARTITION BY wallet_id ORDER BY nonce) AS place
    FROM (
        SELECT n.* FROM json_each(?1) v JOIN nonces n ON n.wallet_id = v.value AND n.state = 'free'
        UNION ALL
        SELECT n.* FROM json_each(?1) v JOIN internal_wallets w ON w.id = v.value AND w.device IS NOT NULL
            JOIN nonces n ON n.wallet_id = w.id AND n.state = 'reserved' AND n.expires_at <= ?2
    )
)
WHERE place <= ?3
ORDER BY wallet_id, nonce

-- name: requests_add
INSERT INTO requests (id, kind, content, wallet_id, row_count, created_at)
SELECT v.value ->> 0, v.value ->> 1, v.value ->> 2, nullif(v.value ->> 3, 0), v.value ->> 4, ?2
FROM json_each(?1) v

-- name: nonces_clear
-- A row is given again only as it was read: free or reserved, with the fence just below the new one. Its request goes first, so
-- that requests may change places.
UPDATE nonces SET state = 'free', request = NULL, row_no = 0, expires_at = NULL, for_withdrawal = 0, updated_at = ?2
FROM json_each(?1) v
WHERE nonces.wallet_id = v.value ->> 0 AND nonces.nonce = v.value ->> 1 AND nonces.state IN ('free', 'reserved')
  AND nonces.fence = (v.value ->> 4) - 1

-- name: nonces_take
UPDATE nonces SET state = 'reserved', request = v.value ->> 2, row_no = v.value ->> 3, fence = v.value ->> 4, expires_at = v.value ->> 5,
    for_withdrawal = EXISTS (SELECT 1 FROM withdrawals w WHERE w.request = v.value ->> 2 AND w.row_no = v.value ->> 3), updated_at = ?2
FROM json_each(?1) v
WHERE nonces.wallet_id = v.value ->> 0 AND nonces.nonce = v.value ->> 1

-- name: nonces_insert
INSERT INTO nonces (wallet_id, nonce, state, request, row_no, fence, expires_at, for_withdrawal, updated_at)
SELECT v.value ->> 0, v.value ->> 1, 'reserved', v.value ->> 2, v.value ->> 3, v.value ->> 4, v.value ->> 5,
    EXISTS (SELECT 1 FROM withdrawals w WHERE w.request = v.value ->> 2 AND w.row_no = v.value ->> 3), ?2
FROM json_each(?1) v

-- name: withdrawals_assign
UPDATE withdrawals SET state = 'assigned', reason = '', updated_at = ?2
FROM json_each(?1) v
WHERE withdrawals.payment = v.value AND withdrawals.state IN ('queued', 'assigned')
