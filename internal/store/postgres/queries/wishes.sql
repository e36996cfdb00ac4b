-- name: wishes
SELECT x.id, x.payment, x.kind, x.actor, x.reason, x.at, x.ended_at, x.result
FROM wishes x
JOIN withdrawals w ON w.payment = x.payment
WHERE true

-- name: wish_add
INSERT INTO wishes (payment, kind, actor, reason, at) VALUES ($1, $2, $3, $4, clock_timestamp())
ON CONFLICT (payment, kind) WHERE ended_at IS NULL DO NOTHING

-- name: wish_open
-- A statement of its own: it sees the one that was there before, or came while the insertion waited for it.
SELECT id, payment, kind, actor, reason, at, ended_at, result FROM wishes WHERE payment = $1 AND kind = $2 AND ended_at IS NULL

-- name: wishes_end
WITH open AS (SELECT id FROM wishes WHERE id = ANY ($1::bigint[]) AND ended_at IS NULL ORDER BY id FOR NO KEY UPDATE)
UPDATE wishes x SET ended_at = clock_timestamp(), result = $2
FROM open o
WHERE x.id = o.id AND x.ended_at IS NULL
