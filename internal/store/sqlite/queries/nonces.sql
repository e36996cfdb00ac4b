-- name: nonces
SELECT n.wallet_id, n.nonce, n.state, n.request, n.row_no, n.fence, n.expires_at, n.hash, n.updated_at
FROM nonces n
WHERE true

-- name: nonce_release
UPDATE nonces SET state = 'free', request = NULL, row_no = 0, expires_at = NULL, for_withdrawal = 0, updated_at = ?4
WHERE wallet_id = ?1 AND nonce = ?2 AND fence = ?3 AND state = 'reserved'

-- name: nonce_sent_elsewhere
UPDATE nonces SET state = 'used', hash = ?4, expires_at = NULL, updated_at = ?5
WHERE wallet_id = ?1 AND nonce = ?2 AND fence = ?3 AND state = 'reserved'
  AND (SELECT device FROM internal_wallets WHERE id = ?1) IS NULL

-- name: nonce_ask
UPDATE nonces SET state = 'used', expires_at = NULL, updated_at = ?6
WHERE wallet_id = ?1 AND nonce = ?2 AND fence = ?3 AND request = ?4 AND row_no = ?5 AND state = 'reserved'
  AND (expires_at IS NULL OR expires_at > ?6)

-- name: nonce_fill
-- Only what is fillable, in the fence it was read with.
UPDATE nonces SET state = 'used', request = NULL, row_no = 0, expires_at = NULL, for_withdrawal = 0, fence = fence + 1, updated_at = ?4
WHERE wallet_id = ?1 AND nonce = ?2 AND fence = ?3 AND hash IS NULL
  AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.wallet_id = ?1 AND a.nonce = ?2 AND a.state <> 'refused')
  AND CASE state
      WHEN 'used' THEN EXISTS (SELECT 1 FROM attempts a WHERE a.wallet_id = ?1 AND a.nonce = ?2)
      WHEN 'reserved' THEN expires_at <= ?4 AND (SELECT device FROM internal_wallets WHERE id = ?1) IS NOT NULL
      ELSE true END
  AND (state = 'used' OR nonce < (
      SELECT max(a.nonce) FROM attempts a WHERE a.state IN ('signed', 'sent', 'mined', 'final', 'superseded') AND a.wallet_id = ?1))
  AND NOT EXISTS (SELECT 1 FROM external_ranges e WHERE e.wallet_id = ?1 AND ?2 BETWEEN e.first_nonce AND e.last_nonce)

-- name: nonce_refused
-- The request may be given another nonce, unless another attempt at this one may still pay it; the row stays used.
UPDATE nonces SET request = NULL, row_no = 0, for_withdrawal = 0, updated_at = ?2
FROM attempts a
WHERE a.id = ?1 AND nonces.wallet_id = a.wallet_id AND nonces.nonce = a.nonce AND nonces.state = 'used'
  AND NOT EXISTS (SELECT 1 FROM attempts x WHERE x.wallet_id = a.wallet_id AND x.nonce = a.nonce AND x.state <> 'refused')

-- name: nonce_adopted
UPDATE nonces SET for_withdrawal = 1 WHERE request = ?1 AND row_no = ?2

-- name: nonces_used_between
SELECT nonce FROM nonces WHERE wallet_id = ?1 AND nonce BETWEEN ?2 AND ?3 AND state = 'used' LIMIT 1

-- name: nonces_drop_between
DELETE FROM nonces WHERE wallet_id = ?1 AND nonce BETWEEN ?2 AND ?3

-- name: nonces_unaccounted
SELECT u.first, u.last, u.state, u.request, u.spent, u.final FROM (
    SELECT n.nonce AS first, n.nonce AS last, n.state, ifnull(n.request, '') AS request, 1 AS spent, 0 AS final
    FROM nonces n
    WHERE n.wallet_id = ?1 AND n.nonce < ?2
      AND NOT (n.state = 'used' AND (n.hash IS NOT NULL OR EXISTS (SELECT 1 FROM attempts a WHERE a.wallet_id = n.wallet_id AND a.nonce = n.nonce
          AND (a.state NOT IN ('refused', 'superseded') OR a.state = 'superseded' AND a.block_number IS NOT NULL))))
      AND NOT EXISTS (SELECT 1 FROM external_ranges e WHERE e.wallet_id = n.wallet_id AND n.nonce BETWEEN e.first_nonce AND e.last_nonce)
    UNION ALL
    SELECT h.last + 1, h.next - 1, '', '', 1, 0
    FROM (
        -- How far everything before it reaches, and where the next one begins.
        SELECT max(s.last) OVER (ORDER BY s.first, s.last ROWS UNBOUNDED PRECEDING) AS last, lead(s.first) OVER (ORDER BY s.first, s.last) AS next
        FROM (
            SELECT -1 AS first, -1 AS last
            UNION ALL
            SELECT nonce, nonce FROM nonces WHERE wallet_id = ?1 AND nonce < ?2
            UNION ALL
            SELECT first_nonce, last_nonce FROM external_ranges WHERE wallet_id = ?1 AND first_nonce < ?2
            UNION ALL
            SELECT ?2, ?2
        ) s
    ) h
    WHERE h.next > h.last + 1
    UNION ALL
    SELECT o.nonce, o.nonce, o.state, o.request, 0, o.final
    FROM (
        SELECT n.nonce, n.state, ifnull(n.request, '') AS request, n.hash,
            EXISTS (SELECT 1 FROM attempts x WHERE x.wallet_id = n.wallet_id AND x.nonce = n.nonce AND x.state = 'final') AS final,
            EXISTS (SELECT 1 FROM attempts x WHERE x.wallet_id = n.wallet_id AND x.nonce = n.nonce AND x.state NOT IN ('final', 'superseded')) AS open
        FROM nonces n
        WHERE n.wallet_id = ?1 AND n.nonce >= ?2 AND n.state = 'used'
          AND NOT EXISTS (SELECT 1 FROM external_ranges e WHERE e.wallet_id = n.wallet_id AND n.nonce BETWEEN e.first_nonce AND e.last_nonce)
    ) o
    WHERE o.final OR NOT o.open AND o.hash IS NULL
) u
ORDER BY u.first
LIMIT ?3

