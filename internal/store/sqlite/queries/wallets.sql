-- name: wallets
SELECT id, address, device, path, chain_type, chain_id, wallet_type, nonce, is_active, created_at, updated_at
FROM internal_wallets
WHERE true

-- name: wallet_add
INSERT INTO internal_wallets (address, device, path, chain_type, chain_id, wallet_type, nonce, is_active, created_at, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)
RETURNING id, address, device, path, chain_type, chain_id, wallet_type, nonce, is_active, created_at, updated_at

-- name: wallet_active
UPDATE internal_wallets SET is_active = ?2, updated_at = ?3 WHERE id = ?1

-- name: wallet_cursor
UPDATE internal_wallets SET nonce = ?3, updated_at = ?4 WHERE id = ?1 AND nonce = ?2
