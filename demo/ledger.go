package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	_ "modernc.org/sqlite" // the database is read by plain SQL, past coffer

	"coffer.internal/demo/recount"
)

// ledger reads the daemon's database with plain SQL.
type ledger struct{ db *sql.DB }

func openLedger(path string) (ledger, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(30000)")
	return ledger{db}, err
}

// stages is how many payments stand where.
type stages struct {
	queued, reserved, asked, signed, sent, mined, ended int
}

func (s stages) String() string {
	return fmt.Sprintf("%d queued, %d reserved and not asked, %d asked, %d signed, %d sent, %d mined, %d ended",
		s.queued, s.reserved, s.asked, s.signed, s.sent, s.mined, s.ended)
}

func (l ledger) stages(ctx context.Context) (s stages, err error) {
	const q = `SELECT
		(SELECT count(*) FROM withdrawals WHERE state = 'queued'),
		(SELECT count(*) FROM nonces WHERE state = 'reserved'),
		(SELECT count(*) FROM attempts WHERE state = 'asked'),
		(SELECT count(*) FROM attempts WHERE state = 'signed'),
		(SELECT count(*) FROM attempts WHERE state = 'sent'),
		(SELECT count(*) FROM attempts WHERE state = 'mined'),
		(SELECT count(*) FROM withdrawals WHERE state = 'ended')`
	err = l.db.QueryRowContext(ctx, q).Scan(&s.queued, &s.reserved, &s.asked, &s.signed, &s.sent, &s.mined, &s.ended)
	return s, err
}

// wallets are the hot wallets with their cursors.
func (l ledger) wallets(ctx context.Context) ([]recount.Wallet, error) {
	rows, err := l.db.QueryContext(ctx, `SELECT address, nonce FROM internal_wallets ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []recount.Wallet
	for rows.Next() {
		var address string
		var w recount.Wallet
		if err := rows.Scan(&address, &w.Cursor); err != nil {
			return nil, err
		}
		w.Address = common.HexToAddress(address)
		all = append(all, w)
	}
	return all, rows.Err()
}
