-- name: operators
SELECT id, name, role, key, fingerprint, added_at, revoked_at FROM operators
WHERE true

-- name: operator_add
INSERT INTO operators (name, role, key, fingerprint, added_at) VALUES (?1, ?2, ?3, ?4, ?5)

-- name: operator_revoke
UPDATE operators SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL

-- name: proposals
SELECT id, act, reason, preview, digest, maker, maker_key, signed, made_at, expires_at, state, ended_at, ended_by FROM proposals
WHERE true

-- name: proposal_add
INSERT INTO proposals (act, reason, preview, digest, maker, maker_key, signed, made_at, expires_at, state)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'open')

-- name: proposal_newest
SELECT id, act, reason, preview, digest, maker, maker_key, signed, made_at, expires_at, state, ended_at, ended_by FROM proposals
ORDER BY id DESC LIMIT 1

-- name: proposal_move
UPDATE proposals SET state = ?2, ended_by = ?3, ended_at = ?4 WHERE id = ?1 AND state = 'open'

-- name: statement_use
INSERT INTO statements (id, used_by, at) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING

-- name: statement_user
SELECT used_by FROM statements WHERE id = ?1
