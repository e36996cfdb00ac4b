-- name: author
UPDATE author SET actor = ?1 WHERE actor <> ?1

-- name: events
SELECT e.id, e.at, e.actor, e.subject, e.payment, coalesce(w.chain_type, i.chain_type), coalesce(w.chain_id, i.chain_id), e.from_state, e.to_state,
    e.outcome, e.detail, e.attempt, e.purpose, e.wallet_id, i.address, e.nonce, e.hash
FROM events e
LEFT JOIN withdrawals w ON w.payment = e.payment
LEFT JOIN internal_wallets i ON i.id = e.wallet_id
WHERE true
