-- +goose Up

-- What a payment came with: tokens that somebody signed, joined by blanks; when the first of them expires, and the lowest of their caps
-- on the fee (base units), both NULL if there is none; and why it needs others, empty if nothing is known against them.
ALTER TABLE withdrawals ADD COLUMN authorizations TEXT NOT NULL DEFAULT '';
ALTER TABLE withdrawals ADD COLUMN authorized_until TEXT CHECK ((authorized_until IS NULL) = (authorizations = ''));
ALTER TABLE withdrawals ADD COLUMN authorized_fee TEXT CHECK ((authorized_fee IS NULL) = (authorizations = ''));
ALTER TABLE withdrawals ADD COLUMN unauthorized TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE withdrawals DROP COLUMN unauthorized;
ALTER TABLE withdrawals DROP COLUMN authorized_fee;
ALTER TABLE withdrawals DROP COLUMN authorized_until;
ALTER TABLE withdrawals DROP COLUMN authorizations;
