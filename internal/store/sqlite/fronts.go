package sqlite

import (
	"context"
	"database/sql"

	"coffer.internal/internal/store"
)

// Fronts reads wallets' nonces from one on.
func (r *reader) Fronts(_ context.Context, wants []store.FrontWant, limit int) ([]store.Front, error) {
	fronts := make([]store.Front, len(wants))
	for i, w := range wants {
		if err := r.front(&fronts[i], w, limit); err != nil {
			return nil, err
		}
	}
	return fronts, nil
}

func (r *reader) front(f *store.Front, w store.FrontWant, limit int) (err error) {
	f.WalletID = w.WalletID
	if f.Slots, err = rows(r, queries["front_slots"], scanSlot, w.WalletID, w.From, limit); err != nil {
		return err
	}
	if f.Below, err = rows(r, queries["front_below"], scanNonce, w.WalletID, w.From, limit); err != nil {
		return err
	}
	if f.Externals, err = rows(r, queries["front_externals"], scanExternal, w.WalletID, w.From); err != nil {
		return err
	}
	tops, err := rows(r, queries["front_top"], func(rs *sql.Rows, top **uint64) error { return rs.Scan(top) }, w.WalletID)
	if err != nil {
		return err
	}
	f.Top = tops[0]
	return nil
}

func scanSlot(rs *sql.Rows, s *store.Slot) error {
	n := &s.Nonce
	return rs.Scan(&n.WalletID, &n.Nonce, &n.State, orEmpty{&n.Request}, &n.Row, &n.Fence, when{&n.ExpiresAt}, orEmpty{&n.Hash},
		when{&n.UpdatedAt}, &s.Asked, &s.Signed, &s.Final)
}
