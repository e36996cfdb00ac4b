-- name: instances
SELECT id, kind, host, pid, version, started_at, heartbeat_at, generation, hits, misses, entries, oldest_ms
FROM instances
ORDER BY started_at, id

-- name: instance_beat
WITH t AS (SELECT clock_timestamp() AS now)
INSERT INTO instances (id, kind, host, pid, version, started_at, heartbeat_at, generation, hits, misses, entries, oldest_ms)
SELECT $1, $2, $3, $4, $5, t.now, t.now, $6, $7, $8, $9, $10 FROM t
ON CONFLICT (id) DO UPDATE SET
    kind = excluded.kind, host = excluded.host, pid = excluded.pid, version = excluded.version, heartbeat_at = excluded.heartbeat_at,
    generation = excluded.generation, hits = excluded.hits, misses = excluded.misses, entries = excluded.entries,
    oldest_ms = excluded.oldest_ms

-- name: instance_end
DELETE FROM instances WHERE id = $1

-- name: instances_drop
DELETE FROM instances WHERE heartbeat_at < clock_timestamp() - make_interval(secs => $1::double precision)

-- name: generation
SELECT generation FROM cache_generation WHERE one = 1

-- name: generation_raise
-- Who listens is told when the transaction commits.
WITH raised AS (
    UPDATE cache_generation SET generation = generation + 1, raised_at = clock_timestamp() WHERE one = 1 RETURNING generation
)
SELECT raised.generation FROM raised CROSS JOIN pg_notify($1, '')
