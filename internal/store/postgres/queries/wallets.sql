-- name: wallets
SELECT id, address, coalesce(device, ''), coalesce(path, ''), chain_type, chain_id, wallet_type, nonce, is_active = 1, created_at, updated_at
FROM internal_wallets
WHERE true

-- name: wallet_add
WITH t AS (SELECT clock_timestamp() AS now)
INSERT INTO internal_wallets (address, device, path, chain_type, chain_id, wallet_type, nonce, is_active, created_at, updated_at)
SELECT $1, nullif($2::text, ''), nullif($3::text, ''), $4, $5, $6, $7, $8::boolean::int, t.now, t.now FROM t
RETURNING id, address, coalesce(device, ''), coalesce(path, ''), chain_type, chain_id, wallet_type, nonce, is_active = 1, created_at, updated_at

-- name: wallet_active
UPDATE internal_wallets SET is_active = $2::boolean::int, updated_at = clock_timestamp() WHERE id = $1

-- name: wallet_cursors
UPDATE internal_wallets w SET nonce = m.target, updated_at = clock_timestamp()
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) m (id, at, target)
WHERE w.id = m.id AND w.nonce = m.at
