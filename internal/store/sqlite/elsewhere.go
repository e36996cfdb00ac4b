package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"coffer.internal/internal/store"
)

// SpendElsewhere notes that a used nonce was spent by something else.
func (t *tx) SpendElsewhere(_ context.Context, e store.External) error {
	if e.From != e.To {
		return t.fail(fmt.Errorf("a nonce is spent elsewhere by itself, not %d to %d", e.From, e.To))
	}
	open, err := rows(&t.reader, queries["nonce_elsewhere"], func(rs *sql.Rows, n *uint64) error { return rs.Scan(n) }, e.WalletID, e.From)
	if err != nil {
		return err
	}
	if len(open) == 0 {
		return t.stale("note nonce %d as spent elsewhere", e.From)
	}
	_, err = t.exec(queries["external_add_one"], e.WalletID, e.From, e.Evidence, e.Reason, text(e.At))
	return err
}

// WinBack cuts a nonce out of the external ranges.
func (t *tx) WinBack(_ context.Context, walletID int64, nonce uint64) error {
	for _, cut := range []string{"external_beyond", "external_begins_at", "external_reaches"} {
		if _, err := t.exec(queries[cut], walletID, nonce); err != nil {
			return err
		}
	}
	return nil
}

// LetGo takes the request off a used nonce.
func (t *tx) LetGo(_ context.Context, walletID int64, nonce uint64) error {
	return t.one(fmt.Sprintf("let go of nonce %d", nonce), queries["nonce_let_go"], walletID, nonce, text(t.now))
}
