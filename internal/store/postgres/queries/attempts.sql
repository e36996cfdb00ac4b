-- name: attempts
SELECT a.id, a.wallet_id, i.address, i.chain_type, i.chain_id, a.nonce, coalesce(a.payment, ''), a.purpose, a.digest, a.intent, a.state, a.raw,
    coalesce(a.hash, ''), a.note, coalesce(a.refusal, ''), coalesce(a.receipt_device, ''), coalesce(a.receipt_seq, 0), a.receipt_sig,
    coalesce(a.block_number, 0), coalesce(a.block_hash, ''), coalesce(a.success, false),
    coalesce(a.fee, ''), a.asked_at, a.signed_at, a.sent_at, a.mined_at, a.final_at, a.updated_at
FROM attempts a
JOIN internal_wallets i ON i.id = a.wallet_id
WHERE true

-- name: attempt_orphan
(a.payment IS NULL OR NOT EXISTS (SELECT FROM withdrawals w WHERE w.payment = a.payment))

-- name: attempt_beaten
EXISTS (SELECT FROM attempts x WHERE x.wallet_id = a.wallet_id AND x.nonce = a.nonce AND x.state = 'final' AND x.id <> a.id)

-- name: attempts_bare
SELECT a.id, a.wallet_id, a.nonce, a.state, a.note, a.signed_at, a.sent_at, a.updated_at
FROM attempts a
JOIN internal_wallets i ON i.id = a.wallet_id
WHERE true

-- name: ask_nonces
-- The statements after this one see what whoever held the rows before has written.
SELECT FROM nonces n
WHERE (n.wallet_id, n.nonce) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
ORDER BY n.wallet_id, n.nonce FOR NO KEY UPDATE OF n

-- name: ask_payments
WITH t AS (SELECT clock_timestamp() AS now),
asked AS (
    -- The same ask twice is one.
    SELECT DISTINCT ON (v.wallet_id, v.nonce, v.fence, v.request, v.row_no) v.*
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::int[], $8::text[], $9::bytea[])
        WITH ORDINALITY v (wallet_id, nonce, fence, payment, purpose, request, row_no, digest, intent, place)
    ORDER BY v.wallet_id, v.nonce, v.fence, v.request, v.row_no, v.place
), used AS (
    UPDATE nonces n SET state = 'used', expires_at = NULL, updated_at = t.now
    FROM asked a, t
    WHERE n.wallet_id = a.wallet_id AND n.nonce = a.nonce AND n.fence = a.fence AND n.request = a.request AND n.row_no = a.row_no
      AND n.state = 'reserved' AND (n.expires_at IS NULL OR n.expires_at > t.now)
    RETURNING a.place
)
INSERT INTO attempts (wallet_id, nonce, payment, purpose, digest, intent, state, asked_at, updated_at)
SELECT a.wallet_id, a.nonce, a.payment, a.purpose, a.digest, a.intent, 'asked', t.now, t.now
FROM used u JOIN asked a ON a.place = u.place, t
ORDER BY a.place
RETURNING id, digest

-- name: ask_fills
-- Only what is fillable, in the fence it was read with.
WITH t AS (SELECT clock_timestamp() AS now),
asked AS (
    SELECT DISTINCT ON (v.wallet_id, v.nonce, v.fence) v.*
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bytea[])
        WITH ORDINALITY v (wallet_id, nonce, fence, purpose, digest, intent, place)
    ORDER BY v.wallet_id, v.nonce, v.fence, v.place
), used AS (
    UPDATE nonces n SET state = 'used', request = NULL, row_no = 0, expires_at = NULL, for_withdrawal = false, fence = n.fence + 1, updated_at = t.now
    FROM asked a, t
    WHERE n.wallet_id = a.wallet_id AND n.nonce = a.nonce AND n.fence = a.fence AND n.hash IS NULL
      AND NOT EXISTS (SELECT 1 FROM attempts x WHERE x.wallet_id = n.wallet_id AND x.nonce = n.nonce AND x.state <> 'refused')
      AND CASE n.state
          WHEN 'used' THEN EXISTS (SELECT 1 FROM attempts x WHERE x.wallet_id = n.wallet_id AND x.nonce = n.nonce)
          WHEN 'reserved' THEN n.expires_at <= t.now AND (SELECT device FROM internal_wallets WHERE id = n.wallet_id) IS NOT NULL
          ELSE true END
      AND (n.state = 'used' OR n.nonce < greatest(
          (SELECT max(nonce) FROM attempts WHERE state = 'signed' AND wallet_id = n.wallet_id),
          (SELECT max(nonce) FROM attempts WHERE state = 'sent' AND wallet_id = n.wallet_id),
          (SELECT max(nonce) FROM attempts WHERE state = 'mined' AND wallet_id = n.wallet_id),
          (SELECT max(nonce) FROM attempts WHERE state = 'final' AND wallet_id = n.wallet_id),
          (SELECT max(nonce) FROM attempts WHERE state = 'superseded' AND wallet_id = n.wallet_id)))
      AND NOT EXISTS (SELECT FROM external_ranges e WHERE e.wallet_id = n.wallet_id AND n.nonce BETWEEN e.first_nonce AND e.last_nonce)
    RETURNING a.place
)
INSERT INTO attempts (wallet_id, nonce, payment, purpose, digest, intent, state, asked_at, updated_at)
SELECT a.wallet_id, a.nonce, NULL, a.purpose, a.digest, a.intent, 'asked', t.now, t.now
FROM used u JOIN asked a ON a.place = u.place, t
ORDER BY a.place
RETURNING id, digest

