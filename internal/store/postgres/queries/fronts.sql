-- name: front_slots
SELECT n.wallet_id, n.nonce, n.state, coalesce(n.request, ''), n.row_no, n.fence, n.expires_at, coalesce(n.hash, ''), n.updated_at,
    EXISTS (SELECT FROM attempts a WHERE a.wallet_id = n.wallet_id AND a.nonce = n.nonce AND a.state = 'asked'),
    n.hash IS NOT NULL OR EXISTS (SELECT FROM attempts a
        WHERE a.wallet_id = n.wallet_id AND a.nonce = n.nonce AND a.state IN ('signed', 'sent', 'mined', 'final', 'superseded')),
    EXISTS (SELECT FROM attempts a WHERE a.wallet_id = n.wallet_id AND a.nonce = n.nonce AND a.state = 'final')
FROM unnest($1::bigint[], $2::bigint[]) f (wallet_id, first)
CROSS JOIN LATERAL (
    SELECT * FROM nonces x WHERE x.wallet_id = f.wallet_id AND x.nonce >= f.first ORDER BY x.nonce LIMIT $3
) n
ORDER BY n.wallet_id, n.nonce

-- name: front_below
SELECT n.wallet_id, n.nonce, n.state, coalesce(n.request, ''), n.row_no, n.fence, n.expires_at, coalesce(n.hash, ''), n.updated_at
FROM unnest($1::bigint[], $2::bigint[]) f (wallet_id, first)
CROSS JOIN LATERAL (
    (SELECT * FROM nonces x WHERE x.wallet_id = f.wallet_id AND x.state = 'free' AND x.nonce < f.first ORDER BY x.nonce LIMIT $3)
    UNION ALL
    (SELECT * FROM nonces x WHERE x.wallet_id = f.wallet_id AND x.state = 'reserved' AND x.nonce < f.first ORDER BY x.nonce LIMIT $3)
) n
ORDER BY n.wallet_id, n.state, n.nonce

-- name: front_externals
SELECT e.wallet_id, e.first_nonce, e.last_nonce, e.evidence, e.reason, e.at
FROM unnest($1::bigint[], $2::bigint[]) f (wallet_id, first)
JOIN external_ranges e ON e.wallet_id = f.wallet_id AND e.last_nonce >= f.first
ORDER BY e.wallet_id, e.first_nonce

-- name: front_tops
SELECT f.wallet_id, greatest(
    (SELECT max(nonce) FROM attempts WHERE state = 'signed' AND wallet_id = f.wallet_id),
    (SELECT max(nonce) FROM attempts WHERE state = 'sent' AND wallet_id = f.wallet_id),
    (SELECT max(nonce) FROM attempts WHERE state = 'mined' AND wallet_id = f.wallet_id),
    (SELECT max(nonce) FROM attempts WHERE state = 'final' AND wallet_id = f.wallet_id),
    (SELECT max(nonce) FROM attempts WHERE state = 'superseded' AND wallet_id = f.wallet_id))
FROM unnest($1::bigint[]) f (wallet_id)
