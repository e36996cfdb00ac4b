-- name: inbox_take
SELECT seq, request, chain_id, to_address, amount, asset, authorizations, renewal, submitted_by, submitted_at FROM inbox
WHERE state = 'new' OR renewal
ORDER BY seq
LIMIT $1
FOR UPDATE SKIP LOCKED

-- name: inbox_decide
UPDATE inbox i SET state = CASE WHEN i.renewal OR d.refusal = '' THEN 'accepted' ELSE 'refused' END,
    reason = CASE WHEN i.renewal THEN '' ELSE d.refusal END, renewal = false, decided_at = clock_timestamp()
FROM unnest($1::bigint[], $2::text[]) d (seq, refusal)
WHERE i.seq = d.seq AND (i.state = 'new' OR i.renewal)
