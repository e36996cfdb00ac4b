-- +goose Up

-- The contents of coffer.toml that officers signed for. Rows are only ever revoked.
CREATE TABLE settings (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    digest      TEXT NOT NULL CHECK (length(digest) = 64),
    view        TEXT NOT NULL, -- without what is secret
    accepted_at TEXT NOT NULL,
    accepted_by TEXT NOT NULL,
    revoked_at  TEXT -- NULL: in force
) STRICT;

CREATE UNIQUE INDEX settings_in_force ON settings (digest) WHERE revoked_at IS NULL;

-- +goose StatementBegin
CREATE TRIGGER settings_only_revoked BEFORE UPDATE ON settings
WHEN OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL OR NEW.id <> OLD.id OR NEW.digest <> OLD.digest OR NEW.view <> OLD.view
    OR NEW.accepted_at <> OLD.accepted_at OR NEW.accepted_by <> OLD.accepted_by
BEGIN
    SELECT RAISE(ABORT, 'settings are only ever revoked');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER settings_no_delete BEFORE DELETE ON settings
BEGIN
    SELECT RAISE(ABORT, 'settings are only ever revoked');
END;
-- +goose StatementEnd
-- INSERT OR REPLACE deletes without firing delete triggers.
-- +goose StatementBegin
CREATE TRIGGER settings_no_replace BEFORE INSERT ON settings WHEN NEW.id IN (SELECT id FROM settings)
BEGIN
    SELECT RAISE(ABORT, 'settings are only ever revoked');
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE settings;
