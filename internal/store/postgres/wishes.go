package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

func scanWish(rs pgx.Rows, w *store.Wish) error {
	return rs.Scan(&w.ID, &w.Payment, &w.Kind, &w.Actor, &w.Reason, when{&w.At}, when{&w.EndedAt}, &w.Result)
}

// Wishes lists wishes.
func (r *reader) Wishes(_ context.Context, f store.WishFilter) ([]store.Wish, error) {
	q := where("wishes").
		plain(f.Open, "x.ended_at IS NULL").
		and(f.Payments != nil, "x.payment = ANY (?::text[])", f.Payments).
		and(f.ChainType != "", "w.chain_type = ?", f.ChainType)
	if f.ChainID != nil {
		q.and(true, "w.chain_id = ?", *f.ChainID)
	}
	text, args := q.order("x.id", 0)
	return rows(r, text, scanWish, args...)
}

// AddWish writes a wish, unless the same one is open, and reads the open one in the same round trip.
func (t *tx) AddWish(_ context.Context, w store.Wish) (store.Wish, error) {
	var open []store.Wish
	err := t.run(
		step{text: queries["wish_add"], args: []any{w.Payment, w.Kind, w.Actor, w.Reason}},
		query(&open, queries["wish_open"], scanWish, w.Payment, w.Kind))
	if err != nil {
		return store.Wish{}, err
	}
	if len(open) == 0 {
		return store.Wish{}, t.fail(fmt.Errorf("the wish was ended meanwhile: %w", store.ErrConflict))
	}
	return open[0], nil
}

// EndWishes ends wishes.
func (t *tx) EndWishes(_ context.Context, ids []int64, result string) error {
	if len(ids) == 0 {
		return nil
	}
	return t.run(exactly(len(ids), "end wishes", queries["wishes_end"], ids, result))
}
