package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"coffer.internal/internal/store"
)

// zeroIsNull writes a number of 0 as NULL.
func zeroIsNull(n uint64) any {
	if n == 0 {
		return nil
	}
	return n
}

// Device reads what is known of a signing machine's receipts.
func (r *reader) Device(_ context.Context, device string) (store.Device, error) {
	d := store.Device{Device: device}
	_, err := rows(r, queries["device"], func(rs *sql.Rows, _ *struct{}) error { return rs.Scan(&d.Verified, &d.Held) }, device)
	d.Held = max(d.Held, d.Verified)
	return d, err
}

// ReceiptsAbove counts receipts.
func (r *reader) ReceiptsAbove(_ context.Context, device string, seq uint64) (int, error) {
	n, err := rows(r, queries["receipts_above"], func(rs *sql.Rows, n *int) error { return rs.Scan(n) }, device, seq)
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

// RaiseVerified raises the mark of a machine.
func (t *tx) RaiseVerified(_ context.Context, device string, seq uint64) error {
	_, err := t.exec(queries["device_verified"], device, seq, text(t.now))
	return err
}

// KeepReceipts keeps receipts of attempts that have none.
func (t *tx) KeepReceipts(_ context.Context, rs []store.AttemptReceipt) error {
	for _, r := range rs {
		if err := t.one(fmt.Sprintf("keep the receipt of attempt %d", r.ID), queries["receipt_keep"], r.ID, r.Device, r.Seq, r.Signature); err != nil {
			return err
		}
	}
	return nil
}

// OpenNonces raises a cursor over free nonces.
func (t *tx) OpenNonces(_ context.Context, walletID int64, cursor uint64) error {
	if _, err := t.exec(queries["nonces_open"], walletID, cursor, text(t.now)); err != nil {
		return err
	}
	_, err := t.exec(queries["wallet_cursor_raise"], walletID, cursor, text(t.now))
	return err
}

// RebindWallets moves wallets from one signing machine to another.
func (t *tx) RebindWallets(_ context.Context, rs []store.Rebind) error {
	for _, r := range rs {
		if err := t.one(fmt.Sprintf("rebind wallet %d", r.WalletID), queries["wallet_rebind"], r.WalletID, r.From, r.To, text(t.now)); err != nil {
			return err
		}
	}
	return nil
}
