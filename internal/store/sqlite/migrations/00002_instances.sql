-- +goose Up

-- Long-lived processes: what each last said of itself, and how its cache does.
CREATE TABLE instances (
    id           TEXT    NOT NULL PRIMARY KEY CHECK (id <> ''),
    kind         TEXT    NOT NULL CHECK (kind <> ''), -- run, standby, withdraw, or a program's own word
    host         TEXT    NOT NULL,
    pid          INTEGER NOT NULL,
    version      TEXT    NOT NULL,
    started_at   TEXT    NOT NULL,
    heartbeat_at TEXT    NOT NULL,
    generation   INTEGER NOT NULL CHECK (generation >= 0), -- the newest one that it obeyed
    hits         INTEGER NOT NULL CHECK (hits >= 0),
    misses       INTEGER NOT NULL CHECK (misses >= 0),
    entries      INTEGER NOT NULL CHECK (entries >= 0),
    oldest_ms    INTEGER NOT NULL CHECK (oldest_ms >= 0)   -- age of the oldest entry at the heartbeat
) STRICT, WITHOUT ROWID;

-- The generation of all caches: one that was filled under a lower one may hold what is no longer so.
CREATE TABLE cache_generation (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL CHECK (generation >= 0),
    raised_at  TEXT -- NULL: never
) STRICT;

INSERT INTO cache_generation (one, generation) VALUES (1, 0);

-- +goose Down
DROP TABLE cache_generation;
DROP TABLE instances;
