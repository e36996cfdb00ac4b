-- +goose Up

-- How far the journal of each signing machine was compared with this ledger.
CREATE TABLE devices (
    device       text COLLATE "C" NOT NULL PRIMARY KEY CHECK (device <> ''),
    verified_seq bigint      NOT NULL CHECK (verified_seq >= 0), -- each entry up to it has its attempt here
    updated_at   timestamptz NOT NULL
);

-- The receipt of the signing machine's answer. NULL: there is no answer yet, or it came from a machine that gave none.
ALTER TABLE attempts
    ADD COLUMN receipt_device text COLLATE "C",
    ADD COLUMN receipt_seq    bigint CHECK (receipt_seq >= 1),
    ADD COLUMN receipt_sig    bytea;

CREATE UNIQUE INDEX attempts_receipt ON attempts (receipt_device, receipt_seq) WHERE receipt_seq IS NOT NULL;

-- +goose Down
ALTER TABLE attempts
    DROP COLUMN receipt_device,
    DROP COLUMN receipt_seq,
    DROP COLUMN receipt_sig;
DROP TABLE devices;
