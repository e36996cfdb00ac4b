-- +goose Up

-- Each putting back of the ledger from a backup. As long as the newest one is not accepted, the ledger is paused.
CREATE TABLE restores (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          TEXT NOT NULL,
    taken_at    TEXT NOT NULL, -- when the backup was taken
    digest      TEXT NOT NULL, -- SHA-256 of its manifest
    actor       TEXT NOT NULL,
    cursors     TEXT NOT NULL, -- of its wallets, by id: a JSON object
    examined_at TEXT,          -- NULL: it was not compared with signing machine and chain to the end
    accepted_at TEXT,          -- NULL: paused
    accepted_by TEXT NOT NULL DEFAULT '',
    reason      TEXT NOT NULL DEFAULT '',
    CHECK (accepted_at IS NULL OR examined_at IS NOT NULL)
) STRICT;

-- In what backup, signing machine and chain do not agree, and what became of it.
CREATE TABLE restore_differences (
    restore_id INTEGER NOT NULL REFERENCES restores (id),
    kind       TEXT    NOT NULL CHECK (kind <> ''),
    subject    TEXT    NOT NULL CHECK (subject <> ''),
    chain_type TEXT    NOT NULL, -- empty: about no chain
    chain_id   INTEGER NOT NULL,
    address    TEXT    NOT NULL, -- empty: about no wallet
    nonce      INTEGER,          -- NULL: about none
    payment    TEXT    NOT NULL, -- empty: about none
    detail     TEXT    NOT NULL,
    at         TEXT    NOT NULL,
    PRIMARY KEY (restore_id, kind, subject)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE restore_differences;
DROP TABLE restores;
