-- +goose Up

-- How far the journal of each signing machine was compared with this ledger.
CREATE TABLE devices (
    device       TEXT    NOT NULL PRIMARY KEY CHECK (device <> ''),
    verified_seq INTEGER NOT NULL CHECK (verified_seq >= 0), -- each entry up to it has its attempt here
    updated_at   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- The receipt of the signing machine's answer. NULL: there is no answer yet, or it came from a machine that gave none.
ALTER TABLE attempts ADD COLUMN receipt_device TEXT;
ALTER TABLE attempts ADD COLUMN receipt_seq INTEGER CHECK (receipt_seq >= 1);
ALTER TABLE attempts ADD COLUMN receipt_sig BLOB;

CREATE UNIQUE INDEX attempts_receipt ON attempts (receipt_device, receipt_seq) WHERE receipt_seq IS NOT NULL;

-- +goose Down
DROP INDEX attempts_receipt;
ALTER TABLE attempts DROP COLUMN receipt_sig;
ALTER TABLE attempts DROP COLUMN receipt_seq;
ALTER TABLE attempts DROP COLUMN receipt_device;
DROP TABLE devices;
