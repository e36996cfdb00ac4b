-- name: wishes
SELECT x.id, x.payment, x.kind, x.actor, x.reason, x.at, x.ended_at, x.result
FROM wishes x
JOIN withdrawals w ON w.payment = x.payment
WHERE true

-- name: wish_add
INSERT INTO wishes (payment, kind, actor, reason, at) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (payment, kind) WHERE ended_at IS NULL DO NOTHING

-- name: wish_open
SELECT id, payment, kind, actor, reason, at, ended_at, result FROM wishes WHERE payment = ?1 AND kind = ?2 AND ended_at IS NULL

-- name: wish_end
UPDATE wishes SET ended_at = ?3, result = ?2 WHERE id = ?1 AND ended_at IS NULL
