package attack

import (
	"path/filepath"
	"strings"
	"time"

	"coffer.internal/signing"
)

// writeIntoTheDatabase: the thief has the database, and leaves the rest to coffer's own daemon.
var writeIntoTheDatabase = []attempt{
	{"100-insert-a-withdrawal", nil, func(th *thief) {
		d := newDaemon(th)
		d.insertWithdrawal("mine", th.to.Hex())
		d.passes()
		d.refusals("authorization_missing")
	}},
	{"101-insert-a-withdrawal-with-the-authorizations-of-another", ether(1), func(th *thief) {
		d := newDaemon(th)
		d.submit("p", th.to.Hex())
		d.insertWithdrawal("mine", th.to.Hex())
		d.write(`UPDATE withdrawals SET (authorizations, authorized_until, authorized_fee) =
			(SELECT authorizations, authorized_until, authorized_fee FROM withdrawals WHERE payment = 'p') WHERE payment = 'mine'`)
		d.passes()
		d.refusals("authorization_differs")
	}},
	{"102-update-the-recipient", nil, func(th *thief) {
		d := newDaemon(th)
		d.submit("p", fresh("customer of 102").Hex())
		d.write(`UPDATE withdrawals SET to_address = ?`, th.to.Hex())
		d.passes()
		d.refusals("authorization_differs")
	}},
	{"103-update-the-amount", nil, func(th *thief) {
		d := newDaemon(th)
		d.submit("p", th.to.Hex())
		d.write(`UPDATE withdrawals SET amount = ?`, ether(4).String())
		d.passes()
		d.refusals("authorization_differs")
	}},
	{"104-insert-what-is-asked-of-the-machine", nil, func(th *thief) {
		d := newDaemon(th)
		i := changed(th.pay(""), func(i *signing.Intent) { i.Ledger, i.Payment = d.id, "mine" })
		now := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
		d.insertWithdrawal("mine", th.to.Hex())
		d.write(`UPDATE withdrawals SET state = 'assigned'`)
		d.write(`INSERT INTO nonces (wallet_id, nonce, state, request, fence, updated_at) VALUES (?, 0, 'used', 'mine', 1, ?)`, d.hot.ID, now)
		d.write(`UPDATE internal_wallets SET nonce = 1`)
		d.write(`INSERT INTO attempts (wallet_id, nonce, payment, purpose, digest, intent, state, asked_at, updated_at)
			VALUES (?, 0, 'mine', 'payment', ?, ?, 'asked', ?, ?)`, d.hot.ID, i.Digest().String(), i.Canonical(), now, now)
		d.passes()
		d.refusals("authorization_missing")
	}},
	{"105-delete-what-is-known-of-a-payment", ether(1), func(th *thief) {
		d := newDaemon(th)
		d.submit("p", th.to.Hex())
		d.passes()
		d.write(`DELETE FROM attempts`)
		d.write(`DELETE FROM nonces`)
		d.write(`UPDATE withdrawals SET state = 'queued', outcome = NULL, ended_at = NULL`)
		d.passes()
		d.refusals("payment_bound")
	}},
	{"106-put-back-yesterdays-database", ether(1), func(th *thief) {
		d := newDaemon(th)
		d.submit("p", th.to.Hex())
		d.close()
		yesterday := filepath.Join(th.TempDir(), "yesterday.db")
		d.copyTo(yesterday)
		d.open()
		d.passes()
		d.close()
		d.file = yesterday
		d.write(`UPDATE internal_wallets SET nonce = 1`) // else it would be the same nonce, and no harm
		d.open()
		d.passes()
		d.stopped("ledger_behind_signer")
	}},
}

func hasCode(note, code string) bool { return strings.Contains(note, "("+code+")") }
