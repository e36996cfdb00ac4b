package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

// made is an attempt that was written.
type made struct {
	id     int64
	digest string
}

// Ask writes attempts, each after its nonce's compare-and-set, in one round trip.
func (t *tx) Ask(_ context.Context, asks []store.Ask) ([]int64, error) {
	ids := make([]int64, len(asks))
	if len(asks) == 0 {
		return ids, nil
	}
	walletIDs := column(asks, func(a store.Ask) int64 { return a.WalletID })
	steps := []step{
		{text: queries["counts_lock"], args: []any{walletIDs}},
	}
	if again := slices.DeleteFunc(slices.Clone(asks), func(a store.Ask) bool { return !a.Again }); len(again) > 0 {
		steps = append(steps, step{text: queries["attempts_lock"], args: places(again)})
	}
	steps = append(steps, step{text: queries["ask_nonces"], args: places(asks)})
	var all []made
	scan := func(rs pgx.Rows, m *made) error { return rs.Scan(&m.id, &m.digest) }
	for _, run := range alike(asks) {
		text, args := queries["ask_payments"], paymentColumns
		switch {
		case run[0].Again:
			text, args = queries["ask_again"], againColumns
		case run[0].Payment == "":
			text, args = queries["ask_fills"], fillColumns
		}
		steps = append(steps, query(&all, text, scan, args(run)...))
	}
	if err := t.run(steps...); err != nil {
		return nil, err
	}
	first := make(map[string]int, len(asks))
	for i, a := range asks {
		if _, twice := first[a.Digest]; !twice {
			first[a.Digest] = i
		}
	}
	for _, m := range all {
		ids[first[m.digest]] = m.id
	}
	return ids, nil
}

// places are the nonces of asks.
func places(asks []store.Ask) []any {
	return []any{
		column(asks, func(a store.Ask) int64 { return a.WalletID }),
		column(asks, func(a store.Ask) uint64 { return a.Nonce }),
	}
}

// alike cuts asks into runs of payments, of fills and of further attempts, so that attempts get their ids in the order in which
// they were asked.
func alike(asks []store.Ask) [][]store.Ask {
	var runs [][]store.Ask
	begin := 0
	for i := 1; i <= len(asks); i++ {
		if i == len(asks) || asks[i].Again != asks[begin].Again || (asks[i].Payment == "") != (asks[begin].Payment == "") {
			runs = append(runs, asks[begin:i])
			begin = i
		}
	}
	return runs
}

func paymentColumns(asks []store.Ask) []any {
	return []any{
		column(asks, func(a store.Ask) int64 { return a.WalletID }),
		column(asks, func(a store.Ask) uint64 { return a.Nonce }),
		column(asks, func(a store.Ask) int64 { return a.Fence }),
		column(asks, func(a store.Ask) string { return a.Payment }),
		column(asks, func(a store.Ask) string { return a.Purpose }),
		column(asks, func(a store.Ask) string { return a.Request }),
		column(asks, func(a store.Ask) int { return a.Row }),
		column(asks, func(a store.Ask) string { return a.Digest }),
		column(asks, func(a store.Ask) []byte { return a.Intent }),
	}
}

func fillColumns(asks []store.Ask) []any {
	return []any{
		column(asks, func(a store.Ask) int64 { return a.WalletID }),
		column(asks, func(a store.Ask) uint64 { return a.Nonce }),
		column(asks, func(a store.Ask) int64 { return a.Fence }),
		column(asks, func(a store.Ask) string { return a.Purpose }),
		column(asks, func(a store.Ask) string { return a.Digest }),
		column(asks, func(a store.Ask) []byte { return a.Intent }),
	}
}

func againColumns(asks []store.Ask) []any {
	return append(places(asks),
		column(asks, func(a store.Ask) string { return a.Payment }),
		column(asks, func(a store.Ask) string { return a.Purpose }),
		column(asks, func(a store.Ask) string { return a.Digest }),
		column(asks, func(a store.Ask) []byte { return a.Intent }))
}
