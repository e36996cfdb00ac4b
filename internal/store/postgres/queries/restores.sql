-- name: restored
SELECT id, at, taken_at, examined_at IS NOT NULL, accepted_at IS NULL FROM restores ORDER BY id DESC LIMIT 1

-- name: restores
SELECT id, at, taken_at, digest, actor, cursors, examined_at, accepted_at, accepted_by, reason FROM restores ORDER BY id DESC

-- name: restore_begin
INSERT INTO restores (at, taken_at, digest, actor, cursors)
SELECT clock_timestamp(), $1, $2, $3, coalesce((SELECT json_object_agg(w.id, w.nonce ORDER BY w.id)::text FROM internal_wallets w), '{}')

-- name: restore_differences
SELECT kind, subject, chain_type, chain_id, address, nonce, payment, detail, at FROM restore_differences
WHERE restore_id = $1
ORDER BY kind, subject

-- name: restore_note
INSERT INTO restore_differences (restore_id, kind, subject, chain_type, chain_id, address, nonce, payment, detail, at)
SELECT $1, v.kind, v.subject, v.chain_type, v.chain_id, v.address, v.nonce, v.payment, v.detail, clock_timestamp()
FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::text[], $9::text[])
    v (kind, subject, chain_type, chain_id, address, nonce, payment, detail)
ON CONFLICT (restore_id, kind, subject) DO UPDATE SET detail = excluded.detail, nonce = excluded.nonce, payment = excluded.payment

-- name: restore_drop
DELETE FROM restore_differences WHERE restore_id = $1 AND kind = ANY ($2::text[])

-- name: restore_examined
UPDATE restores SET examined_at = clock_timestamp() WHERE id = $1 AND accepted_at IS NULL AND id = (SELECT max(id) FROM restores)

-- name: restore_accept
UPDATE restores SET accepted_at = clock_timestamp(), accepted_by = $2, reason = $3
WHERE id = $1 AND accepted_at IS NULL AND examined_at IS NOT NULL AND id = (SELECT max(id) FROM restores)

-- name: resume_held
SELECT r FROM resume_held($1::text[]) r ORDER BY r COLLATE "C"

-- name: restore_fences
UPDATE nonces SET fence = fence + $1 WHERE state = 'free' AND fence < $1