-- name: externals
SELECT wallet_id, first_nonce, last_nonce, evidence, reason, at FROM external_ranges WHERE wallet_id = (SELECT ?1) ORDER BY first_nonce -- see load_gaps

-- name: external_add
INSERT INTO external_ranges (wallet_id, first_nonce, last_nonce, evidence, reason, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)

-- name: externals_drop_from
DELETE FROM external_ranges WHERE wallet_id = ?1 AND first_nonce >= ?2

-- name: externals_cut_at
UPDATE external_ranges SET last_nonce = ?2 - 1 WHERE wallet_id = ?1 AND last_nonce >= ?2

-- name: nonce_elsewhere
-- A used row at which nothing of ours is final.
SELECT n.nonce FROM nonces n
WHERE n.wallet_id = ?1 AND n.nonce = ?2 AND n.state = 'used'
  AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.wallet_id = n.wallet_id AND a.nonce = n.nonce AND a.state = 'final')

-- name: external_add_one
INSERT INTO external_ranges (wallet_id, first_nonce, last_nonce, evidence, reason, at)
SELECT ?1, ?2, ?2, ?3, ?4, ?5
WHERE NOT EXISTS (SELECT 1 FROM external_ranges WHERE wallet_id = ?1 AND ?2 BETWEEN first_nonce AND last_nonce)

-- name: external_beyond
-- What is left of a range above a nonce in it; the two after this one cut the rest below it.
INSERT INTO external_ranges (wallet_id, first_nonce, last_nonce, evidence, reason, at)
SELECT wallet_id, ?2 + 1, last_nonce, evidence, reason, at FROM external_ranges
WHERE wallet_id = ?1 AND first_nonce <= ?2 AND last_nonce > ?2

-- name: external_begins_at
DELETE FROM external_ranges WHERE wallet_id = ?1 AND first_nonce = ?2

-- name: external_reaches
UPDATE external_ranges SET last_nonce = ?2 - 1 WHERE wallet_id = ?1 AND first_nonce < ?2 AND last_nonce >= ?2

-- name: nonce_let_go
UPDATE nonces SET request = NULL, row_no = 0, for_withdrawal = 0, updated_at = ?3
WHERE wallet_id = ?1 AND nonce = ?2 AND state = 'used'
  AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.wallet_id = ?1 AND a.nonce = ?2 AND a.state NOT IN ('refused', 'superseded'))

-- name: fillable
WITH tops AS (
    SELECT w.id, w.device IS NOT NULL AS ours, max(
        ifnull((SELECT max(nonce) FROM attempts WHERE state = 'signed' AND wallet_id = w.id), -1),
        ifnull((SELECT max(nonce) FROM attempts WHERE state = 'sent' AND wallet_id = w.id), -1),
        ifnull((SELECT max(nonce) FROM attempts WHERE state = 'mined' AND wallet_id = w.id), -1),
        ifnull((SELECT max(nonce) FROM attempts WHERE state = 'final' AND wallet_id = w.id), -1),
        ifnull((SELECT max(nonce) FROM attempts WHERE state = 'superseded' AND wallet_id = w.id), -1)) AS top
    FROM internal_wallets w
    WHERE w.chain_type = ?1 AND w.chain_id = ?2
), candidates AS (
    SELECT n.* FROM tops t JOIN nonces n ON n.wallet_id = t.id AND n.state = 'free' AND n.nonce < t.top
    UNION ALL
    SELECT n.* FROM tops t JOIN nonces n ON n.wallet_id = t.id AND n.state = 'reserved' AND n.expires_at <= ?3 AND n.nonce < t.top
    WHERE t.ours
    UNION ALL
    SELECT n.* FROM nonces n
    WHERE n.state = 'used' AND n.hash IS NULL AND (n.wallet_id, n.nonce) IN (
        SELECT a.wallet_id, a.nonce FROM tops t JOIN attempts a ON a.state = 'refused' AND a.wallet_id = t.id)
)
SELECT n.wallet_id, n.nonce, n.state, n.request, n.row_no, n.fence, n.expires_at, n.hash, n.updated_at
FROM candidates n
WHERE NOT EXISTS (SELECT 1 FROM attempts a WHERE a.wallet_id = n.wallet_id AND a.nonce = n.nonce AND a.state <> 'refused')
  AND NOT EXISTS (SELECT 1 FROM external_ranges e WHERE e.wallet_id = n.wallet_id AND n.nonce BETWEEN e.first_nonce AND e.last_nonce)
ORDER BY n.wallet_id, n.nonce
