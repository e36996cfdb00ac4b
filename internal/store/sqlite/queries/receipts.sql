-- name: device
SELECT ifnull((SELECT d.verified_seq FROM devices d WHERE d.device = ?1), 0),
    ifnull((SELECT max(a.receipt_seq) FROM attempts a WHERE a.receipt_device = ?1 AND a.receipt_seq IS NOT NULL), 0)

-- name: receipts_above
SELECT count(*) FROM attempts a WHERE a.receipt_device = ?1 AND a.receipt_seq > ?2 AND a.receipt_seq IS NOT NULL

-- name: device_verified
INSERT INTO devices (device, verified_seq, updated_at) VALUES (?1, ?2, ?3)
ON CONFLICT (device) DO UPDATE SET verified_seq = excluded.verified_seq, updated_at = excluded.updated_at
WHERE excluded.verified_seq > devices.verified_seq

-- name: receipt_keep
UPDATE attempts SET receipt_device = ?2, receipt_seq = ?3, receipt_sig = ?4 WHERE id = ?1 AND receipt_seq IS NULL AND state <> 'asked'

-- name: nonces_open
WITH RECURSIVE passed (nonce) AS (
    SELECT w.nonce FROM internal_wallets w WHERE w.id = ?1 AND w.nonce < ?2
    UNION ALL
    SELECT nonce + 1 FROM passed WHERE nonce + 1 < ?2
)
INSERT INTO nonces (wallet_id, nonce, state, fence, updated_at) SELECT ?1, nonce, 'free', 1, ?3 FROM passed

-- name: wallet_cursor_raise
UPDATE internal_wallets SET nonce = ?2, updated_at = ?3 WHERE id = ?1 AND nonce < ?2

-- name: wallet_rebind
UPDATE internal_wallets SET device = ?3, updated_at = ?4 WHERE id = ?1 AND device = ?2
