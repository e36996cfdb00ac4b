-- name: load_counts
SELECT v.value,
    c.reserved - (SELECT count(*) FROM nonces n
        WHERE n.wallet_id = v.value AND n.state = 'reserved' AND n.expires_at <= ?2 AND w.device IS NOT NULL),
    (SELECT count(*) FROM nonces n
        WHERE n.wallet_id = v.value AND n.state = 'reserved' AND n.for_withdrawal = 1
          AND (n.expires_at IS NULL OR n.expires_at > ?2 OR w.device IS NULL)),
    (SELECT count(DISTINCT a.nonce) FROM attempts a WHERE a.state IN ('asked', 'signed', 'sent') AND a.wallet_id = v.value
        AND NOT EXISTS (SELECT 1 FROM attempts m WHERE m.wallet_id = v.value AND m.nonce = a.nonce AND m.state IN ('mined', 'final'))
        AND NOT EXISTS (SELECT 1 FROM external_ranges e WHERE e.wallet_id = v.value AND a.nonce BETWEEN e.first_nonce AND e.last_nonce)),
    (SELECT count(DISTINCT a.nonce) FROM attempts a WHERE a.state IN ('asked', 'signed', 'sent', 'mined') AND a.wallet_id = v.value),
    ifnull((SELECT why FROM (
        SELECT * FROM (SELECT x.id, x.why FROM alarms x
            WHERE x.wallet_id = w.id AND x.brake = 1 AND x.ended_at IS NULL AND x.wallet_id IS NOT NULL ORDER BY x.id LIMIT 1)
        UNION ALL
        SELECT * FROM (SELECT x.id, x.why FROM alarms x
            WHERE x.chain_type = w.chain_type AND x.chain_id = w.chain_id AND x.brake = 1 AND x.ended_at IS NULL AND x.wallet_id IS NULL
            ORDER BY x.id LIMIT 1)
        ORDER BY id LIMIT 1)), '')
FROM json_each(?1) v
JOIN internal_wallets w ON w.id = v.value
JOIN wallet_counts c ON c.wallet_id = v.value
ORDER BY v.key

-- name: load_rest
SELECT w.nonce, w.is_active, w.updated_at,
    (SELECT count(*) FROM nonces n WHERE n.wallet_id = w.id AND n.state = 'free')
     + (SELECT count(*) FROM nonces n WHERE n.wallet_id = w.id AND n.state = 'reserved' AND n.expires_at <= ?2 AND w.device IS NOT NULL),
    (SELECT min(a.nonce) FROM attempts a WHERE a.state IN ('asked', 'signed', 'sent') AND a.wallet_id = w.id
        AND NOT EXISTS (SELECT 1 FROM attempts m WHERE m.wallet_id = w.id AND m.nonce = a.nonce AND m.state IN ('mined', 'final'))
        AND NOT EXISTS (SELECT 1 FROM external_ranges e WHERE e.wallet_id = w.id AND a.nonce BETWEEN e.first_nonce AND e.last_nonce))
FROM internal_wallets w
WHERE w.id = ?1

-- name: last_used
SELECT max(updated_at) FROM attempts WHERE wallet_id = ?1

-- name: load_gaps
-- Rows below the highest signed nonce that have no signed attempt and are not external. Superseded counts as signed: the nonce was
-- spent. (SELECT ?1), because from 3.54 on SQLite plans a query with wallet_id = ?1 anew whenever the id changes from or to 1 (or 0), which
-- takes ten times as long as the query.
WITH top (nonce) AS (
    SELECT max(
        ifnull((SELECT max(nonce) FROM attempts WHERE state = 'signed' AND wallet_id = (SELECT ?1)), -1),
        ifnull((SELECT max(nonce) FROM attempts WHERE state = 'sent' AND wallet_id = (SELECT ?1)), -1),
        ifnull((SELECT max(nonce) FROM attempts WHERE state = 'mined' AND wallet_id = (SELECT ?1)), -1),
        ifnull((SELECT max(nonce) FROM attempts WHERE state = 'final' AND wallet_id = (SELECT ?1)), -1),
        ifnull((SELECT max(nonce) FROM attempts WHERE state = 'superseded' AND wallet_id = (SELECT ?1)), -1))
)
SELECT n.nonce FROM nonces n, top WHERE n.wallet_id = (SELECT ?1) AND n.state = 'free' AND n.nonce < top.nonce
UNION
SELECT n.nonce FROM nonces n, top WHERE n.wallet_id = (SELECT ?1) AND n.state = 'reserved' AND n.nonce < top.nonce
UNION
SELECT a.nonce FROM attempts a, top
WHERE a.state IN ('asked', 'refused') AND a.wallet_id = (SELECT ?1) AND a.nonce < top.nonce
  AND NOT EXISTS (SELECT 1 FROM attempts s WHERE s.wallet_id = (SELECT ?1) AND s.nonce = a.nonce AND s.state NOT IN ('asked', 'refused'))
  AND NOT EXISTS (SELECT 1 FROM external_ranges e WHERE e.wallet_id = (SELECT ?1) AND a.nonce BETWEEN e.first_nonce AND e.last_nonce)
ORDER BY 1
LIMIT 100
