-- name: events
SELECT e.xid::text, e.id, e.at, e.actor, e.subject, coalesce(e.payment, ''), coalesce(w.chain_type, i.chain_type), coalesce(w.chain_id, i.chain_id),
    coalesce(e.from_state, ''), e.to_state, coalesce(e.outcome, ''), e.detail, coalesce(e.attempt, 0), coalesce(e.purpose, ''),
    coalesce(e.wallet_id, 0), coalesce(i.address, ''), e.nonce, coalesce(e.hash, '')
FROM events e
LEFT JOIN withdrawals w ON w.payment = e.payment
LEFT JOIN internal_wallets i ON i.id = e.wallet_id
WHERE true

-- name: events_settled
-- Below the oldest transaction that has written and still runs; none that begins later has a lower id.
e.xid < pg_snapshot_xmin(pg_current_snapshot())
