-- name: migrations_applied
SELECT version_id, tstamp FROM goose_db_version WHERE is_applied AND version_id > 0

-- name: ledger
SELECT id FROM ledger

-- name: ledger_begin
INSERT OR IGNORE INTO ledger (one, id, created_at) VALUES (1, lower(hex(randomblob(16))), ?1)
