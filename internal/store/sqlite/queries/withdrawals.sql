-- name: withdrawals
SELECT w.seq, w.payment, w.request, w.row_no, w.chain_type, w.chain_id, w.to_address, w.asset, w.contract, w.amount,
    w.state, w.outcome, w.reason, w.created_at, w.updated_at, w.ended_at,
    w.authorized_until, w.authorized_fee, w.unauthorized,
    n.wallet_id, i.address, n.nonce, n.fence, n.state = 'reserved' AND ifnull(n.expires_at <= ?, false) AND i.device IS NOT NULL,
    a.state, a.hash
FROM withdrawals w
LEFT JOIN nonces n ON n.request = w.request AND n.row_no = w.row_no
LEFT JOIN internal_wallets i ON i.id = n.wallet_id
LEFT JOIN attempts a ON a.id = (
    SELECT x.id FROM attempts x WHERE x.payment = w.payment
    ORDER BY x.state IN ('mined', 'final') DESC, x.state NOT IN ('refused', 'superseded') DESC, x.id DESC LIMIT 1)
WHERE true

-- name: withdrawal_unasked
w.state IN ('queued', 'assigned')
  AND NOT EXISTS (SELECT 1 FROM attempts x WHERE x.payment = w.payment AND x.state NOT IN ('refused', 'superseded'))

-- name: withdrawal_authorized
w.unauthorized = '' AND (w.authorized_until IS NULL OR w.authorized_until > ?)

-- name: withdrawal_lapsed
w.unauthorized = '' AND w.authorized_until <= ?

-- name: withdrawal_tokens
SELECT payment, authorizations FROM withdrawals WHERE payment IN (SELECT value FROM json_each(?)) AND authorizations <> ''

-- name: withdrawal_authorize
UPDATE withdrawals SET authorizations = ?2, authorized_until = ?3, authorized_fee = ?4, unauthorized = '', updated_at = ?5
WHERE payment = ?1 AND state IN ('queued', 'assigned')

-- name: withdrawals_add
INSERT INTO withdrawals (payment, request, row_no, chain_type, chain_id, to_address, asset, contract, amount, state,
    authorizations, authorized_until, authorized_fee, created_at, updated_at)
SELECT v.value ->> 0, v.value ->> 1, v.value ->> 2, v.value ->> 3, v.value ->> 4, v.value ->> 5, v.value ->> 6, v.value ->> 7, v.value ->> 8,
    v.value ->> 9, v.value ->> 10, v.value ->> 11, v.value ->> 12, ?2, ?2
FROM json_each(?1) v
ORDER BY v.key

-- name: withdrawal_move
UPDATE withdrawals SET state = ?3, outcome = ?4, reason = ?5, ended_at = ?6, updated_at = ?7,
    unauthorized = iif(?8 = '' OR authorizations <> ?9, unauthorized, ?8)
WHERE payment = ?1 AND state = ?2

-- name: backlog
SELECT chain_type, chain_id, state, count(*), min(created_at) FROM withdrawals WHERE state <> 'ended'
GROUP BY chain_type, chain_id, state ORDER BY chain_type, chain_id, state
