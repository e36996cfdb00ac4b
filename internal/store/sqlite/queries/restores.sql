-- name: restored
SELECT id, at, taken_at, examined_at IS NOT NULL, accepted_at IS NULL FROM restores ORDER BY id DESC LIMIT 1

-- name: restores
SELECT id, at, taken_at, digest, actor, cursors, examined_at, accepted_at, accepted_by, reason FROM restores ORDER BY id DESC

-- name: restore_begin
INSERT INTO restores (at, taken_at, digest, actor, cursors)
SELECT ?1, ?2, ?3, ?4, (SELECT json_group_object(id, nonce) FROM internal_wallets)

-- name: restore_differences
SELECT kind, subject, chain_type, chain_id, address, nonce, payment, detail, at FROM restore_differences
WHERE restore_id = ?1
ORDER BY kind, subject

-- name: restore_note
INSERT INTO restore_differences (restore_id, kind, subject, chain_type, chain_id, address, nonce, payment, detail, at)
SELECT ?1, v.value ->> 0, v.value ->> 1, v.value ->> 2, v.value ->> 3, v.value ->> 4, v.value ->> 5, v.value ->> 6, v.value ->> 7, ?3
FROM json_each(?2) v
WHERE true -- else the parser takes ON for a join's
ON CONFLICT (restore_id, kind, subject) DO UPDATE SET detail = excluded.detail, nonce = excluded.nonce, payment = excluded.payment

-- name: restore_drop
DELETE FROM restore_differences WHERE restore_id = ?1 AND kind IN (SELECT value FROM json_each(?2))

-- name: restore_examined
UPDATE restores SET examined_at = ?2 WHERE id = ?1 AND accepted_at IS NULL AND id = (SELECT max(id) FROM restores)

-- name: restore_accept
UPDATE restores SET accepted_at = ?2, accepted_by = ?3, reason = ?4
WHERE id = ?1 AND accepted_at IS NULL AND examined_at IS NOT NULL AND id = (SELECT max(id) FROM restores)

-- name: held
SELECT payment FROM withdrawals WHERE payment IN (SELECT value FROM json_each(?1)) AND state = 'held' ORDER BY payment

-- name: resume_held
UPDATE withdrawals SET state = 'queued', reason = '', updated_at = ?2 WHERE payment IN (SELECT value FROM json_each(?1)) AND state = 'held'

-- name: restore_fences
UPDATE nonces SET fence = fence + ?1 WHERE state = 'free' AND fence < ?1
