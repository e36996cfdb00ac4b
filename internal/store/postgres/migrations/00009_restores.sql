-- +goose Up

-- Each putting back of the ledger from a backup. As long as the newest one is not accepted, the ledger is paused.
CREATE TABLE restores (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    taken_at    timestamptz NOT NULL, -- when the backup was taken
    digest      text        NOT NULL, -- SHA-256 of its manifest
    actor       text        NOT NULL,
    cursors     text        NOT NULL, -- of its wallets, by id: a JSON object
    examined_at timestamptz,          -- NULL: it was not compared with signing machine and chain to the end
    accepted_at timestamptz,          -- NULL: paused
    accepted_by text        NOT NULL DEFAULT '',
    reason      text        NOT NULL DEFAULT '',
    CHECK (accepted_at IS NULL OR examined_at IS NOT NULL)
);

-- In what backup, signing machine and chain do not agree, and what became of it.
CREATE TABLE restore_differences (
    restore_id bigint      NOT NULL REFERENCES restores (id),
    kind       text COLLATE "C" NOT NULL CHECK (kind <> ''),
    subject    text COLLATE "C" NOT NULL CHECK (subject <> ''),
    chain_type text        NOT NULL, -- empty: about no chain
    chain_id   bigint      NOT NULL,
    address    text        NOT NULL, -- empty: about no wallet
    nonce      bigint,               -- NULL: about none
    payment    text        NOT NULL, -- empty: about none
    detail     text        NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (restore_id, kind, subject)
);

-- Queues what is held, for its caller has submitted it again, and tells what it was. Whoever hands withdrawals in may do that, and may change
-- no state otherwise: so it has its owner's rights.
-- +goose StatementBegin
CREATE FUNCTION resume_held(payments text[]) RETURNS SETOF text
    LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    UPDATE withdrawals SET state = 'queued', reason = '', updated_at = clock_timestamp() WHERE payment = ANY (payments) AND state = 'held'
    RETURNING payment
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION resume_held FROM PUBLIC;

-- As before, but what is held after a restore goes to the daemon once more when it is submitted again.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION coffer_submit(request text, chain_id bigint, to_address text, amount text, asset text DEFAULT NULL,
    authorizations text DEFAULT NULL) RETURNS text
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
    asked.authorizations := coalesce(btrim(coffer_submit.authorizations), '');
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
    ELSIF length(asked.authorizations) > 66000 OR asked.authorizations COLLATE "C" !~ '^([-A-Za-z0-9._]+( |$)){0,8}$' THEN
        RAISE EXCEPTION 'bad authorizations % in request %', quote_literal(left(asked.authorizations, 80)), asked.request
            USING ERRCODE = 'CF003', HINT = 'at most 8 tokens as coffer authorize prints them, with one blank between two';
    END IF;

    INSERT INTO inbox (request, chain_id, to_address, amount, asset, authorizations, submitted_by, submitted_at)
    VALUES (asked.request, asked.chain_id, asked.to_address, asked.amount, asked.asset, asked.authorizations, session_user, clock_timestamp())
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT * INTO STRICT was FROM inbox i WHERE i.request = asked.request FOR UPDATE;
        IF was.state = 'refused' THEN
            UPDATE inbox i SET chain_id = asked.chain_id, to_address = asked.to_address, amount = asked.amount, asset = asked.asset,
                authorizations = asked.authorizations, state = 'new', reason = '', decided_at = NULL, submitted_by = session_user, submitted_at = clock_timestamp()
            WHERE i.seq = was.seq;
        ELSIF was.chain_id = asked.chain_id AND was.asset = asked.asset AND was.amount::numeric = asked.amount::numeric
            AND (was.to_address = asked.to_address OR was.to_address ~* '^0x' AND lower(was.to_address) = lower(asked.to_address)) THEN
            IF was.state = 'accepted' AND (SELECT c.withdrawal_state FROM coffer_inbox c WHERE c.request = asked.request) = 'held' THEN
                UPDATE inbox i SET renewal = true, authorizations = CASE WHEN asked.authorizations = '' THEN i.authorizations ELSE asked.authorizations END
                WHERE i.seq = was.seq;
                PERFORM pg_notify('coffer_inbox', '');
                RETURN 'submitted';
            END IF;
            IF asked.authorizations = '' OR asked.authorizations = was.authorizations THEN
                RETURN 'already';
            END IF;
            UPDATE inbox i SET authorizations = asked.authorizations, renewal = was.state = 'accepted' WHERE i.seq = was.seq;
            PERFORM pg_notify('coffer_inbox', '');
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

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION coffer_submit(request text, chain_id bigint, to_address text, amount text, asset text DEFAULT NULL,
    authorizations text DEFAULT NULL) RETURNS text
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
    asked.authorizations := coalesce(btrim(coffer_submit.authorizations), '');
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
    ELSIF length(asked.authorizations) > 66000 OR asked.authorizations COLLATE "C" !~ '^([-A-Za-z0-9._]+( |$)){0,8}$' THEN
        RAISE EXCEPTION 'bad authorizations % in request %', quote_literal(left(asked.authorizations, 80)), asked.request
            USING ERRCODE = 'CF003', HINT = 'at most 8 tokens as coffer authorize prints them, with one blank between two';
    END IF;

    INSERT INTO inbox (request, chain_id, to_address, amount, asset, authorizations, submitted_by, submitted_at)
    VALUES (asked.request, asked.chain_id, asked.to_address, asked.amount, asked.asset, asked.authorizations, session_user, clock_timestamp())
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT * INTO STRICT was FROM inbox i WHERE i.request = asked.request FOR UPDATE;
        IF was.state = 'refused' THEN
            UPDATE inbox i SET chain_id = asked.chain_id, to_address = asked.to_address, amount = asked.amount, asset = asked.asset,
                authorizations = asked.authorizations, state = 'new', reason = '', decided_at = NULL, submitted_by = session_user, submitted_at = clock_timestamp()
            WHERE i.seq = was.seq;
        ELSIF was.chain_id = asked.chain_id AND was.asset = asked.asset AND was.amount::numeric = asked.amount::numeric
            AND (was.to_address = asked.to_address OR was.to_address ~* '^0x' AND lower(was.to_address) = lower(asked.to_address)) THEN
            IF asked.authorizations = '' OR asked.authorizations = was.authorizations THEN
                RETURN 'already';
            END IF;
            UPDATE inbox i SET authorizations = asked.authorizations, renewal = was.state = 'accepted' WHERE i.seq = was.seq;
            PERFORM pg_notify('coffer_inbox', '');
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

DROP FUNCTION resume_held;
DROP TABLE restore_differences;
DROP TABLE restores;
