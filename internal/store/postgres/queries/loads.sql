-- name: load_counts
SELECT v.id,
    c.reserved - (SELECT count(*) FROM nonces n
        WHERE n.wallet_id = v.id AND n.state = 'reserved' AND n.expires_at <= (SELECT clock_timestamp()) AND w.device IS NOT NULL),
    (SELECT count(*) FROM nonces n
        WHERE n.wallet_id = v.id AND n.state = 'reserved' AND n.for_withdrawal
          AND (n.expires_at IS NULL OR n.expires_at > (SELECT clock_timestamp()) OR w.device IS NULL)),
    (SELECT count(*) FROM (
        SELECT DISTINCT a.nonce FROM attempts a WHERE a.wallet_id = v.id AND a.state IN ('asked', 'signed', 'sent')) x),
    (SELECT count(*) FROM (
        SELECT DISTINCT a.nonce FROM attempts a WHERE a.wallet_id = v.id AND a.state IN ('asked', 'signed', 'sent', 'mined')) x)
FROM unnest($1::bigint[]) WITH ORDINALITY v (id, place)
JOIN internal_wallets w ON w.id = v.id
JOIN wallet_counts c ON c.wallet_id = v.id
ORDER BY v.place

-- name: load_rest
SELECT v.id, w.nonce, w.is_active = 1, w.updated_at,
    (SELECT count(*) FROM nonces n WHERE n.wallet_id = w.id AND n.state = 'free')
  + (SELECT count(*) FROM nonces n
        WHERE n.wallet_id = w.id AND n.state = 'reserved' AND n.expires_at <= (SELECT clock_timestamp()) AND w.device IS NOT NULL),
    (SELECT min(a.nonce) FROM attempts a WHERE a.state IN ('asked', 'signed', 'sent') AND a.wallet_id = w.id)
FROM unnest($1::bigint[]) WITH ORDINALITY v (id, place)
JOIN internal_wallets w ON w.id = v.id
JOIN wallet_counts c ON c.wallet_id = v.id
ORDER BY v.place

-- name: last_used
SELECT max(updated_at) FROM attempts WHERE wallet_id = $1

-- name: load_gaps
-- Rows below the highest signed nonce that have no signed attempt. External nonces have no rows.
SELECT v.place, g.nonce
FROM unnest($1::bigint[]) WITH ORDINALITY v (id, place)
CROSS JOIN LATERAL (SELECT greatest(
    (SELECT max(nonce) FROM attempts WHERE state = 'signed' AND wallet_id = v.id),
    (SELECT max(nonce) FROM attempts WHERE state = 'sent' AND wallet_id = v.id),
    (SELECT max(nonce) FROM attempts WHERE state = 'mined' AND wallet_id = v.id),
    (SELECT max(nonce) FROM attempts WHERE state = 'final' AND wallet_id = v.id)) AS nonce) top
CROSS JOIN LATERAL (
    SELECT n.nonce FROM nonces n WHERE n.wallet_id = v.id AND n.state = 'free' AND n.nonce < top.nonce
    UNION
    SELECT n.nonce FROM nonces n WHERE n.wallet_id = v.id AND n.state = 'reserved' AND n.nonce < top.nonce
    UNION
    SELECT a.nonce FROM attempts a
    WHERE a.state IN ('asked', 'refused') AND a.wallet_id = v.id AND a.nonce < top.nonce
      AND NOT EXISTS (SELECT 1 FROM attempts s WHERE s.wallet_id = v.id AND s.nonce = a.nonce AND s.state NOT IN ('asked', 'refused'))
    ORDER BY 1
    LIMIT 100
) g
ORDER BY v.place, g.nonce
