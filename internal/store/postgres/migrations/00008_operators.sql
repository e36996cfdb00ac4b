-- +goose Up

-- Who may do administrative things, by one key each. Rows are only ever revoked.
CREATE TABLE operators (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text COLLATE "C" NOT NULL CHECK (name <> ''),
    role        text COLLATE "C" NOT NULL CHECK (role IN ('viewer', 'operator', 'officer', 'auditor')),
    key         text        NOT NULL,
    fingerprint text COLLATE "C" NOT NULL UNIQUE,
    added_at    timestamptz NOT NULL,
    revoked_at  timestamptz -- NULL: it is good
);

CREATE UNIQUE INDEX operators_good ON operators (name) WHERE revoked_at IS NULL;

CREATE TRIGGER operators_only_revoked BEFORE UPDATE ON operators FOR EACH ROW
    WHEN (OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL
        OR (NEW.id, NEW.name, NEW.role, NEW.key, NEW.fingerprint, NEW.added_at) IS DISTINCT FROM (OLD.id, OLD.name, OLD.role, OLD.key, OLD.fingerprint, OLD.added_at))
    EXECUTE FUNCTION never('an operator is only ever revoked');
CREATE TRIGGER operators_no_delete BEFORE DELETE OR TRUNCATE ON operators
    FOR EACH STATEMENT EXECUTE FUNCTION never('an operator is only ever revoked');

-- What one person wants done, and another one has to approve.
CREATE TABLE proposals (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    act        text        NOT NULL,
    reason     text        NOT NULL,
    preview    text        NOT NULL,
    digest     text        NOT NULL,
    maker      text COLLATE "C" NOT NULL,
    maker_key  text COLLATE "C" NOT NULL,
    signed     text        NOT NULL,
    made_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    state      text COLLATE "C" NOT NULL CHECK (state IN ('open', 'done', 'withdrawn')),
    ended_at   timestamptz, -- NULL: open
    ended_by   text        NOT NULL DEFAULT '',
    CHECK ((state = 'open') = (ended_at IS NULL))
);

-- The signed statements that were used: none is good twice.
CREATE TABLE statements (
    id      text COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    used_by text        NOT NULL,
    at      timestamptz NOT NULL
);

CREATE TRIGGER statements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statements
    FOR EACH STATEMENT EXECUTE FUNCTION never('statements is append-only');

-- What operators signed to have done what the row is about.
ALTER TABLE audit_log ADD COLUMN signed text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE audit_log DROP COLUMN signed;
DROP TABLE statements;
DROP TABLE proposals;
DROP TABLE operators;
