-- +goose Up

-- Times are timestamptz, microseconds. Amounts are decimal text, because no integer type holds every token's. Nonces end at 2^53.
-- Indexed text is compared by its bytes (COLLATE "C"): an index in a language's order is silently wrong once the system's idea of
-- that order changes, and then a request id that is there is not found.

CREATE TABLE internal_wallets (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never used again
    address     text COLLATE "C" NOT NULL CHECK (address <> ''),
    device      text        CHECK (device <> ''), -- NULL: the key is elsewhere
    path        text        CHECK (path <> ''),
    chain_type  text COLLATE "C" NOT NULL CHECK (chain_type IN ('evm', 'btc', 'solana')),
    chain_id    bigint      NOT NULL CHECK (chain_id >= 0),
    wallet_type text        NOT NULL CHECK (wallet_type IN ('hot', 'multisig', 'cold', 'vault')),
    nonce       bigint      NOT NULL CHECK (nonce BETWEEN 0 AND 9007199254740992),
    is_active   smallint    NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    UNIQUE (chain_type, chain_id, address)
) WITH (fillfactor = 50); -- each nonce given rewrites the wallet's row: room for the next one on the same page

CREATE TABLE requests (
    id         text COLLATE "C" NOT NULL PRIMARY KEY,
    kind       text        NOT NULL CHECK (kind IN ('reservation', 'withdrawal')),
    content    text        NOT NULL,
    wallet_id  bigint,     -- NULL: bound to none; see wallet_counts
    row_count  integer     NOT NULL CHECK (row_count >= 1),
    created_at timestamptz NOT NULL
);

CREATE TABLE nonces (
    wallet_id      bigint      NOT NULL,           -- see wallet_counts
    nonce          bigint      NOT NULL CHECK (nonce BETWEEN 0 AND 9007199254740992),
    state          text COLLATE "C" NOT NULL CHECK (state IN ('free', 'reserved', 'used')),
    request        text COLLATE "C",
    row_no         integer     NOT NULL DEFAULT 0,
    fence          bigint      NOT NULL CHECK (fence >= 1),
    expires_at     timestamptz,                    -- NULL: never
    hash           text,                           -- told by `nonce sent`
    for_withdrawal boolean     NOT NULL DEFAULT false, -- a withdrawals row has this request and row; kept so that they are counted fast
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (wallet_id, nonce),
    CHECK (state <> 'reserved' OR request IS NOT NULL),
    CHECK (state <> 'free' OR request IS NULL)
);

CREATE UNIQUE INDEX nonces_request ON nonces (request, row_no) WHERE request IS NOT NULL;
CREATE INDEX nonces_free ON nonces (wallet_id, nonce) WHERE state = 'free';
CREATE INDEX nonces_reserved ON nonces (wallet_id, expires_at, nonce) WHERE state = 'reserved';
CREATE INDEX nonces_for_withdrawal ON nonces (wallet_id, expires_at) WHERE state = 'reserved' AND for_withdrawal;

-- How many rows of a wallet are reserved: counting them anew for each reservation would make it slower with every one that
-- stands. Triggers keep it, so that no statement can forget it; they run once a statement, not once a row.
--
-- They are also what REFERENCES internal_wallets would be on nonces and requests, whose check of each row by itself is half of the
-- cost of reserving many: a nonce is inserted only where the wallet's count is there to be changed, and a count goes with its
-- wallet, but not as long as anything names it. A request that names a wallet is written with its nonces.
CREATE TABLE wallet_counts (
    wallet_id bigint NOT NULL PRIMARY KEY REFERENCES internal_wallets (id) ON DELETE CASCADE,
    reserved  bigint NOT NULL CHECK (reserved >= 0)
) WITH (fillfactor = 50);

-- +goose StatementBegin
CREATE FUNCTION wallet_counts_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO wallet_counts (wallet_id, reserved) VALUES (NEW.id, 0);
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER wallet_counts_begin AFTER INSERT ON internal_wallets FOR EACH ROW EXECUTE FUNCTION wallet_counts_begin();

