-- name: nonces
SELECT n.wallet_id, n.nonce, n.state, coalesce(n.request, ''), n.row_no, n.fence, n.expires_at, coalesce(n.hash, ''), n.updated_at
FROM nonces n
WHERE true

-- name: nonce_release
UPDATE nonces SET state = 'free', request = NULL, row_no = 0, expires_at = NULL, for_withdrawal = false, updated_at = clock_timestamp()
WHERE wallet_id = $1 AND nonce = $2 AND fence = $3 AND state = 'reserved'

-- name: nonce_sent_elsewhere
UPDATE nonces SET state = 'used', hash = $4, expires_at = NULL, updated_at = clock_timestamp()
WHERE wallet_id = $1 AND nonce = $2 AND fence = $3 AND state = 'reserved'
  AND (SELECT device FROM internal_wallets WHERE id = $1) IS NULL

-- name: nonces_used_between
SELECT n.nonce
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) r (wallet_id, first, last)
JOIN nonces n ON n.wallet_id = r.wallet_id AND n.nonce BETWEEN r.first AND r.last
WHERE n.state = 'used'
LIMIT 1

-- name: nonces_drop_between
DELETE FROM nonces n
USING unnest($1::bigint[], $2::bigint[], $3::bigint[]) r (wallet_id, first, last)
WHERE n.wallet_id = r.wallet_id AND n.nonce BETWEEN r.first AND r.last AND n.state <> 'used'

-- name: nonces_unaccounted
SELECT u.first, u.last, u.state, u.request, u.spent, u.final FROM (
    SELECT n.nonce AS first, n.nonce AS last, n.state, coalesce(n.request, '') AS request, true AS spent, false AS final
    FROM nonces n
    WHERE n.wallet_id = $1 AND n.nonce < $2
      AND NOT (n.state = 'used' AND (n.hash IS NOT NULL OR EXISTS (SELECT FROM attempts a WHERE a.wallet_id = n.wallet_id AND a.nonce = n.nonce
          AND (a.state NOT IN ('refused', 'superseded') OR a.state = 'superseded' AND a.block_number IS NOT NULL))))
      AND NOT EXISTS (SELECT FROM external_ranges e WHERE e.wallet_id = n.wallet_id AND n.nonce BETWEEN e.first_nonce AND e.last_nonce)
    UNION ALL
    SELECT h.last + 1, h.next - 1, '', '', true, false
    FROM (
        -- How far everything before it reaches, and where the next one begins.
        SELECT max(s.last) OVER (ORDER BY s.first, s.last ROWS UNBOUNDED PRECEDING) AS last, lead(s.first) OVER (ORDER BY s.first, s.last) AS next
        FROM (
            SELECT -1::bigint AS first, -1::bigint AS last
            UNION ALL
            SELECT nonce, nonce FROM nonces WHERE wallet_id = $1 AND nonce < $2
            UNION ALL
            SELECT first_nonce, last_nonce FROM external_ranges WHERE wallet_id = $1 AND first_nonce < $2
            UNION ALL
            SELECT $2::bigint, $2::bigint
        ) s
    ) h
    WHERE h.next > h.last + 1
    UNION ALL
    SELECT n.nonce, n.nonce, n.state, coalesce(n.request, ''), false, a.final
    FROM nonces n
    CROSS JOIN LATERAL (
        SELECT coalesce(bool_or(x.state = 'final'), false) AS final, coalesce(bool_or(x.state NOT IN ('final', 'superseded')), false) AS open
        FROM attempts x WHERE x.wallet_id = n.wallet_id AND x.nonce = n.nonce
    ) a
    WHERE n.wallet_id = $1 AND n.nonce >= $2 AND n.state = 'used' AND (a.final OR NOT a.open AND n.hash IS NULL)
      AND NOT EXISTS (SELECT FROM external_ranges e WHERE e.wallet_id = n.wallet_id AND n.nonce BETWEEN e.first_nonce AND e.last_nonce)
) u
ORDER BY u.first
LIMIT $3

-- name: externals
SELECT wallet_id, first_nonce, last_nonce, evidence, reason, at FROM external_ranges WHERE wallet_id = $1 ORDER BY first_nonce

-- name: externals_add
INSERT INTO external_ranges (wallet_id, first_nonce, last_nonce, evidence, reason, at)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[])

