-- name: inbox_take
SELECT seq, request, chain_id, to_address, amount, asset, submitted_by, submitted_at FROM inbox
WHERE state = 'new'
ORDER BY seq
LIMIT $1
FOR UPDATE SKIP LOCKED

-- name: inbox_decide
UPDATE inbox i SET state = CASE d.refusal WHEN '' THEN 'accepted' ELSE 'refused' END, reason = d.refusal, decided_at = clock_timestamp()
FROM unnest($1::bigint[], $2::text[]) d (seq, refusal)
WHERE i.seq = d.seq AND i.state = 'new'
