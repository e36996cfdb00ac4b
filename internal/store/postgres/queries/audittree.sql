-- name: audit_tree
SELECT (SELECT coalesce(max(entry) + 1, 0) FROM audit_entries),
    (SELECT count(*) FROM audit_unsealed),
    (SELECT a.at FROM audit_unsealed u JOIN audit_log a ON a.id = u.audit_id ORDER BY u.audit_id LIMIT 1)

-- name: audit_size
SELECT coalesce(max(entry) + 1, 0) FROM audit_entries

-- name: audit_unsealed
SELECT a.id, a.at, a.actor, a.action, a.subject, a.before, a.after, a.result, a.reason, a.signed
FROM audit_unsealed u
JOIN audit_log a ON a.id = u.audit_id
ORDER BY u.audit_id
LIMIT $1

-- name: audit_nodes
SELECT n.hash FROM unnest($1::bigint[]) WITH ORDINALITY v (node, place) JOIN audit_nodes n ON n.node = v.node ORDER BY v.place

-- name: audit_entries
SELECT e.entry, e.audit_id, a.id IS NOT NULL, a.at, coalesce(a.actor, ''), coalesce(a.action, ''), coalesce(a.subject, ''), coalesce(a.before, ''),
    coalesce(a.after, ''), coalesce(a.result, ''), coalesce(a.reason, ''), coalesce(a.signed, '')
FROM audit_entries e
LEFT JOIN audit_log a ON a.id = e.audit_id
WHERE e.entry >= $1
ORDER BY e.entry
LIMIT $2

-- name: audit_entry_of
SELECT entry FROM audit_entries WHERE audit_id = $1

-- name: audit_strays
SELECT a.id FROM audit_log a
WHERE NOT EXISTS (SELECT FROM audit_entries e WHERE e.audit_id = a.id)
  AND NOT EXISTS (SELECT FROM audit_unsealed u WHERE u.audit_id = a.id)
ORDER BY a.id
LIMIT $1

-- name: audit_checkpoints
SELECT size, at, note FROM audit_checkpoints
WHERE true

-- name: audit_entries_add
-- Two sealers at once: the second one finds the entry there, and is told that the tree has another size.
INSERT INTO audit_entries (entry, audit_id)
SELECT $1 + v.place - 1, v.id FROM unnest($2::bigint[]) WITH ORDINALITY v (id, place)
WHERE (SELECT coalesce(max(entry) + 1, 0) FROM audit_entries) = $1
ON CONFLICT DO NOTHING

-- name: audit_unsealed_drop
DELETE FROM audit_unsealed WHERE audit_id = ANY ($1::bigint[])

-- name: audit_nodes_add
INSERT INTO audit_nodes (node, hash)
SELECT $1 + v.place - 1, v.hash FROM unnest($2::bytea[]) WITH ORDINALITY v (hash, place)

-- name: audit_checkpoint_add
INSERT INTO audit_checkpoints (size, at, note) VALUES ($1, clock_timestamp(), $2)
