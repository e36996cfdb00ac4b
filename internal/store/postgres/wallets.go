package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

func scanWallet(rs pgx.Rows, w *store.Wallet) error {
	return rs.Scan(&w.ID, &w.Address, &w.Device, &w.Path, &w.ChainType, &w.ChainID, &w.WalletType, &w.Nonce, &w.Active,
		when{&w.CreatedAt}, when{&w.UpdatedAt})
}

func walletQuery(f store.WalletFilter) (string, []any) {
	q := where("wallets").
		and(f.IDs != nil, "id = ANY (?::bigint[])", f.IDs).
		and(f.Address != "", "address = ?", f.Address).
		and(f.Addresses != nil, "address = ANY (?::text[])", f.Addresses).
		and(f.ChainType != "", "chain_type = ?", f.ChainType).
		and(f.WalletType != "", "wallet_type = ?", f.WalletType)
	if f.ChainID != nil {
		q.and(true, "chain_id = ?", *f.ChainID)
	}
	if f.Active != nil {
		q.and(true, "is_active = (?::boolean)::int", *f.Active)
	}
	return q.order("id", 0)
}

// Wallets lists wallets by id.
func (r *reader) Wallets(_ context.Context, f store.WalletFilter) ([]store.Wallet, error) {
	text, args := walletQuery(f)
	return rows(r, text, scanWallet, args...)
}

// LockWallets locks the rows after it has sorted them. One that no longer matches when its turn comes is left out.
func (t *tx) LockWallets(_ context.Context, f store.WalletFilter) ([]store.Wallet, error) {
	text, args := walletQuery(f)
	return rows(&t.reader, text+"\nFOR NO KEY UPDATE", scanWallet, args...)
}

// AddWallet inserts a wallet.
func (t *tx) AddWallet(_ context.Context, w store.Wallet) (store.Wallet, error) {
	ws, err := rows(&t.reader, queries["wallet_add"], scanWallet,
		w.Address, w.Device, w.Path, w.ChainType, w.ChainID, w.WalletType, w.Nonce, w.Active)
	if err != nil {
		return store.Wallet{}, err
	}
	return ws[0], nil
}

// SetActive sets is_active.
func (t *tx) SetActive(_ context.Context, walletID int64, active bool) error {
	return t.run(exactly(1, "set a wallet active", queries["wallet_active"], walletID, active))
}

// MoveCursors sets cursors from one value to another.
func (t *tx) MoveCursors(_ context.Context, moves []store.CursorMove) error {
	if len(moves) == 0 {
		return nil
	}
	return t.run(exactly(len(moves), "move cursors", queries["wallet_cursors"],
		column(moves, func(m store.CursorMove) int64 { return m.WalletID }),
		column(moves, func(m store.CursorMove) uint64 { return m.From }),
		column(moves, func(m store.CursorMove) uint64 { return m.To })))
}
