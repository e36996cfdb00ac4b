-- +goose Up

-- Long-lived processes: what each last said of itself, and how its cache does.
CREATE TABLE instances (
    id           text COLLATE "C" NOT NULL PRIMARY KEY CHECK (id <> ''),
    kind         text        NOT NULL CHECK (kind <> ''), -- run, standby, withdraw, or a program's own word
    host         text        NOT NULL,
    pid          integer     NOT NULL,
    version      text        NOT NULL,
    started_at   timestamptz NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    generation   bigint      NOT NULL CHECK (generation >= 0), -- the newest one that it obeyed
    hits         bigint      NOT NULL CHECK (hits >= 0),
    misses       bigint      NOT NULL CHECK (misses >= 0),
    entries      bigint      NOT NULL CHECK (entries >= 0),
    oldest_ms    bigint      NOT NULL CHECK (oldest_ms >= 0)   -- age of the oldest entry at the heartbeat
);

-- The generation of all caches: one that was filled under a lower one may hold what is no longer so.
CREATE TABLE cache_generation (
    one        integer     NOT NULL PRIMARY KEY CHECK (one = 1),
    generation bigint      NOT NULL CHECK (generation >= 0),
    raised_at  timestamptz -- NULL: never
);

INSERT INTO cache_generation (one, generation) VALUES (1, 0);

-- +goose Down
DROP TABLE cache_generation;
DROP TABLE instances;