-- name: attempts_lock
-- The attempts at these nonces stay as they are until the transaction ends. Whoever moves one locks it first and its nonce's row
-- after it, so here too the attempts come first.
SELECT FROM attempts a
WHERE a.id IN (SELECT x.id FROM unnest($1::bigint[], $2::bigint[]) v (wallet_id, nonce)
    JOIN attempts x ON x.wallet_id = v.wallet_id AND x.nonce = v.nonce)
ORDER BY a.id FOR SHARE OF a

-- name: ask_again
-- A further attempt at a nonce that is still the payment's (or still a fill's): others stand at it, all for the same.
WITH t AS (SELECT clock_timestamp() AS now)
INSERT INTO attempts (wallet_id, nonce, payment, purpose, digest, intent, state, asked_at, updated_at)
SELECT v.wallet_id, v.nonce, nullif(v.payment, ''), v.purpose, v.digest, v.intent, 'asked', t.now, t.now
FROM t, unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bytea[])
    WITH ORDINALITY v (wallet_id, nonce, payment, purpose, digest, intent, place)
WHERE EXISTS (SELECT FROM nonces n WHERE n.wallet_id = v.wallet_id AND n.nonce = v.nonce AND n.state = 'used')
  AND EXISTS (SELECT FROM attempts x
      WHERE x.wallet_id = v.wallet_id AND x.nonce = v.nonce AND x.state NOT IN ('refused', 'superseded'))
  AND NOT EXISTS (SELECT FROM attempts x
      WHERE x.wallet_id = v.wallet_id AND x.nonce = v.nonce AND x.state NOT IN ('refused', 'superseded')
        AND (x.state = 'final' OR x.payment IS DISTINCT FROM nullif(v.payment, '')))
ORDER BY v.place
RETURNING id, digest

-- name: attempts_move
UPDATE attempts a SET
    state = m.target,
    note = m.note,
    raw = CASE WHEN m.target = 'signed' AND m.at <> 'signed' THEN m.raw ELSE a.raw END,
    hash = CASE WHEN m.target = 'signed' AND m.at <> 'signed' THEN m.hash ELSE a.hash END,
    refusal = CASE WHEN m.target = 'refused' THEN nullif(m.refusal, '') ELSE a.refusal END,
    receipt_device = CASE WHEN m.at = 'asked' AND m.target IN ('signed', 'refused') THEN nullif(m.receipt_device, '') ELSE a.receipt_device END,
    receipt_seq = CASE WHEN m.at = 'asked' AND m.target IN ('signed', 'refused') THEN nullif(m.receipt_seq, 0) ELSE a.receipt_seq END,
    receipt_sig = CASE WHEN m.at = 'asked' AND m.target IN ('signed', 'refused') THEN m.receipt_sig ELSE a.receipt_sig END,
    block_number = CASE WHEN m.target IN ('mined', 'final') THEN m.block_number WHEN m.target = 'sent' THEN NULL ELSE a.block_number END,
    block_hash = CASE WHEN m.target IN ('mined', 'final') THEN m.block_hash WHEN m.target = 'sent' THEN NULL ELSE a.block_hash END,
    success = CASE WHEN m.target IN ('mined', 'final') THEN m.success WHEN m.target = 'sent' THEN NULL ELSE a.success END,
    fee = CASE WHEN m.target IN ('mined', 'final') THEN m.fee WHEN m.target = 'sent' THEN NULL ELSE a.fee END,
    signed_at = CASE WHEN m.target = 'signed' AND m.at <> 'signed' THEN t.now ELSE a.signed_at END,
    sent_at = CASE WHEN m.target = 'sent' AND m.at IN ('signed', 'sent') THEN t.now ELSE a.sent_at END,
    mined_at = CASE WHEN m.target IN ('mined', 'final') THEN coalesce(a.mined_at, t.now) WHEN m.target = 'sent' THEN NULL ELSE a.mined_at END,
    final_at = CASE WHEN m.target = 'final' THEN coalesce(a.final_at, t.now) ELSE a.final_at END,
    updated_at = t.now
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::boolean[], $11::text[],
        $12::text[], $13::bigint[], $14::bytea[])
    m (id, at, target, note, raw, hash, refusal, block_number, block_hash, success, fee, receipt_device, receipt_seq, receipt_sig),
    (SELECT clock_timestamp() AS now) t
WHERE a.id = m.id AND a.state = m.at

-- name: nonces_refused
-- The request may be given another nonce, unless another attempt at this one may still pay it; the row stays used.
UPDATE nonces n SET request = NULL, row_no = 0, for_withdrawal = false, updated_at = clock_timestamp()
FROM attempts a
WHERE a.id = ANY ($1::bigint[]) AND n.wallet_id = a.wallet_id AND n.nonce = a.nonce AND n.state = 'used'
  AND NOT EXISTS (SELECT FROM attempts x WHERE x.wallet_id = n.wallet_id AND x.nonce = n.nonce AND x.state <> 'refused')
