-- +goose Up

-- The Merkle tree over the audit log (RFC 6962): entry n of the tree is a row of audit_log. Its nodes are numbered as
-- golang.org/x/mod/sumdb/tlog numbers them.
CREATE TABLE audit_entries (
    entry    INTEGER PRIMARY KEY CHECK (entry >= 0),
    audit_id INTEGER NOT NULL UNIQUE
) STRICT;

CREATE TABLE audit_nodes (
    node INTEGER PRIMARY KEY CHECK (node >= 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- What was signed about the tree.
CREATE TABLE audit_checkpoints (
    size INTEGER PRIMARY KEY CHECK (size > 0),
    at   TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
BEGIN
    SELECT RAISE(ABORT, 'audit_entries is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
BEGIN
    SELECT RAISE(ABORT, 'audit_entries is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_nodes_no_update BEFORE UPDATE ON audit_nodes
BEGIN
    SELECT RAISE(ABORT, 'audit_nodes is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_nodes_no_delete BEFORE DELETE ON audit_nodes
BEGIN
    SELECT RAISE(ABORT, 'audit_nodes is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'audit_checkpoints is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'audit_checkpoints is append-only');
END;
-- +goose StatementEnd

-- The rows that are in no tree yet. A trigger writes it, so that no statement can forget it.
CREATE TABLE audit_unsealed (audit_id INTEGER PRIMARY KEY) STRICT;

INSERT INTO audit_unsealed (audit_id) SELECT id FROM audit_log;

-- +goose StatementBegin
CREATE TRIGGER audit_log_waits AFTER INSERT ON audit_log
BEGIN
    INSERT INTO audit_unsealed (audit_id) VALUES (NEW.id);
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER audit_log_waits;
DROP TABLE audit_unsealed;
DROP TABLE audit_checkpoints;
DROP TABLE audit_nodes;
DROP TABLE audit_entries;
