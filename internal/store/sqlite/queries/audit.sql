-- name: audit
SELECT id, at, actor, action, subject, before, after, result, reason, signed FROM audit_log
WHERE true

-- name: audit_add
INSERT INTO audit_log (at, actor, action, subject, before, after, result, reason, signed)
SELECT ?2, v.value ->> 0, v.value ->> 1, v.value ->> 2, v.value ->> 3, v.value ->> 4, v.value ->> 5, v.value ->> 6, v.value ->> 7
FROM json_each(?1) v
ORDER BY v.key
