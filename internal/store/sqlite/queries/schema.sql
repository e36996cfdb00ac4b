-- name: migrations_applied
SELECT version_id, tstamp FROM goose_db_version WHERE is_applied AND version_id > 0

-- name: ledger
SELECT id FROM ledger

-- name: ledger_begin
INSERT OR IGNORE INTO ledger (one, id, created_at) VALUES (1, lower(hex(randomblob(16))), ?1)

-- name: triggers
SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid

-- name: has_table
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1

-- name: keep_inbox
CREATE TABLE IF NOT EXISTS inbox (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    request        TEXT    NOT NULL UNIQUE,
    chain_id       INTEGER NOT NULL,
    to_address     TEXT    NOT NULL,
    amount         TEXT    NOT NULL,
    asset          TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    reason         TEXT    NOT NULL DEFAULT '',
    submitted_by   TEXT    NOT NULL,
    submitted_at   TEXT    NOT NULL,
    decided_at     TEXT,
    authorizations TEXT    NOT NULL DEFAULT '',
    renewal        INTEGER NOT NULL DEFAULT 0
) STRICT

-- name: fill_cache
-- 64 MB, so that the pages of indexes are not read again for each row.
PRAGMA cache_size = -65536

-- name: usual_cache
PRAGMA cache_size = -2000
