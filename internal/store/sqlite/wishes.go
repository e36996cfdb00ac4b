package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"coffer.internal/internal/store"
)

func scanWish(rs *sql.Rows, w *store.Wish) error {
	return rs.Scan(&w.ID, &w.Payment, &w.Kind, &w.Actor, &w.Reason, when{&w.At}, when{&w.EndedAt}, &w.Result)
}

// Wishes lists wishes.
func (r *reader) Wishes(_ context.Context, f store.WishFilter) ([]store.Wish, error) {
	q := where("wishes").
		plain(f.Open, "x.ended_at IS NULL").
		and(f.Payments != nil, among("x.payment"), list(f.Payments)).
		and(f.ChainType != "", "w.chain_type = ?", f.ChainType)
	if f.ChainID != nil {
		q.and(true, "w.chain_id = ?", *f.ChainID)
	}
	text, args := q.order("x.id", 0)
	return rows(r, text, scanWish, args...)
}

// AddWish writes a wish, unless the same one is open.
func (t *tx) AddWish(_ context.Context, w store.Wish) (store.Wish, error) {
	if _, err := t.exec(queries["wish_add"], w.Payment, w.Kind, w.Actor, w.Reason, text(t.now)); err != nil {
		return store.Wish{}, err
	}
	open, err := rows(&t.reader, queries["wish_open"], scanWish, w.Payment, w.Kind)
	if err != nil {
		return store.Wish{}, err
	}
	return open[0], nil
}

// EndWishes ends wishes.
func (t *tx) EndWishes(_ context.Context, ids []int64, result string) error {
	for _, id := range ids {
		if err := t.one(fmt.Sprintf("end wish %d", id), queries["wish_end"], id, result, text(t.now)); err != nil {
			return err
		}
	}
	return nil
}
