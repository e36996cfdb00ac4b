-- +goose Up

-- Which daemon drives a wallet.
CREATE TABLE wallet_leases (
    wallet_id  INTEGER NOT NULL PRIMARY KEY REFERENCES internal_wallets (id),
    holder     TEXT    NOT NULL, -- empty: given back
    epoch      INTEGER NOT NULL CHECK (epoch >= 1),
    expires_at TEXT    NOT NULL
) STRICT;

CREATE INDEX wallet_leases_holder ON wallet_leases (holder, wallet_id);

-- What an operator has to know.
CREATE TABLE alarms (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    key        TEXT    NOT NULL CHECK (key <> ''),
    kind       TEXT    NOT NULL CHECK (kind <> ''),
    chain_type TEXT    NOT NULL, -- empty: about no chain
    chain_id   INTEGER NOT NULL,
    wallet_id  INTEGER REFERENCES internal_wallets (id), -- NULL: about no wallet
    payment    TEXT,             -- NULL: about no payment
    brake      INTEGER NOT NULL CHECK (brake IN (0, 1)),  -- no new payment for the wallet, or for every wallet of the chain
    sticky     INTEGER NOT NULL CHECK (sticky IN (0, 1)), -- only a person ends it
    why        TEXT    NOT NULL,
    todo       TEXT    NOT NULL,
    since      TEXT    NOT NULL,
    seen_at    TEXT    NOT NULL,
    ended_at   TEXT,             -- NULL: open
    ended_by   TEXT    NOT NULL DEFAULT '',
    CHECK (brake = 0 OR why <> '') -- a brake without a reason would be none
) STRICT;

CREATE UNIQUE INDEX alarms_open ON alarms (key) WHERE ended_at IS NULL;
-- Read with each reservation; empty on a good day.
CREATE INDEX alarms_wallet_brakes ON alarms (wallet_id, id) WHERE brake = 1 AND ended_at IS NULL AND wallet_id IS NOT NULL;
CREATE INDEX alarms_chain_brakes ON alarms (chain_type, chain_id, id) WHERE brake = 1 AND ended_at IS NULL AND wallet_id IS NULL;
CREATE INDEX alarms_payment ON alarms (payment, id) WHERE payment IS NOT NULL;
CREATE INDEX alarms_wallet ON alarms (wallet_id, id) WHERE wallet_id IS NOT NULL;
CREATE INDEX alarms_since ON alarms (since);
CREATE INDEX alarms_ended ON alarms (ended_at) WHERE ended_at IS NOT NULL;

-- What an operator wants done with a payment under way.
CREATE TABLE wishes (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    payment  TEXT    NOT NULL REFERENCES withdrawals (payment),
    kind     TEXT    NOT NULL CHECK (kind IN ('bump', 'cancel')),
    actor    TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    at       TEXT    NOT NULL,
    ended_at TEXT,   -- NULL: open
    result   TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE UNIQUE INDEX wishes_open ON wishes (payment, kind) WHERE ended_at IS NULL;
CREATE INDEX wishes_payment ON wishes (payment, id);

-- +goose Down
DROP TABLE wishes;
DROP TABLE alarms;
DROP TABLE wallet_leases;
