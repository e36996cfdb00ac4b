-- name: attempts
SELECT a.id, a.wallet_id, i.address, i.chain_type, i.chain_id, a.nonce, a.payment, a.purpose, a.digest, a.intent, a.state, a.raw, a.hash,
    a.note, a.refusal, a.receipt_device, a.receipt_seq, a.receipt_sig, a.block_number, a.block_hash, a.success, a.fee, a.asked_at, a.signed_at, a.sent_at, a.mined_at, a.final_at, a.updated_at
FROM attempts a
JOIN internal_wallets i ON i.id = a.wallet_id
WHERE true

-- name: attempt_orphan
(a.payment IS NULL OR NOT EXISTS (SELECT 1 FROM withdrawals w WHERE w.payment = a.payment))

-- name: attempt_beaten
EXISTS (SELECT 1 FROM attempts x WHERE x.wallet_id = a.wallet_id AND x.nonce = a.nonce AND x.state = 'final' AND x.id <> a.id)

-- name: attempts_bare
SELECT a.id, a.wallet_id, a.nonce, a.state, a.note, a.signed_at, a.sent_at, a.updated_at
FROM attempts a
JOIN internal_wallets i ON i.id = a.wallet_id
WHERE true

-- name: attempt_add
INSERT INTO attempts (wallet_id, nonce, payment, purpose, digest, intent, state, asked_at, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'asked', ?7, ?7)
RETURNING id

-- name: attempt_add_again
-- A further attempt at a nonce that is still the payment's (or still a fill's): others stand at it, all for the same.
INSERT INTO attempts (wallet_id, nonce, payment, purpose, digest, intent, state, asked_at, updated_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, 'asked', ?7, ?7
WHERE EXISTS (SELECT 1 FROM nonces n WHERE n.wallet_id = ?1 AND n.nonce = ?2 AND n.state = 'used')
  AND EXISTS (SELECT 1 FROM attempts x WHERE x.wallet_id = ?1 AND x.nonce = ?2 AND x.state NOT IN ('refused', 'superseded'))
  AND NOT EXISTS (SELECT 1 FROM attempts x
      WHERE x.wallet_id = ?1 AND x.nonce = ?2 AND x.state NOT IN ('refused', 'superseded')
        AND (x.state = 'final' OR x.payment IS NOT ?3))
RETURNING id

-- name: attempt_answer
UPDATE attempts SET
    state = ?3,
    note = ?4,
    raw = CASE WHEN ?3 = 'signed' THEN ?5 ELSE raw END,
    hash = CASE WHEN ?3 = 'signed' THEN ?6 ELSE hash END,
    refusal = CASE WHEN ?3 = 'refused' THEN ?7 ELSE refusal END,
    receipt_device = ?9,
    receipt_seq = ?10,
    receipt_sig = ?11,
    signed_at = CASE WHEN ?3 = 'signed' THEN ?8 ELSE signed_at END,
    updated_at = ?8
WHERE id = ?1 AND state = ?2

-- name: attempt_move
UPDATE attempts SET
    state = ?3,
    note = ?4,
    block_number = CASE WHEN ?3 IN ('mined', 'final') THEN ?5 WHEN ?3 = 'sent' THEN NULL ELSE block_number END,
    block_hash = CASE WHEN ?3 IN ('mined', 'final') THEN ?6 WHEN ?3 = 'sent' THEN NULL ELSE block_hash END,
    success = CASE WHEN ?3 IN ('mined', 'final') THEN ?7 WHEN ?3 = 'sent' THEN NULL ELSE success END,
    fee = CASE WHEN ?3 IN ('mined', 'final') THEN ?8 WHEN ?3 = 'sent' THEN NULL ELSE fee END,
    sent_at = CASE WHEN ?3 = 'sent' AND ?2 IN ('signed', 'sent') THEN ?9 ELSE sent_at END,
    mined_at = CASE WHEN ?3 IN ('mined', 'final') THEN coalesce(mined_at, ?9) WHEN ?3 = 'sent' THEN NULL ELSE mined_at END,
    final_at = CASE WHEN ?3 = 'final' THEN coalesce(final_at, ?9) ELSE final_at END,
    updated_at = ?9
WHERE id = ?1 AND state = ?2