-- Counts are locked in the order of the wallets, so that two statements over several wallets do not wait for each other.
-- +goose StatementBegin
CREATE FUNCTION wallet_counts_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE d record;
BEGIN
    FOR d IN SELECT wallet_id, count(*) FILTER (WHERE state = 'reserved') AS n FROM added GROUP BY wallet_id ORDER BY wallet_id LOOP
        UPDATE wallet_counts SET reserved = reserved + d.n WHERE wallet_id = d.wallet_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'there is no wallet %', d.wallet_id USING ERRCODE = 'foreign_key_violation';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION wallet_counts_update() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE d record;
BEGIN
    FOR d IN
        SELECT x.wallet_id, sum(x.n) AS n FROM (
            SELECT wallet_id, 1 AS n FROM added WHERE state = 'reserved'
            UNION ALL
            SELECT wallet_id, -1 FROM gone WHERE state = 'reserved'
        ) x GROUP BY x.wallet_id HAVING sum(x.n) <> 0 ORDER BY x.wallet_id
    LOOP
        UPDATE wallet_counts SET reserved = reserved + d.n WHERE wallet_id = d.wallet_id;
    END LOOP;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION wallet_counts_delete() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE d record;
BEGIN
    FOR d IN SELECT wallet_id, count(*) AS n FROM gone WHERE state = 'reserved' GROUP BY wallet_id ORDER BY wallet_id LOOP
        UPDATE wallet_counts SET reserved = reserved - d.n WHERE wallet_id = d.wallet_id;
    END LOOP;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
-- Its queries see what was committed while the deletion waited for the count.
-- +goose StatementBegin
CREATE FUNCTION wallet_counts_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM nonces WHERE wallet_id = OLD.wallet_id) OR EXISTS (SELECT FROM requests WHERE wallet_id = OLD.wallet_id) THEN
        RAISE EXCEPTION 'nonces or requests name wallet %', OLD.wallet_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER wallet_counts_named AFTER DELETE ON wallet_counts FOR EACH ROW EXECUTE FUNCTION wallet_counts_named();
CREATE TRIGGER nonces_reserved_insert AFTER INSERT ON nonces REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION wallet_counts_insert();
CREATE TRIGGER nonces_reserved_update AFTER UPDATE ON nonces REFERENCING OLD TABLE AS gone NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION wallet_counts_update();
CREATE TRIGGER nonces_reserved_delete AFTER DELETE ON nonces REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION wallet_counts_delete();

-- +goose StatementBegin
CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0];
END
$$;
-- +goose StatementEnd
-- Emptied at once, nonces would leave their counts behind.
CREATE TRIGGER nonces_no_truncate BEFORE TRUNCATE ON nonces FOR EACH STATEMENT EXECUTE FUNCTION never('nonces are not emptied');

-- Nonces, both ends included, spent by something that is not coffer's.
CREATE TABLE external_ranges (
    wallet_id   bigint      NOT NULL REFERENCES internal_wallets (id),
    first_nonce bigint      NOT NULL CHECK (first_nonce >= 0),
    last_nonce  bigint      NOT NULL CHECK (last_nonce BETWEEN first_nonce AND 9007199254740992),
    evidence    text        NOT NULL CHECK (evidence IN ('operator', 'chain')),
    reason      text        NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (wallet_id, first_nonce)
);

CREATE TABLE withdrawals (
    seq        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment    text COLLATE "C" NOT NULL UNIQUE,
    request    text COLLATE "C" NOT NULL REFERENCES requests (id),
    row_no     integer     NOT NULL DEFAULT 0,
    chain_type text        NOT NULL,
    chain_id   bigint      NOT NULL,
    to_address text        NOT NULL,
    asset      text        NOT NULL, -- empty: the chain's own coin
    contract   text        NOT NULL, -- empty: the chain's own coin
    amount     text        NOT NULL CHECK (amount ~ '^[0-9]+$'), -- base units
    state      text COLLATE "C" NOT NULL CHECK (state IN ('queued', 'assigned', 'needs_review', 'held', 'ended')),
    outcome    text        CHECK (outcome IN ('paid', 'failed', 'refused', 'cancelled')),
    reason     text        NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    ended_at   timestamptz,
    UNIQUE (request, row_no),
    CHECK ((state = 'ended') = (outcome IS NOT NULL)),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL))
);

