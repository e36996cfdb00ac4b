package sqlite

import (
	"context"
	"database/sql"

	"coffer.internal/internal/store"
)

func scanNonce(rs *sql.Rows, n *store.Nonce) error {
	return rs.Scan(&n.WalletID, &n.Nonce, &n.State, orEmpty{&n.Request}, &n.Row, &n.Fence, when{&n.ExpiresAt}, orEmpty{&n.Hash}, when{&n.UpdatedAt})
}

func scanExternal(rs *sql.Rows, e *store.External) error {
	return rs.Scan(&e.WalletID, &e.From, &e.To, &e.Evidence, &e.Reason, when{&e.At})
}

// Nonces lists nonce rows by wallet and nonce.
func (r *reader) Nonces(_ context.Context, f store.NonceFilter) ([]store.Nonce, error) {
	order := "n.wallet_id, n.nonce"
	if f.Highest {
		order = "n.wallet_id DESC, n.nonce DESC"
	}
	text, args := where("nonces").
		and(f.WalletID != 0, "n.wallet_id = ?", f.WalletID).
		and(f.WalletIDs != nil, among("n.wallet_id"), list(f.WalletIDs)).
		and(f.Requests != nil, among("n.request"), list(f.Requests)).
		and(f.States != nil, among("n.state"), list(f.States)).
		and(f.From > 0, "n.nonce >= ?", f.From).
		order(order, f.Limit)
	return rows(r, text, scanNonce, args...)
}

// Fillable lists the nonces that need a gap fill.
func (r *reader) Fillable(_ context.Context, chainType string, chainID int64) ([]store.Nonce, error) {
	return rows(r, queries["fillable"], scanNonce, chainType, chainID, text(r.now))
}

// Unaccounted lists what the ledger and the chain's count do not agree on.
func (r *reader) Unaccounted(_ context.Context, walletID int64, count uint64, limit int) ([]store.Unaccounted, error) {
	return rows(r, queries["nonces_unaccounted"], func(rs *sql.Rows, u *store.Unaccounted) error {
		u.WalletID = walletID
		return rs.Scan(&u.From, &u.To, &u.State, &u.Request, &u.Spent, &u.Final)
	}, walletID, count, limit)
}

// Externals lists a wallet's external ranges.
func (r *reader) Externals(_ context.Context, walletID int64) ([]store.External, error) {
	return rows(r, queries["externals"], scanExternal, walletID)
}

// Release makes a reserved nonce free.
func (t *tx) Release(_ context.Context, walletID int64, nonce uint64, fence int64) error {
	return t.one("release a nonce", queries["nonce_release"], walletID, nonce, fence, text(t.now))
}

// MarkSentElsewhere makes a reserved nonce used.
func (t *tx) MarkSentElsewhere(_ context.Context, walletID int64, nonce uint64, fence int64, hash string) error {
	return t.one("mark a nonce sent", queries["nonce_sent_elsewhere"], walletID, nonce, fence, hash, text(t.now))
}

// AddExternals records ranges and drops the rows inside them.
func (t *tx) AddExternals(_ context.Context, es []store.External) error {
	for _, e := range es {
		if err := t.drop(e.WalletID, e.From, e.To); err != nil {
			return err
		}
		if _, err := t.exec(queries["external_add"], e.WalletID, e.From, e.To, e.Evidence, e.Reason, text(e.At)); err != nil {
			return err
		}
	}
	return nil
}

// DropNonces deletes free and reserved rows at and above nonce.
func (t *tx) DropNonces(_ context.Context, walletID int64, nonce uint64) error {
	const end = 1<<63 - 1
	return t.drop(walletID, nonce, end)
}

func (t *tx) drop(walletID int64, from, to uint64) error {
	used, err := rows(&t.reader, queries["nonces_used_between"], func(rs *sql.Rows, n *uint64) error { return rs.Scan(n) }, walletID, from, to)
	if err != nil {
		return err
	}
	if len(used) > 0 {
		return t.stale("drop nonces: %d is used", used[0])
	}
	_, err = t.exec(queries["nonces_drop_between"], walletID, from, to)
	return err
}

// TrimExternals cuts the external ranges at nonce.
func (t *tx) TrimExternals(_ context.Context, walletID int64, nonce uint64) error {
	if _, err := t.exec(queries["externals_drop_from"], walletID, nonce); err != nil {
		return err
	}
	_, err := t.exec(queries["externals_cut_at"], walletID, nonce)
	return err
}
