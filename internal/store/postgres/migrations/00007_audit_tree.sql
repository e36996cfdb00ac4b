-- +goose Up

-- The Merkle tree over the audit log (RFC 6962): entry n of the tree is a row of audit_log. Its nodes are numbered as
-- golang.org/x/mod/sumdb/tlog numbers them.
CREATE TABLE audit_entries (
    entry    bigint NOT NULL PRIMARY KEY CHECK (entry >= 0),
    audit_id bigint NOT NULL UNIQUE
);

CREATE TABLE audit_nodes (
    node bigint NOT NULL PRIMARY KEY CHECK (node >= 0),
    hash bytea  NOT NULL CHECK (length(hash) = 32)
);

-- What was signed about the tree.
CREATE TABLE audit_checkpoints (
    size bigint      NOT NULL PRIMARY KEY CHECK (size > 0),
    at   timestamptz NOT NULL,
    note text        NOT NULL
);

CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION never('audit_entries is append-only');
CREATE TRIGGER audit_nodes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_nodes
    FOR EACH STATEMENT EXECUTE FUNCTION never('audit_nodes is append-only');
CREATE TRIGGER audit_checkpoints_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION never('audit_checkpoints is append-only');

-- The rows that are in no tree yet. Whatever adds to audit_log adds to it. Rows come in the order in which their transactions commit, which
-- is not that of their ids.
CREATE TABLE audit_unsealed (audit_id bigint NOT NULL PRIMARY KEY);

INSERT INTO audit_unsealed (audit_id) SELECT id FROM audit_log;

-- +goose Down
DROP TABLE audit_unsealed;
DROP TABLE audit_checkpoints;
DROP TABLE audit_nodes;
DROP TABLE audit_entries;
