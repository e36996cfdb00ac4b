package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

// Device reads what is known of a signing machine's receipts.
func (r *reader) Device(_ context.Context, device string) (store.Device, error) {
	d := store.Device{Device: device}
	_, err := rows(r, queries["device"], func(rs pgx.Rows, _ *struct{}) error { return rs.Scan(&d.Verified, &d.Held) }, device)
	d.Held = max(d.Held, d.Verified)
	return d, err
}

// ReceiptsAbove counts receipts.
func (r *reader) ReceiptsAbove(_ context.Context, device string, seq uint64) (int, error) {
	n, err := rows(r, queries["receipts_above"], func(rs pgx.Rows, n *int) error { return rs.Scan(n) }, device, seq)
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

// RaiseVerified raises the mark of a machine.
func (t *tx) RaiseVerified(_ context.Context, device string, seq uint64) error {
	return t.run(step{text: queries["device_verified"], args: []any{device, seq}})
}

// KeepReceipts keeps receipts of attempts that have none.
func (t *tx) KeepReceipts(_ context.Context, rs []store.AttemptReceipt) error {
	if len(rs) == 0 {
		return nil
	}
	return t.run(exactly(len(rs), "keep receipts", queries["receipts_keep"],
		column(rs, func(r store.AttemptReceipt) int64 { return r.ID }),
		column(rs, func(r store.AttemptReceipt) string { return r.Device }),
		column(rs, func(r store.AttemptReceipt) uint64 { return r.Seq }),
		column(rs, func(r store.AttemptReceipt) []byte { return r.Signature })))
}

// OpenNonces raises a cursor over free nonces.
func (t *tx) OpenNonces(_ context.Context, walletID int64, cursor uint64) error {
	return t.run(step{text: queries["nonces_open"], args: []any{walletID, cursor}})
}

// RebindWallets moves wallets from one signing machine to another.
func (t *tx) RebindWallets(_ context.Context, rs []store.Rebind) error {
	if len(rs) == 0 {
		return nil
	}
	return t.run(exactly(len(rs), "rebind wallets", queries["wallets_rebind"],
		column(rs, func(r store.Rebind) int64 { return r.WalletID }),
		column(rs, func(r store.Rebind) string { return r.From }),
		column(rs, func(r store.Rebind) string { return r.To })))
}
