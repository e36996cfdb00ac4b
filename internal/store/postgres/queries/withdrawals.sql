-- name: withdrawals
SELECT w.seq, w.payment, w.request, w.row_no, w.chain_type, w.chain_id, w.to_address, w.asset, w.contract, w.amount,
    w.state, coalesce(w.outcome, ''), w.reason, w.created_at, w.updated_at, w.ended_at,
    w.authorized_until, coalesce(w.authorized_fee, ''), w.unauthorized,
    coalesce(n.wallet_id, 0), coalesce(i.address, ''), n.nonce, coalesce(n.fence, 0),
    coalesce(n.state = 'reserved' AND n.expires_at <= (SELECT clock_timestamp()) AND i.device IS NOT NULL, false),
    coalesce(a.state, ''), coalesce(a.hash, '')
FROM withdrawals w
LEFT JOIN nonces n ON n.request = w.request AND n.row_no = w.row_no
LEFT JOIN internal_wallets i ON i.id = n.wallet_id
LEFT JOIN LATERAL (
    SELECT x.state, x.hash FROM attempts x WHERE x.payment = w.payment
    ORDER BY x.state IN ('mined', 'final') DESC, x.state NOT IN ('refused', 'superseded') DESC, x.id DESC LIMIT 1
) a ON true
WHERE true

-- name: withdrawal_unasked
w.state IN ('queued', 'assigned')
  AND NOT EXISTS (SELECT 1 FROM attempts x WHERE x.payment = w.payment AND x.state NOT IN ('refused', 'superseded'))

-- name: withdrawal_authorized
w.unauthorized = '' AND (w.authorized_until IS NULL OR w.authorized_until > (SELECT clock_timestamp()))

-- name: withdrawal_lapsed
w.unauthorized = '' AND w.authorized_until <= (SELECT clock_timestamp())

-- name: withdrawal_tokens
SELECT payment, authorizations FROM withdrawals WHERE payment = ANY ($1::text[]) AND authorizations <> ''

-- name: withdrawals_authorize
UPDATE withdrawals w SET authorizations = m.tokens, authorized_until = m.until, authorized_fee = nullif(m.fee, ''), unauthorized = '', updated_at = t.now
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[]) m (payment, tokens, until, fee), (SELECT clock_timestamp() AS now) t
WHERE w.payment = m.payment AND w.state IN ('queued', 'assigned')

-- name: withdrawals_requests
INSERT INTO requests (id, kind, content, wallet_id, row_count, created_at)
SELECT v.id, 'withdrawal', v.content, NULL, 1, clock_timestamp()
FROM unnest($1::text[], $2::text[]) v (id, content)

-- name: withdrawals_add
WITH t AS (SELECT clock_timestamp() AS now)
INSERT INTO withdrawals (payment, request, row_no, chain_type, chain_id, to_address, asset, contract, amount, state,
    authorizations, authorized_until, authorized_fee, created_at, updated_at)
SELECT v.payment, v.request, v.row_no, v.chain_type, v.chain_id, v.to_address, v.asset, v.contract, v.amount, v.state,
    v.tokens, v.until, nullif(v.fee, ''), t.now, t.now
FROM t, unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::timestamptz[], $13::text[])
    WITH ORDINALITY v (payment, request, row_no, chain_type, chain_id, to_address, asset, contract, amount, state, tokens, until, fee, place)
ORDER BY v.place

-- name: nonce_adopted
UPDATE nonces SET for_withdrawal = true WHERE request = $1 AND row_no = $2

-- name: withdrawals_move
UPDATE withdrawals w SET state = m.target, outcome = nullif(m.outcome, ''), reason = m.reason,
    ended_at = CASE WHEN m.target = 'ended' THEN t.now END, updated_at = t.now,
    unauthorized = CASE WHEN m.unauthorized = '' OR w.authorizations <> m.against THEN w.unauthorized ELSE m.unauthorized END
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
        m (payment, at, target, outcome, reason, unauthorized, against),
    (SELECT clock_timestamp() AS now) t
WHERE w.payment = m.payment AND w.state = m.at

-- name: backlog
SELECT chain_type, chain_id, state, count(*), min(created_at) FROM withdrawals WHERE state <> 'ended'
GROUP BY chain_type, chain_id, state ORDER BY chain_type, chain_id, state
