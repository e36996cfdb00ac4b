-- name: audit
SELECT id, at, actor, action, subject, before, after, result, reason, signed FROM audit_log
WHERE true

-- name: audit_add
-- Whoever adds a row says that it waits to be sealed: a trigger would cost each reservation more. `coffer audit verify` finds a row of whoever forgets it.
WITH recorded AS (
    INSERT INTO audit_log (at, actor, action, subject, before, after, result, reason, signed)
    SELECT clock_timestamp(), v.actor, v.action, v.subject, v.before, v.after, v.result, v.reason, v.signed
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
        WITH ORDINALITY v (actor, action, subject, before, after, result, reason, signed, place)
    ORDER BY v.place
    RETURNING id
)
INSERT INTO audit_unsealed (audit_id) SELECT id FROM recorded
