-- +goose Up

-- The contents of coffer.toml that officers signed for. Rows are only ever revoked.
CREATE TABLE settings (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest      text COLLATE "C" NOT NULL CHECK (length(digest) = 64),
    view        text        NOT NULL, -- without what is secret
    accepted_at timestamptz NOT NULL,
    accepted_by text        NOT NULL,
    revoked_at  timestamptz -- NULL: in force
);

CREATE UNIQUE INDEX settings_in_force ON settings (digest) WHERE revoked_at IS NULL;

CREATE TRIGGER settings_only_revoked BEFORE UPDATE ON settings FOR EACH ROW
    WHEN (OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL
        OR (NEW.id, NEW.digest, NEW.view, NEW.accepted_at, NEW.accepted_by) IS DISTINCT FROM (OLD.id, OLD.digest, OLD.view, OLD.accepted_at, OLD.accepted_by))
    EXECUTE FUNCTION never('settings are only ever revoked');
CREATE TRIGGER settings_no_delete BEFORE DELETE OR TRUNCATE ON settings
    FOR EACH STATEMENT EXECUTE FUNCTION never('settings are only ever revoked');

-- +goose Down
DROP TABLE settings;
