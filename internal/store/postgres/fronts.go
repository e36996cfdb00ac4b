package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

// top is the highest signed nonce of a wallet.
type top struct {
	walletID int64
	nonce    *uint64
}

// Fronts reads wallets' nonces from one on.
func (r *reader) Fronts(_ context.Context, wants []store.FrontWant, limit int) ([]store.Front, error) {
	ids := column(wants, func(w store.FrontWant) int64 { return w.WalletID })
	from := column(wants, func(w store.FrontWant) uint64 { return w.From })
	var slots []store.Slot
	var below []store.Nonce
	var externals []store.External
	var tops []top
	err := r.run(
		query(&slots, queries["front_slots"], scanSlot, ids, from, limit),
		query(&below, queries["front_below"], scanNonce, ids, from, limit),
		query(&externals, queries["front_externals"], scanExternal, ids, from),
		query(&tops, queries["front_tops"], func(rs pgx.Rows, t *top) error { return rs.Scan(&t.walletID, &t.nonce) }, ids))
	if err != nil {
		return nil, err
	}
	fronts := make([]store.Front, len(wants))
	of := make(map[int64]*store.Front, len(wants))
	for i, id := range ids {
		fronts[i].WalletID, of[id] = id, &fronts[i]
	}
	for _, s := range slots {
		of[s.WalletID].Slots = append(of[s.WalletID].Slots, s)
	}
	for _, n := range below {
		of[n.WalletID].Below = append(of[n.WalletID].Below, n)
	}
	for _, e := range externals {
		of[e.WalletID].Externals = append(of[e.WalletID].Externals, e)
	}
	for _, t := range tops {
		of[t.walletID].Top = t.nonce
	}
	return fronts, nil
}

func scanSlot(rs pgx.Rows, s *store.Slot) error {
	n := &s.Nonce
	return rs.Scan(&n.WalletID, &n.Nonce, &n.State, &n.Request, &n.Row, &n.Fence, when{&n.ExpiresAt}, &n.Hash,
		when{&n.UpdatedAt}, &s.Asked, &s.Signed, &s.Final)
}
