-- +goose Up

-- Times are text, UTC, of one width (2026-11-03T09:15:00.000000Z), so that they compare as text. Amounts are decimal text.
-- Nonces end at 2^53.

CREATE TABLE internal_wallets (
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
    address     TEXT     NOT NULL CHECK (address <> ''),
    device      TEXT     CHECK (device <> ''), -- NULL: the key is elsewhere
    path        TEXT     CHECK (path <> ''),
    chain_type  TEXT     NOT NULL CHECK (chain_type IN ('evm', 'btc', 'solana')),
    chain_id    INTEGER  NOT NULL CHECK (typeof(chain_id) = 'integer' AND chain_id >= 0),
    wallet_type TEXT     NOT NULL CHECK (wallet_type IN ('hot', 'multisig', 'cold', 'vault')),
    nonce       INTEGER  NOT NULL CHECK (typeof(nonce) = 'integer' AND nonce BETWEEN 0 AND 9007199254740992),
    is_active   INTEGER  NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at  DATETIME NOT NULL,
    updated_at  DATETIME NOT NULL,
    UNIQUE (chain_type, chain_id, address)
);

CREATE TABLE requests (
    id         TEXT    NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL CHECK (kind IN ('reservation', 'withdrawal')),
    content    TEXT    NOT NULL,
    wallet_id  INTEGER REFERENCES internal_wallets (id), -- NULL: bound to none
    row_count  INTEGER NOT NULL CHECK (row_count >= 1),
    created_at TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE nonces (
    wallet_id      INTEGER NOT NULL REFERENCES internal_wallets (id),
    nonce          INTEGER NOT NULL CHECK (nonce BETWEEN 0 AND 9007199254740992),
    state          TEXT    NOT NULL CHECK (state IN ('free', 'reserved', 'used')),
    request        TEXT,
    row_no         INTEGER NOT NULL DEFAULT 0,
    fence          INTEGER NOT NULL CHECK (fence >= 1),
    expires_at     TEXT,                       -- NULL: never
    hash           TEXT,                       -- told by `nonce sent`
    for_withdrawal INTEGER NOT NULL DEFAULT 0, -- 1: a withdrawals row has this request and row; kept so that they are counted fast
    updated_at     TEXT    NOT NULL,
    PRIMARY KEY (wallet_id, nonce),
    CHECK (state <> 'reserved' OR request IS NOT NULL),
    CHECK (state <> 'free' OR request IS NULL)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX nonces_request ON nonces (request, row_no) WHERE request IS NOT NULL;
CREATE INDEX nonces_free ON nonces (wallet_id, nonce) WHERE state = 'free';
CREATE INDEX nonces_reserved ON nonces (wallet_id, expires_at, nonce) WHERE state = 'reserved';
CREATE INDEX nonces_for_withdrawal ON nonces (wallet_id, expires_at) WHERE state = 'reserved' AND for_withdrawal = 1;

-- How many rows of a wallet are reserved: counting them anew for each reservation would make it slower with every one that
-- stands. Triggers keep it, so that no statement can forget it.
CREATE TABLE wallet_counts (
    wallet_id INTEGER NOT NULL PRIMARY KEY REFERENCES internal_wallets (id) ON DELETE CASCADE,
    reserved  INTEGER NOT NULL CHECK (reserved >= 0)
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER wallet_counts_begin AFTER INSERT ON internal_wallets
BEGIN
    INSERT INTO wallet_counts (wallet_id, reserved) VALUES (NEW.id, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER nonces_reserved_insert AFTER INSERT ON nonces WHEN NEW.state = 'reserved'
BEGIN
    UPDATE wallet_counts SET reserved = reserved + 1 WHERE wallet_id = NEW.wallet_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER nonces_reserved_update AFTER UPDATE OF state ON nonces WHEN (OLD.state = 'reserved') <> (NEW.state = 'reserved')
BEGIN
    UPDATE wallet_counts SET reserved = reserved + iif(NEW.state = 'reserved', 1, -1) WHERE wallet_id = NEW.wallet_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER nonces_reserved_delete AFTER DELETE ON nonces WHEN OLD.state = 'reserved'
BEGIN
    UPDATE wallet_counts SET reserved = reserved - 1 WHERE wallet_id = OLD.wallet_id;
END;
-- +goose StatementEnd

-- Nonces, both ends included, spent by something that is not coffer's.
CREATE TABLE external_ranges (
    wallet_id   INTEGER NOT NULL REFERENCES internal_wallets (id),
    first_nonce INTEGER NOT NULL CHECK (first_nonce >= 0),
    last_nonce  INTEGER NOT NULL CHECK (last_nonce BETWEEN first_nonce AND 9007199254740992),
    evidence    TEXT    NOT NULL CHECK (evidence IN ('operator', 'chain')),
    reason      TEXT    NOT NULL,
    at          TEXT    NOT NULL,
    PRIMARY KEY (wallet_id, first_nonce)
) STRICT, WITHOUT ROWID;

CREATE TABLE withdrawals (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    payment    TEXT    NOT NULL UNIQUE,
    request    TEXT    NOT NULL REFERENCES requests (id),
    row_no     INTEGER NOT NULL DEFAULT 0,
    chain_type TEXT    NOT NULL,
    chain_id   INTEGER NOT NULL,
    to_address TEXT    NOT NULL,
    asset      TEXT    NOT NULL, -- empty: the chain's own coin
    contract   TEXT    NOT NULL, -- empty: the chain's own coin
    amount     TEXT    NOT NULL CHECK (amount <> '' AND amount NOT GLOB '*[^0-9]*'), -- base units
    state      TEXT    NOT NULL CHECK (state IN ('queued', 'assigned', 'needs_review', 'held', 'ended')),
    outcome    TEXT    CHECK (outcome IN ('paid', 'failed', 'refused', 'cancelled')),
    reason     TEXT    NOT NULL DEFAULT '',
    created_at TEXT    NOT NULL,
    updated_at TEXT    NOT NULL,
    ended_at   TEXT,
    UNIQUE (request, row_no),
    CHECK ((state = 'ended') = (outcome IS NOT NULL)),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL))
) STRICT;

CREATE INDEX withdrawals_open ON withdrawals (seq) WHERE state <> 'ended';
CREATE INDEX withdrawals_state ON withdrawals (state, seq);

CREATE TABLE attempts (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    wallet_id    INTEGER NOT NULL,
    nonce        INTEGER NOT NULL,
    payment      TEXT,                     -- NULL: a gap fill
    purpose      TEXT    NOT NULL,
    digest       TEXT    NOT NULL UNIQUE,  -- of refused ones too: the signing machine answers a digest once, for ever
    intent       BLOB    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('asked', 'signed', 'sent', 'mined', 'final', 'refused', 'superseded')),
    raw          BLOB,
    hash         TEXT,
    note         TEXT    NOT NULL DEFAULT '',
    refusal      TEXT,
    block_number INTEGER,
    block_hash   TEXT,
    success      INTEGER CHECK (success IN (0, 1)),
    fee          TEXT,
    asked_at     TEXT    NOT NULL,
    signed_at    TEXT,
    sent_at      TEXT,
    mined_at     TEXT,
    final_at     TEXT,
    updated_at   TEXT    NOT NULL,
    FOREIGN KEY (wallet_id, nonce) REFERENCES nonces (wallet_id, nonce)
) STRICT;

CREATE INDEX attempts_place ON attempts (wallet_id, nonce, state);
CREATE INDEX attempts_state ON attempts (state, wallet_id, nonce);
CREATE INDEX attempts_payment ON attempts (payment, id) WHERE payment IS NOT NULL;

CREATE TABLE audit_log (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      TEXT NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    before  TEXT NOT NULL,
    after   TEXT NOT NULL,
    result  TEXT NOT NULL CHECK (result IN ('done', 'refused')),
    reason  TEXT NOT NULL
) STRICT;

CREATE INDEX audit_log_subject ON audit_log (subject, id);

-- +goose StatementBegin
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only');
END;
-- +goose StatementEnd
-- INSERT OR REPLACE deletes without firing delete triggers.
-- +goose StatementBegin
CREATE TRIGGER audit_log_no_replace BEFORE INSERT ON audit_log WHEN NEW.id IN (SELECT id FROM audit_log)
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only');
END;
-- +goose StatementEnd

-- The ledger's own id. Migrate writes the one row.
CREATE TABLE ledger (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id         TEXT    NOT NULL CHECK (length(id) = 32 AND id NOT GLOB '*[^0-9a-f]*'),
    created_at TEXT    NOT NULL
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger id never changes');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger id never changes');
END;
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
