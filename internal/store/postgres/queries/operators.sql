-- name: operators
SELECT id, name, role, key, fingerprint, added_at, revoked_at FROM operators
WHERE true

-- name: operators_lock
-- It stops who names or revokes, and not who reads.
LOCK TABLE operators IN SHARE ROW EXCLUSIVE MODE

-- name: operator_add
INSERT INTO operators (name, role, key, fingerprint, added_at) VALUES ($1, $2, $3, $4, clock_timestamp())

-- name: operator_revoke
UPDATE operators SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL

-- name: proposals
SELECT id, act, reason, preview, digest, maker, maker_key, signed, made_at, expires_at, state, ended_at, ended_by FROM proposals
WHERE true

-- name: proposal_add
WITH t AS (SELECT clock_timestamp() AS now)
INSERT INTO proposals (act, reason, preview, digest, maker, maker_key, signed, made_at, expires_at, state)
SELECT $1, $2, $3, $4, $5, $6, $7, t.now, t.now + $8::bigint * interval '1 microsecond', 'open' FROM t
RETURNING id, act, reason, preview, digest, maker, maker_key, signed, made_at, expires_at, state, ended_at, ended_by

-- name: proposal_move
UPDATE proposals SET state = $2, ended_by = $3, ended_at = clock_timestamp() WHERE id = $1 AND state = 'open'

-- name: statement_use
INSERT INTO statements (id, used_by, at) VALUES ($1, $2, clock_timestamp()) ON CONFLICT (id) DO NOTHING
RETURNING used_by

-- name: statement_user
SELECT used_by FROM statements WHERE id = $1
