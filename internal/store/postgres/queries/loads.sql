-- name: load_counts
SELECT v.id,
    c.reserved - (SELECT count(*) FROM nonces n
        WHERE n.wallet_id = v.id AND n.state = 'reserved' AND n.expires_at <= (SELECT clock_timestamp()) AND w.device IS NOT NULL),
    (SELECT count(*) FROM nonces n
        WHERE n.wallet_id = v.id AND n.state = 'reserved' AND n.for_withdrawal
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
FROM unnest($1::bigint[]) WITH ORDINALITY v (id, place)
JOIN internal_wallets w ON w.id = v.id
JOIN wallet_counts c ON c.wallet_id = v.id
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
ORDER BY v.place

-- name: load_rest
SELECT v.id, w.nonce, w.is_active = 1, w.updated_at,
    (SELECT count(*) FROM nonces n WHERE n.wallet_id = w.id AND n.state = 'free')
  + (SELECT count(*) FROM nonces n
        WHERE n.wallet_id = w.id AND n.state = 'reserved' AND n.expires_at <= (SELECT clock_timestamp()) AND w.device IS NOT NULL),
    (SELECT a.nonce FROM attempts a
        WHERE a.wallet_id = w.id AND a.state IN ('asked', 'signed', 'sent')
          AND NOT EXISTS (SELECT FROM attempts m WHERE m.wallet_id = w.id AND m.nonce = a.nonce AND m.state IN ('mined', 'final'))
          AND NOT EXISTS (SELECT FROM external_ranges e WHERE e.wallet_id = w.id AND a.nonce BETWEEN e.first_nonce AND e.last_nonce)
        ORDER BY a.nonce LIMIT 1)
FROM unnest($1::bigint[]) WITH ORDINALITY v (id, place)
JOIN internal_wallets w ON w.id = v.id
JOIN wallet_counts c ON c.wallet_id = v.id
ORDER BY v.place

-- name: last_used
SELECT max(updated_at) FROM attempts WHERE wallet_id = $1

-- name: load_gaps
-- Rows below the highest signed nonce that have no signed attempt and are not external. Superseded counts as signed: the nonce was
-- spent.
SELECT v.place, g.nonce
FROM unnest($1::bigint[]) WITH ORDINALITY v (id, place)
CROSS JOIN LATERAL (SELECT greatest(
    (SELECT max(nonce) FROM attempts WHERE state = 'signed' AND wallet_id = v.id),
    (SELECT max(nonce) FROM attempts WHERE state = 'sent' AND wallet_id = v.id),
    (SELECT max(nonce) FROM attempts WHERE state = 'mined' AND wallet_id = v.id),
    (SELECT max(nonce) FROM attempts WHERE state = 'final' AND wallet_id = v.id),
    (SELECT max(nonce) FROM attempts WHERE state = 'superseded' AND wallet_id = v.id)) AS nonce) top
CROSS JOIN LATERAL (
    SELECT n.nonce FROM nonces n WHERE n.wallet_id = v.id AND n.state = 'free' AND n.nonce < top.nonce
    UNION
    SELECT n.nonce FROM nonces n WHERE n.wallet_id = v.id AND n.state = 'reserved' AND n.nonce < top.nonce
    UNION
    SELECT a.nonce FROM attempts a
    WHERE a.state IN ('asked', 'refused') AND a.wallet_id = v.id AND a.nonce < top.nonce
      AND NOT EXISTS (SELECT 1 FROM attempts s WHERE s.wallet_id = v.id AND s.nonce = a.nonce AND s.state NOT IN ('asked', 'refused'))
      AND NOT EXISTS (SELECT 1 FROM external_ranges e WHERE e.wallet_id = v.id AND a.nonce BETWEEN e.first_nonce AND e.last_nonce)
    ORDER BY 1
    LIMIT 100
) g
ORDER BY v.place, g.nonce
