-- +goose Up

-- Who may do administrative things, by one key each. Rows are only ever revoked.
CREATE TABLE operators (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL CHECK (name <> ''),
    role        TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'officer', 'auditor')),
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL UNIQUE,
    added_at    TEXT NOT NULL,
    revoked_at  TEXT -- NULL: it is good
) STRICT;

CREATE UNIQUE INDEX operators_good ON operators (name) WHERE revoked_at IS NULL;

-- +goose StatementBegin
CREATE TRIGGER operators_only_revoked BEFORE UPDATE ON operators
WHEN OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL OR NEW.id <> OLD.id OR NEW.name <> OLD.name OR NEW.role <> OLD.role
    OR NEW.key <> OLD.key OR NEW.fingerprint <> OLD.fingerprint OR NEW.added_at <> OLD.added_at
BEGIN
    SELECT RAISE(ABORT, 'an operator is only ever revoked');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER operators_no_delete BEFORE DELETE ON operators
BEGIN
    SELECT RAISE(ABORT, 'an operator is only ever revoked');
END;
-- +goose StatementEnd
-- INSERT OR REPLACE deletes without firing delete triggers.
-- +goose StatementBegin
CREATE TRIGGER operators_no_replace BEFORE INSERT ON operators WHEN NEW.id IN (SELECT id FROM operators)
BEGIN
    SELECT RAISE(ABORT, 'an operator is only ever revoked');
END;
-- +goose StatementEnd

-- What one person wants done, and another one has to approve.
CREATE TABLE proposals (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    act        TEXT NOT NULL,
    reason     TEXT NOT NULL,
    preview    TEXT NOT NULL,
    digest     TEXT NOT NULL,
    maker      TEXT NOT NULL,
    maker_key  TEXT NOT NULL,
    signed     TEXT NOT NULL,
    made_at    TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('open', 'done', 'withdrawn')),
    ended_at   TEXT, -- NULL: open
    ended_by   TEXT NOT NULL DEFAULT '',
    CHECK ((state = 'open') = (ended_at IS NULL))
) STRICT;

-- The signed statements that were used: none is good twice.
CREATE TABLE statements (
    id      TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    used_by TEXT NOT NULL,
    at      TEXT NOT NULL
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER statements_no_update BEFORE UPDATE ON statements
BEGIN
    SELECT RAISE(ABORT, 'statements is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER statements_no_delete BEFORE DELETE ON statements
BEGIN
    SELECT RAISE(ABORT, 'statements is append-only');
END;
-- +goose StatementEnd

-- What operators signed to have done what the row is about.
ALTER TABLE audit_log ADD COLUMN signed TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE audit_log DROP COLUMN signed;
DROP TABLE statements;
DROP TABLE proposals;
DROP TABLE operators;