-- name: externals_drop_from
DELETE FROM external_ranges WHERE wallet_id = $1 AND first_nonce >= $2

-- name: externals_cut_at
UPDATE external_ranges SET last_nonce = $2::bigint - 1 WHERE wallet_id = $1 AND last_nonce >= $2::bigint

-- name: nonce_elsewhere
-- A used row at which nothing of ours is final.
SELECT FROM nonces n
WHERE n.wallet_id = $1 AND n.nonce = $2 AND n.state = 'used'
  AND NOT EXISTS (SELECT FROM attempts a WHERE a.wallet_id = n.wallet_id AND a.nonce = n.nonce AND a.state = 'final')

-- name: external_add_one
INSERT INTO external_ranges (wallet_id, first_nonce, last_nonce, evidence, reason, at)
SELECT $1::bigint, $2::bigint, $2::bigint, $3, $4, $5
WHERE NOT EXISTS (SELECT FROM external_ranges WHERE wallet_id = $1::bigint AND $2::bigint BETWEEN first_nonce AND last_nonce)

-- name: external_beyond
-- What is left of a range above a nonce in it; the two after this one cut the rest below it.
INSERT INTO external_ranges (wallet_id, first_nonce, last_nonce, evidence, reason, at)
SELECT wallet_id, $2::bigint + 1, last_nonce, evidence, reason, at FROM external_ranges
WHERE wallet_id = $1 AND first_nonce <= $2::bigint AND last_nonce > $2::bigint

-- name: external_begins_at
DELETE FROM external_ranges WHERE wallet_id = $1 AND first_nonce = $2

-- name: external_reaches
UPDATE external_ranges SET last_nonce = $2::bigint - 1 WHERE wallet_id = $1 AND first_nonce < $2::bigint AND last_nonce >= $2::bigint

-- name: nonce_let_go
UPDATE nonces n SET request = NULL, row_no = 0, for_withdrawal = false, updated_at = clock_timestamp()
WHERE n.wallet_id = $1 AND n.nonce = $2 AND n.state = 'used'
  AND NOT EXISTS (SELECT FROM attempts a
      WHERE a.wallet_id = n.wallet_id AND a.nonce = n.nonce AND a.state NOT IN ('refused', 'superseded'))

-- name: fillable
WITH tops AS (
    SELECT w.id, w.device IS NOT NULL AS ours, greatest(
        (SELECT max(nonce) FROM attempts WHERE state = 'signed' AND wallet_id = w.id),
        (SELECT max(nonce) FROM attempts WHERE state = 'sent' AND wallet_id = w.id),
        (SELECT max(nonce) FROM attempts WHERE state = 'mined' AND wallet_id = w.id),
        (SELECT max(nonce) FROM attempts WHERE state = 'final' AND wallet_id = w.id),
        (SELECT max(nonce) FROM attempts WHERE state = 'superseded' AND wallet_id = w.id)) AS top
    FROM internal_wallets w
    WHERE w.chain_type = $1 AND w.chain_id = $2
), candidates AS (
    SELECT n.* FROM tops t JOIN nonces n ON n.wallet_id = t.id AND n.state = 'free' AND n.nonce < t.top
    UNION ALL
    SELECT n.* FROM tops t JOIN nonces n
        ON n.wallet_id = t.id AND n.state = 'reserved' AND n.expires_at <= (SELECT clock_timestamp()) AND n.nonce < t.top
    WHERE t.ours
    UNION ALL
    SELECT n.* FROM (SELECT DISTINCT a.wallet_id, a.nonce FROM tops t JOIN attempts a ON a.state = 'refused' AND a.wallet_id = t.id) r
    JOIN nonces n ON n.wallet_id = r.wallet_id AND n.nonce = r.nonce
    WHERE n.state = 'used' AND n.hash IS NULL
)
SELECT n.wallet_id, n.nonce, n.state, coalesce(n.request, ''), n.row_no, n.fence, n.expires_at, coalesce(n.hash, ''), n.updated_at
FROM candidates n
WHERE NOT EXISTS (SELECT 1 FROM attempts a WHERE a.wallet_id = n.wallet_id AND a.nonce = n.nonce AND a.state <> 'refused')
  AND NOT EXISTS (SELECT 1 FROM external_ranges e WHERE e.wallet_id = n.wallet_id AND n.nonce BETWEEN e.first_nonce AND e.last_nonce)
ORDER BY n.wallet_id, n.nonce
