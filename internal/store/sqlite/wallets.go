package sqlite

import (
	"context"
	"database/sql"

	"coffer.internal/internal/store"
)

func scanWallet(rs *sql.Rows, w *store.Wallet) error {
	return rs.Scan(&w.ID, &w.Address, orEmpty{&w.Device}, orEmpty{&w.Path}, &w.ChainType, &w.ChainID, &w.WalletType, &w.Nonce, &w.Active,
		when{&w.CreatedAt}, when{&w.UpdatedAt})
}

// Wallets lists wallets by id.
func (r *reader) Wallets(_ context.Context, f store.WalletFilter) ([]store.Wallet, error) {
	q := where("wallets").
		and(f.IDs != nil, among("id"), list(f.IDs)).
		and(f.Address != "", "address = ?", f.Address).
		and(f.Addresses != nil, among("address"), list(f.Addresses)).
		and(f.ChainType != "", "chain_type = ?", f.ChainType).
		and(f.WalletType != "", "wallet_type = ?", f.WalletType)
	if f.ChainID != nil {
		q.and(true, "chain_id = ?", *f.ChainID)
	}
	if f.Active != nil {
		q.and(true, "is_active = ?", *f.Active)
	}
	text, args := q.order("id", 0)
	return rows(r, text, scanWallet, args...)
}

// LockWallets is Wallets: an immediate transaction holds the lock of all.
func (t *tx) LockWallets(ctx context.Context, f store.WalletFilter) ([]store.Wallet, error) {
	return t.Wallets(ctx, f)
}

// AddWallet inserts a wallet.
func (t *tx) AddWallet(_ context.Context, w store.Wallet) (store.Wallet, error) {
	ws, err := rows(&t.reader, queries["wallet_add"], scanWallet,
		w.Address, emptyIsNull(w.Device), emptyIsNull(w.Path), w.ChainType, w.ChainID, w.WalletType, w.Nonce, w.Active, text(t.now))
	if err != nil {
		return store.Wallet{}, err
	}
	return ws[0], nil
}

// SetActive sets is_active.
func (t *tx) SetActive(_ context.Context, walletID int64, active bool) error {
	return t.one("set a wallet active", queries["wallet_active"], walletID, active, text(t.now))
}

// MoveCursors sets cursors from one value to another.
func (t *tx) MoveCursors(_ context.Context, moves []store.CursorMove) error {
	for _, m := range moves {
		if err := t.one("move a cursor", queries["wallet_cursor"], m.WalletID, m.From, m.To, text(t.now)); err != nil {
			return err
		}
	}
	return nil
}
