-- name: settings
SELECT id, digest, view, accepted_at, accepted_by, revoked_at FROM settings
WHERE true

-- name: settings_of
SELECT EXISTS (SELECT FROM settings), EXISTS (SELECT FROM settings WHERE digest = $1 AND revoked_at IS NULL)

-- name: settings_lock
-- It stops who accepts or revokes, and not who reads.
LOCK TABLE settings IN SHARE ROW EXCLUSIVE MODE

-- name: settings_accept
INSERT INTO settings (digest, view, accepted_at, accepted_by) VALUES ($1, $2, clock_timestamp(), $3)

-- name: settings_revoke
UPDATE settings SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL
