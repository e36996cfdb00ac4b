-- name: settings
SELECT id, digest, view, accepted_at, accepted_by, revoked_at FROM settings
WHERE true

-- name: settings_of
SELECT EXISTS (SELECT 1 FROM settings), EXISTS (SELECT 1 FROM settings WHERE digest = ?1 AND revoked_at IS NULL)

-- name: settings_accept
INSERT INTO settings (digest, view, accepted_at, accepted_by) VALUES (?1, ?2, ?3, ?4)

-- name: settings_revoke
UPDATE settings SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL
