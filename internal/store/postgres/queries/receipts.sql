-- name: device
SELECT coalesce((SELECT d.verified_seq FROM devices d WHERE d.device = $1), 0),
    coalesce((SELECT max(a.receipt_seq) FROM attempts a WHERE a.receipt_device = $1 AND a.receipt_seq IS NOT NULL), 0)

-- name: receipts_above
SELECT count(*)::int FROM attempts a WHERE a.receipt_device = $1 AND a.receipt_seq > $2 AND a.receipt_seq IS NOT NULL

-- name: device_verified
INSERT INTO devices (device, verified_seq, updated_at) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (device) DO UPDATE SET verified_seq = excluded.verified_seq, updated_at = excluded.updated_at
WHERE excluded.verified_seq > devices.verified_seq

-- name: receipts_keep
UPDATE attempts a SET receipt_device = r.device, receipt_seq = r.seq, receipt_sig = r.sig
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bytea[]) r (id, device, seq, sig)
WHERE a.id = r.id AND a.receipt_seq IS NULL AND a.state <> 'asked'

-- name: nonces_open
WITH w AS (
    SELECT id, nonce FROM internal_wallets WHERE id = $1 AND nonce < $2 FOR NO KEY UPDATE
), opened AS (
    INSERT INTO nonces (wallet_id, nonce, state, fence, updated_at)
    SELECT w.id, passed, 'free', 1, clock_timestamp() FROM w, generate_series(w.nonce, $2 - 1) passed
)
UPDATE internal_wallets SET nonce = $2, updated_at = clock_timestamp() FROM w WHERE internal_wallets.id = w.id

-- name: wallets_rebind
UPDATE internal_wallets w SET device = r.target, updated_at = clock_timestamp()
FROM unnest($1::bigint[], $2::text[], $3::text[]) r (id, was, target)
WHERE w.id = r.id AND w.device = r.was