CREATE INDEX withdrawals_open ON withdrawals (seq) WHERE state <> 'ended';
CREATE INDEX withdrawals_state ON withdrawals (state, seq);

CREATE TABLE attempts (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    wallet_id    bigint      NOT NULL,
    nonce        bigint      NOT NULL,
    payment      text,                         -- NULL: a gap fill
    purpose      text        NOT NULL,
    digest       text        NOT NULL UNIQUE,  -- of refused ones too: the signing machine answers a digest once, for ever
    intent       bytea       NOT NULL,
    state        text        NOT NULL CHECK (state IN ('asked', 'signed', 'sent', 'mined', 'final', 'refused', 'superseded')),
    raw          bytea,
    hash         text,
    note         text        NOT NULL DEFAULT '',
    refusal      text,
    block_number bigint,
    block_hash   text,
    success      boolean,
    fee          text,
    asked_at     timestamptz NOT NULL,
    signed_at    timestamptz,
    sent_at      timestamptz,
    mined_at     timestamptz,
    final_at     timestamptz,
    updated_at   timestamptz NOT NULL,
    FOREIGN KEY (wallet_id, nonce) REFERENCES nonces (wallet_id, nonce)
);

-- As above: indexed, so compared by its bytes.
ALTER TABLE attempts
    ALTER COLUMN payment TYPE text COLLATE "C", ALTER COLUMN digest TYPE text COLLATE "C", ALTER COLUMN state TYPE text COLLATE "C";

CREATE INDEX attempts_place ON attempts (wallet_id, nonce, state);
-- Few at any time, read with each reservation.
CREATE INDEX attempts_open ON attempts (wallet_id, nonce, state) WHERE state IN ('asked', 'signed', 'sent', 'mined');
CREATE INDEX attempts_state ON attempts (state, wallet_id, nonce);
CREATE INDEX attempts_payment ON attempts (payment, id) WHERE payment IS NOT NULL;

CREATE TABLE audit_log (
    id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL,
    actor   text        NOT NULL,
    action  text        NOT NULL,
    subject text COLLATE "C" NOT NULL,
    before  text        NOT NULL,
    after   text        NOT NULL,
    result  text        NOT NULL CHECK (result IN ('done', 'refused')),
    reason  text        NOT NULL
);

CREATE INDEX audit_log_subject ON audit_log (subject, id);

-- The ledger's own id. Migrate writes the one row.
CREATE TABLE ledger (
    one        integer     NOT NULL PRIMARY KEY CHECK (one = 1),
    id         text        NOT NULL CHECK (id ~ '^[0-9a-f]{32}$'),
    created_at timestamptz NOT NULL
);

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION never('audit_log is append-only');
CREATE TRIGGER ledger_constant BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION never('the ledger id never changes');

-- The same by rights: the owner, who is whoever migrates, gives up its own and gives them to nobody. That stops statements, not
-- the owner itself, who may grant them again or drop the triggers, and no superuser. Whoever wants the log safe from the daemon's
-- own account migrates as one role and lets the daemon connect as another, which has SELECT and INSERT on these two tables.
REVOKE UPDATE, DELETE, TRUNCATE ON audit_log, ledger FROM PUBLIC, CURRENT_USER;

-- Ends the transaction when a compare-and-set found fewer rows than it must: its COMMIT may be on its way already.
-- +goose StatementBegin
CREATE FUNCTION all_or_stale(what text, changed bigint, wanted bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF changed <> wanted THEN
        RAISE EXCEPTION '%: % of %', what, changed, wanted USING ERRCODE = 'CF001';
    END IF;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE ledger;
DROP TABLE audit_log;
DROP TABLE attempts;
DROP TABLE withdrawals;
DROP TABLE external_ranges;
DROP TABLE nonces;
DROP TABLE requests;
DROP TABLE wallet_counts;
DROP TABLE internal_wallets;
DROP FUNCTION wallet_counts_begin, wallet_counts_insert, wallet_counts_update, wallet_counts_delete, wallet_counts_named,
    never, all_or_stale;
