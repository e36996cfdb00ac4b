package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

func scanAlarm(rs pgx.Rows, a *store.Alarm) error {
	return rs.Scan(&a.ID, &a.Key, &a.Kind, &a.ChainType, &a.ChainID, &a.WalletID, &a.Address, &a.Payment,
		&a.Brake, &a.Sticky, &a.Why, &a.ToDo, when{&a.Since}, when{&a.SeenAt}, when{&a.EndedAt}, &a.EndedBy)
}

// Alarms lists alarms.
func (r *reader) Alarms(_ context.Context, f store.AlarmFilter) ([]store.Alarm, error) {
	q := where("alarms").
		plain(f.Open, "a.ended_at IS NULL").
		and(f.Keys != nil, "a.key = ANY (?::text[])", f.Keys).
		and(f.Kinds != nil, "a.kind = ANY (?::text[])", f.Kinds).
		and(f.ChainType != "", "a.chain_type = ?", f.ChainType).
		and(f.WalletIDs != nil, "a.wallet_id = ANY (?::bigint[])", f.WalletIDs).
		and(f.Payments != nil, "a.payment = ANY (?::text[])", f.Payments).
		and(!f.ChangedAfter.IsZero(),
			"a.id IN (SELECT x.id FROM (SELECT ?::timestamptz AS at) c JOIN alarms x ON x.since > c.at OR x.ended_at > c.at)", f.ChangedAfter)
	if f.ChainID != nil {
		q.and(true, "a.chain_id = ?", *f.ChainID)
	}
	order := "a.id"
	if f.Newest {
		order = "a.id DESC"
	}
	text, args := q.order(order, f.Limit)
	return rows(r, text, scanAlarm, args...)
}

// RaiseAlarms opens alarms, or says of open ones that they were seen again. It waits for the next statement or the commit, like
// EndAlarms.
func (t *tx) RaiseAlarms(_ context.Context, as []store.Alarm) error {
	for _, run := range apart(as, func(a store.Alarm) string { return a.Key }) {
		t.later("alarms_raise",
			column(run, func(a store.Alarm) string { return a.Key }),
			column(run, func(a store.Alarm) string { return a.Kind }),
			column(run, func(a store.Alarm) string { return a.ChainType }),
			column(run, func(a store.Alarm) int64 { return a.ChainID }),
			column(run, func(a store.Alarm) int64 { return a.WalletID }),
			column(run, func(a store.Alarm) string { return a.Payment }),
			column(run, func(a store.Alarm) bool { return a.Brake }),
			column(run, func(a store.Alarm) bool { return a.Sticky }),
			column(run, func(a store.Alarm) string { return a.Why }),
			column(run, func(a store.Alarm) string { return a.ToDo }))
	}
	return nil
}

// EndAlarms ends open alarms.
func (t *tx) EndAlarms(_ context.Context, keys []string, by string) error {
	if len(keys) > 0 {
		t.later("alarms_end", keys, by)
	}
	return nil
}
