-- name: migrations_applied
-- goose writes the time of its session, which is UTC here.
SELECT version_id, tstamp AT TIME ZONE 'UTC' FROM goose_db_version WHERE is_applied AND version_id > 0

-- name: ledger
SELECT id FROM ledger

-- name: ledger_begin
INSERT INTO ledger (one, id, created_at) VALUES (1, $1, clock_timestamp()) ON CONFLICT DO NOTHING

-- name: now
SELECT clock_timestamp()

-- name: server
-- What a connection must be: to the primary, writable, and durable. Where commits are not flushed by default, this session's are.
SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on', set_config('synchronous_commit',
    CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)

-- name: timeline
-- The name of the file that is written now begins with it. pg_control_checkpoint tells it only after the next checkpoint.
SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint

-- name: lock_key
-- Advisory locks are one database's. Two ledgers in two schemas of it do not share theirs.
SELECT ('x' || substr(encode(sha256(convert_to('coffer/' || coalesce(current_schema(), '') || '/' || $1, 'UTF8')), 'hex'), 1, 16))::bit(64)::bigint

-- name: lock_try
SELECT pg_try_advisory_lock($1)

-- name: lock_wait
SELECT pg_advisory_lock($1) IS NOT NULL

-- name: unlock
SELECT pg_advisory_unlock($1)

-- name: unhurried
-- A table is read, or an empty ledger filled, for as long as it takes, also when a disk makes its reader wait: it keeps no wallet locked.
SELECT set_config('idle_in_transaction_session_timeout', '0', true), set_config('statement_timeout', '0', true)

-- name: fill_allow
-- What the owner gave up by the migrations, for as long as a ledger that is empty is filled.
GRANT DELETE ON audit_log, ledger TO CURRENT_USER

-- name: fill_forbid
REVOKE DELETE ON audit_log, ledger FROM CURRENT_USER

-- name: fill_serial
-- Table and column stand in it.
SELECT setval(pg_get_serial_sequence('%[1]s', '%[2]s'), coalesce(max(%[2]s), 0) + 1, false) FROM %[1]s

-- name: roles_there
SELECT count(*) FROM pg_roles WHERE rolname = ANY ($1::text[])
