-- name: front_slots
SELECT n.wallet_id, n.nonce, n.state, n.request, n.row_no, n.fence, n.expires_at, n.hash, n.updated_at,
    EXISTS (SELECT 1 FROM attempts a WHERE a.wallet_id = n.wallet_id AND a.nonce = n.nonce AND a.state = 'asked'),
    n.hash IS NOT NULL OR EXISTS (SELECT 1 FROM attempts a
        WHERE a.wallet_id = n.wallet_id AND a.nonce = n.nonce AND a.state IN ('signed', 'sent', 'mined', 'final', 'superseded')),
    EXISTS (SELECT 1 FROM attempts a WHERE a.wallet_id = n.wallet_id AND a.nonce = n.nonce AND a.state = 'final')
FROM nonces n
WHERE n.wallet_id = ?1 AND n.nonce >= ?2
ORDER BY n.nonce
LIMIT ?3

-- name: front_below
SELECT * FROM (
    SELECT n.wallet_id, n.nonce, n.state, n.request, n.row_no, n.fence, n.expires_at, n.hash, n.updated_at
    FROM nonces n WHERE n.wallet_id = ?1 AND n.state = 'free' AND n.nonce < ?2 ORDER BY n.nonce LIMIT ?3)
UNION ALL
SELECT * FROM (
    SELECT n.wallet_id, n.nonce, n.state, n.request, n.row_no, n.fence, n.expires_at, n.hash, n.updated_at
    FROM nonces n WHERE n.wallet_id = ?1 AND n.state = 'reserved' AND n.nonce < ?2 ORDER BY n.nonce LIMIT ?3)
ORDER BY state, nonce

-- name: front_externals
SELECT wallet_id, first_nonce, last_nonce, evidence, reason, at FROM external_ranges
WHERE wallet_id = ?1 AND last_nonce >= ?2 ORDER BY first_nonce

-- name: front_top
SELECT max(nonce) FROM (
    SELECT max(nonce) AS nonce FROM attempts WHERE state = 'signed' AND wallet_id = ?1 UNION ALL
    SELECT max(nonce) FROM attempts WHERE state = 'sent' AND wallet_id = ?1 UNION ALL
    SELECT max(nonce) FROM attempts WHERE state = 'mined' AND wallet_id = ?1 UNION ALL
    SELECT max(nonce) FROM attempts WHERE state = 'final' AND wallet_id = ?1 UNION ALL
    SELECT max(nonce) FROM attempts WHERE state = 'superseded' AND wallet_id = ?1)
