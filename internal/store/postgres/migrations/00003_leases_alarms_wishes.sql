-- +goose Up

-- Which daemon drives a wallet. A write of the engine keeps its leases with FOR KEY SHARE, which stops only what changes a key.
-- That the epoch is one makes taking a lease wait for such a write, and the write see that it was taken; prolonging one and giving
-- it back change no key and wait for nobody.
CREATE TABLE wallet_leases (
    wallet_id  bigint      NOT NULL PRIMARY KEY REFERENCES internal_wallets (id),
    holder     text COLLATE "C" NOT NULL, -- empty: given back
    epoch      bigint      NOT NULL CHECK (epoch >= 1),
    expires_at timestamptz NOT NULL,
    UNIQUE (wallet_id, epoch)
) WITH (fillfactor = 50); -- prolonged every few seconds: room for the next one on the same page

CREATE INDEX wallet_leases_holder ON wallet_leases (holder, wallet_id);

-- What an operator has to know.
CREATE TABLE alarms (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key        text COLLATE "C" NOT NULL CHECK (key <> ''),
    kind       text        NOT NULL CHECK (kind <> ''),
    chain_type text COLLATE "C" NOT NULL, -- empty: about no chain
    chain_id   bigint      NOT NULL,
    wallet_id  bigint      REFERENCES internal_wallets (id), -- NULL: about no wallet
    payment    text COLLATE "C",     -- NULL: about no payment
    brake      boolean     NOT NULL, -- no new payment for the wallet, or for every wallet of the chain
    sticky     boolean     NOT NULL, -- only a person ends it
    why        text        NOT NULL,
    todo       text        NOT NULL,
    since      timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    ended_at   timestamptz, -- NULL: open
    ended_by   text        NOT NULL DEFAULT '',
    CHECK (NOT brake OR why <> '') -- a brake without a reason would be none
);

CREATE UNIQUE INDEX alarms_open ON alarms (key) WHERE ended_at IS NULL;
-- Read with each reservation; empty on a good day, which the first one tells.
CREATE INDEX alarms_brakes ON alarms (id) WHERE brake AND ended_at IS NULL;
CREATE INDEX alarms_wallet_brakes ON alarms (wallet_id, id) WHERE brake AND ended_at IS NULL AND wallet_id IS NOT NULL;
CREATE INDEX alarms_chain_brakes ON alarms (chain_type, chain_id, id) WHERE brake AND ended_at IS NULL AND wallet_id IS NULL;
CREATE INDEX alarms_payment ON alarms (payment, id) WHERE payment IS NOT NULL;
CREATE INDEX alarms_wallet ON alarms (wallet_id, id) WHERE wallet_id IS NOT NULL;
CREATE INDEX alarms_since ON alarms (since);
CREATE INDEX alarms_ended ON alarms (ended_at) WHERE ended_at IS NOT NULL;

-- What an operator wants done with a payment under way.
CREATE TABLE wishes (
    id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment  text COLLATE "C" NOT NULL REFERENCES withdrawals (payment),
    kind     text COLLATE "C" NOT NULL CHECK (kind IN ('bump', 'cancel')),
    actor    text        NOT NULL,
    reason   text        NOT NULL,
    at       timestamptz NOT NULL,
    ended_at timestamptz, -- NULL: open
    result   text        NOT NULL DEFAULT ''
);

CREATE UNIQUE INDEX wishes_open ON wishes (payment, kind) WHERE ended_at IS NULL;
CREATE INDEX wishes_payment ON wishes (payment, id);

-- +goose Down
DROP TABLE wishes;
DROP TABLE alarms;
DROP TABLE wallet_leases;
