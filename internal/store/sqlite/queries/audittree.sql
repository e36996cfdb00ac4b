-- name: audit_tree
SELECT (SELECT ifnull(max(entry) + 1, 0) FROM audit_entries),
    (SELECT count(*) FROM audit_unsealed),
    (SELECT a.at FROM audit_unsealed u JOIN audit_log a ON a.id = u.audit_id ORDER BY u.audit_id LIMIT 1)

-- name: audit_size
SELECT ifnull(max(entry) + 1, 0) FROM audit_entries

-- name: audit_unsealed
SELECT a.id, a.at, a.actor, a.action, a.subject, a.before, a.after, a.result, a.reason, a.signed
FROM audit_unsealed u
JOIN audit_log a ON a.id = u.audit_id
ORDER BY u.audit_id
LIMIT ?1

-- name: audit_nodes
SELECT n.hash FROM json_each(?1) v JOIN audit_nodes n ON n.node = v.value ORDER BY v.key

-- name: audit_entries
SELECT e.entry, e.audit_id, a.id IS NOT NULL, ifnull(a.at, ''), ifnull(a.actor, ''), ifnull(a.action, ''), ifnull(a.subject, ''), ifnull(a.before, ''),
    ifnull(a.after, ''), ifnull(a.result, ''), ifnull(a.reason, ''), ifnull(a.signed, '')
FROM audit_entries e
LEFT JOIN audit_log a ON a.id = e.audit_id
WHERE e.entry >= ?1
ORDER BY e.entry
LIMIT ?2

-- name: audit_entry_of
SELECT entry FROM audit_entries WHERE audit_id = ?1

-- name: audit_strays
SELECT a.id FROM audit_log a
WHERE NOT EXISTS (SELECT 1 FROM audit_entries e WHERE e.audit_id = a.id)
  AND NOT EXISTS (SELECT 1 FROM audit_unsealed u WHERE u.audit_id = a.id)
ORDER BY a.id
LIMIT ?1

-- name: audit_checkpoints
SELECT size, at, note FROM audit_checkpoints
WHERE true

-- name: audit_entry_add
INSERT INTO audit_entries (entry, audit_id)
SELECT ?1 + v.key, v.value FROM json_each(?2) v

-- name: audit_unsealed_drop
DELETE FROM audit_unsealed WHERE audit_id IN (SELECT value FROM json_each(?1))

-- name: audit_node_add
INSERT INTO audit_nodes (node, hash)
SELECT ?1 + v.key, unhex(v.value) FROM json_each(?2) v

-- name: audit_checkpoint_add
INSERT INTO audit_checkpoints (size, at, note) VALUES (?1, ?2, ?3)
