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

-- Withdrawals that a program put in by SQL, and what the daemon made of each. Only coffer_submit puts rows in.
CREATE TABLE inbox (
    seq          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request      text COLLATE "C" NOT NULL UNIQUE,
    chain_id     bigint      NOT NULL,
    to_address   text        NOT NULL,
    amount       text        NOT NULL, -- decimal, of whole coins
    asset        text        NOT NULL, -- empty: the chain's own coin
    state        text        NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'accepted', 'refused')),
    reason       text        NOT NULL DEFAULT '' CHECK ((reason <> '') = (state = 'refused')),
    submitted_by text        NOT NULL, -- role
    submitted_at timestamptz NOT NULL,
    decided_at   timestamptz CHECK ((decided_at IS NULL) = (state = 'new'))
);

CREATE INDEX inbox_new ON inbox (seq) WHERE state = 'new';

-- Puts a withdrawal in. It gives 'submitted', or 'already' if the same stands there. Its form is checked here, everything else by
-- the daemon. One that was refused may be submitted again, the same or mended.
-- +goose StatementBegin
CREATE FUNCTION coffer_submit(request text, chain_id bigint, to_address text, amount text, asset text DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    asked inbox;
    was inbox;
BEGIN
    asked.request := coffer_submit.request;
    asked.chain_id := coffer_submit.chain_id;
    asked.to_address := coffer_submit.to_address;
    asked.amount := coffer_submit.amount;
    asked.asset := coalesce(coffer_submit.asset, '');
    IF asked.request IS NULL OR asked.request COLLATE "C" !~ '^[!-~]{1,200}$' OR asked.request ~ '[#"\\]' THEN
        RAISE EXCEPTION 'bad request id %', coalesce(quote_literal(left(asked.request, 80)), 'NULL')
            USING ERRCODE = 'CF003', HINT = 'a request id is 1 to 200 characters of printable ASCII without spaces, #, " and \';
    ELSIF asked.chain_id IS NULL OR asked.chain_id < 0 THEN
        RAISE EXCEPTION 'bad chain id % in request %', coalesce(asked.chain_id::text, 'NULL'), asked.request
            USING ERRCODE = 'CF003', HINT = 'a whole number such as 1';
    ELSIF asked.to_address IS NULL OR asked.to_address COLLATE "C" !~ '^[!-~]{1,128}$' THEN
        RAISE EXCEPTION 'bad address % in request %', coalesce(quote_literal(left(asked.to_address, 80)), 'NULL'), asked.request
            USING ERRCODE = 'CF003', HINT = 'the address whole, without spaces';
    ELSIF asked.amount IS NULL OR length(asked.amount) > 100 OR asked.amount COLLATE "C" !~ '^[0-9]+([.][0-9]+)?$' OR asked.amount !~ '[1-9]' THEN
        RAISE EXCEPTION 'bad amount % in request %', coalesce(quote_literal(left(asked.amount, 80)), 'NULL'), asked.request
            USING ERRCODE = 'CF003', HINT = 'text of digits and at most one decimal point, more than nothing: 1.25';
    ELSIF asked.asset <> '' AND asked.asset COLLATE "C" !~ '^[!-~]{1,64}$' THEN
        RAISE EXCEPTION 'bad asset % in request %', quote_literal(left(asked.asset, 80)), asked.request
            USING ERRCODE = 'CF003', HINT = 'a symbol of coffer.toml, or NULL for the own coin of the chain';
    END IF;

    INSERT INTO inbox (request, chain_id, to_address, amount, asset, submitted_by, submitted_at)
    VALUES (asked.request, asked.chain_id, asked.to_address, asked.amount, asked.asset, session_user, clock_timestamp())
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT * INTO STRICT was FROM inbox i WHERE i.request = asked.request FOR UPDATE;
        IF was.state = 'refused' THEN
            UPDATE inbox i SET chain_id = asked.chain_id, to_address = asked.to_address, amount = asked.amount, asset = asked.asset,
                state = 'new', reason = '', decided_at = NULL, submitted_by = session_user, submitted_at = clock_timestamp()
            WHERE i.seq = was.seq;
        ELSIF was.chain_id = asked.chain_id AND was.asset = asked.asset AND was.amount::numeric = asked.amount::numeric
            AND (was.to_address = asked.to_address OR was.to_address ~* '^0x' AND lower(was.to_address) = lower(asked.to_address)) THEN
            RETURN 'already';
        ELSE
            RAISE EXCEPTION 'request % pays % % on chain % to % already; asked for now: % % on chain % to %', asked.request,
                was.amount, coalesce(nullif(was.asset, ''), 'of the coin'), was.chain_id, was.to_address,
                asked.amount, coalesce(nullif(asked.asset, ''), 'of the coin'), asked.chain_id, asked.to_address
                USING ERRCODE = 'CF002', HINT = 'use a new request id for a new payment';
        END IF;
    END IF;
    PERFORM pg_notify('coffer_inbox', '');
    RETURN 'submitted';
END
$$;
-- +goose StatementEnd

-- What became of each. withdrawal_state and what follows are those of an accepted one, as they stand now.
CREATE VIEW coffer_inbox AS
SELECT i.request, i.chain_id, i.to_address, i.amount, i.asset, i.state, i.reason, i.submitted_by, i.submitted_at, i.decided_at,
    w.state AS withdrawal_state, w.outcome, w.reason AS withdrawal_reason,
    (SELECT a.hash FROM attempts a WHERE a.payment = w.payment ORDER BY a.state IN ('mined', 'final') DESC, a.id DESC LIMIT 1) AS hash
FROM inbox i
LEFT JOIN withdrawals w ON w.payment = i.request AND i.state = 'accepted';

-- +goose Down
DROP VIEW coffer_inbox;
DROP FUNCTION coffer_submit;
DROP TABLE inbox;
DROP TRIGGER withdrawals_event_insert ON withdrawals;
DROP TRIGGER withdrawals_event_update ON withdrawals;
DROP TRIGGER attempts_event_insert ON attempts;
DROP TRIGGER attempts_event_update ON attempts;
DROP FUNCTION events_of_withdrawals, events_of_attempts, event_actor;
DROP TABLE events;
