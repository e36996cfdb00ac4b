-- +goose Up

-- What became of each payment and of each attempt, in order. Triggers write it, so that no statement can forget it; they run once
-- a statement, not once a row. A row is never changed.
--
-- Ids are given in another order than transactions are committed in: who reads on from an id misses what a slower transaction with
-- a lower one commits later. So each row has its transaction's id too, rows are ordered by (xid, id), and who reads on is given
-- only what lies below the oldest transaction that still runs: nothing can come before it any more.
CREATE TABLE events (
    xid        xid8        NOT NULL,
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL,
    actor      text        NOT NULL,
    payment    text COLLATE "C",     -- NULL: a gap fill
    subject    text        NOT NULL CHECK (subject IN ('withdrawal', 'attempt')),
    attempt    bigint,               -- NULL: about the withdrawal
    purpose    text,                 -- of the attempt
    wallet_id  bigint,               -- NULL: it has no nonce
    nonce      bigint,
    from_state text,                 -- NULL: it begins
    to_state   text        NOT NULL,
    outcome    text,
    detail     text        NOT NULL, -- reason, or note
    hash       text,                 -- of the transaction on the chain, else of the newest attempt
    PRIMARY KEY (xid, id),
    CHECK ((subject = 'attempt') = (attempt IS NOT NULL))
);

CREATE INDEX events_payment ON events (payment, id) WHERE payment IS NOT NULL;

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION never('events is append-only');
REVOKE UPDATE, DELETE, TRUNCATE ON events FROM PUBLIC, CURRENT_USER;

-- Who: what coffer says at connect, else the role.
CREATE FUNCTION event_actor() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('coffer.actor', true), ''), session_user::text)
$$;

-- Old and new rows have no index, and this many nested loops over them would be the square of a batch: they are hashed.
-- +goose StatementBegin
CREATE FUNCTION events_of_withdrawals() RETURNS trigger LANGUAGE plpgsql
    SET enable_hashjoin = on SET enable_nestloop = off SET enable_seqscan = on AS $$
DECLARE d record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO events (xid, at, actor, payment, subject, wallet_id, nonce, from_state, to_state, outcome, detail)
        SELECT pg_current_xact_id(), w.created_at, event_actor(), w.payment, 'withdrawal',
            (SELECT n.wallet_id FROM nonces n WHERE n.request = w.request AND n.row_no = w.row_no),
            (SELECT n.nonce FROM nonces n WHERE n.request = w.request AND n.row_no = w.row_no),
            NULL, w.state, w.outcome, w.reason
        FROM added w
        ORDER BY w.seq;
        RETURN NULL;
    END IF;
    -- What a payment ends with is the nonce and the transaction that it ended with, also if its request lost the nonce.
    INSERT INTO events (xid, at, actor, payment, subject, wallet_id, nonce, from_state, to_state, outcome, detail, hash)
    SELECT pg_current_xact_id(), w.updated_at, event_actor(), w.payment, 'withdrawal',
        coalesce((SELECT n.wallet_id FROM nonces n WHERE n.request = w.request AND n.row_no = w.row_no), CASE WHEN w.state = 'ended' THEN
            (SELECT a.wallet_id FROM attempts a WHERE a.payment = w.payment ORDER BY a.state IN ('mined', 'final') DESC, a.id DESC LIMIT 1) END),
        coalesce((SELECT n.nonce FROM nonces n WHERE n.request = w.request AND n.row_no = w.row_no), CASE WHEN w.state = 'ended' THEN
            (SELECT a.nonce FROM attempts a WHERE a.payment = w.payment ORDER BY a.state IN ('mined', 'final') DESC, a.id DESC LIMIT 1) END),
        o.state, w.state, w.outcome, w.reason,
        CASE WHEN w.state <> 'queued' THEN
            (SELECT a.hash FROM attempts a WHERE a.payment = w.payment ORDER BY a.state IN ('mined', 'final') DESC, a.id DESC LIMIT 1) END
    FROM added w JOIN gone o ON o.seq = w.seq
    WHERE (o.state, o.outcome, o.reason) IS DISTINCT FROM (w.state, w.outcome, w.reason)
    ORDER BY w.seq;
    -- Whoever listens is told of each that has ended, or waits for a person, when the transaction commits.
    FOR d IN
        SELECT w.payment, w.state, w.outcome FROM added w JOIN gone o ON o.seq = w.seq
        WHERE w.state IN ('ended', 'needs_review') AND o.state <> w.state
        ORDER BY w.seq
    LOOP
        PERFORM pg_notify('coffer_withdrawals', json_build_object('request', d.payment, 'state', d.state, 'outcome', d.outcome)::text);
    END LOOP;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION events_of_attempts() RETURNS trigger LANGUAGE plpgsql
    SET enable_hashjoin = on SET enable_nestloop = off SET enable_seqscan = on AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO events (xid, at, actor, payment, subject, attempt, purpose, wallet_id, nonce, from_state, to_state, detail, hash)
        SELECT pg_current_xact_id(), a.updated_at, event_actor(), a.payment, 'attempt', a.id, a.purpose, a.wallet_id, a.nonce,
            NULL, a.state, a.note, a.hash
        FROM added a
        ORDER BY a.id;
        RETURN NULL;
    END IF;
    INSERT INTO events (xid, at, actor, payment, subject, attempt, purpose, wallet_id, nonce, from_state, to_state, detail, hash)
    SELECT pg_current_xact_id(), a.updated_at, event_actor(), a.payment, 'attempt', a.id, a.purpose, a.wallet_id, a.nonce,
        o.state, a.state, a.note, a.hash
    FROM added a JOIN gone o ON o.id = a.id
    WHERE (o.state, o.note) IS DISTINCT FROM (a.state, a.note)
    ORDER BY a.id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER withdrawals_event_insert AFTER INSERT ON withdrawals REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION events_of_withdrawals();
CREATE TRIGGER withdrawals_event_update AFTER UPDATE ON withdrawals REFERENCING OLD TABLE AS gone NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION events_of_withdrawals();
CREATE TRIGGER attempts_event_insert AFTER INSERT ON attempts REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION events_of_attempts();
CREATE TRIGGER attempts_event_update AFTER UPDATE ON attempts REFERENCING OLD TABLE AS gone NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION events_of_attempts();

-- What was there before: as it stands now.
INSERT INTO events (xid, at, actor, payment, subject, wallet_id, nonce, from_state, to_state, outcome, detail, hash)
SELECT pg_current_xact_id(), w.updated_at, 'migration', w.payment, 'withdrawal',
    (SELECT n.wallet_id FROM nonces n WHERE n.request = w.request AND n.row_no = w.row_no),
    (SELECT n.nonce FROM nonces n WHERE n.request = w.request AND n.row_no = w.row_no),
    NULL, w.state, w.outcome, w.reason, (SELECT a.hash FROM attempts a WHERE a.payment = w.payment ORDER BY a.id DESC LIMIT 1)
FROM withdrawals w
ORDER BY w.seq;

-- +goose Down
DROP TRIGGER withdrawals_event_insert ON withdrawals;
DROP TRIGGER withdrawals_event_update ON withdrawals;
DROP TRIGGER attempts_event_insert ON attempts;
DROP TRIGGER attempts_event_update ON attempts;
DROP FUNCTION events_of_withdrawals, events_of_attempts, event_actor;
DROP TABLE events;
