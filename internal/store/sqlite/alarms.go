package sqlite

import (
	"context"
	"database/sql"
	"time"

	"coffer.internal/internal/store"
)

func scanAlarm(rs *sql.Rows, a *store.Alarm) error {
	return rs.Scan(&a.ID, &a.Key, &a.Kind, &a.ChainType, &a.ChainID, &a.WalletID, orEmpty{&a.Address}, orEmpty{&a.Payment},
		&a.Brake, &a.Sticky, &a.Why, &a.ToDo, when{&a.Since}, when{&a.SeenAt}, when{&a.EndedAt}, &a.EndedBy)
}

// Alarms lists alarms.
func (r *reader) Alarms(_ context.Context, f store.AlarmFilter) ([]store.Alarm, error) {
	q := where("alarms").
		plain(f.Open, "a.ended_at IS NULL").
		and(f.Keys != nil, among("a.key"), list(f.Keys)).
		and(f.Kinds != nil, among("a.kind"), list(f.Kinds)).
		and(f.ChainType != "", "a.chain_type = ?", f.ChainType).
		and(f.WalletIDs != nil, among("a.wallet_id"), list(f.WalletIDs)).
		and(f.Payments != nil, among("a.payment"), list(f.Payments)).
		and(!f.ChangedAfter.IsZero(), "max(a.since, ifnull(a.ended_at, '')) > ?", text(f.ChangedAfter))
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

// seenAgain is how old an alarm's SeenAt gets before it is written anew for nothing else.
const seenAgain = time.Minute

// RaiseAlarms opens alarms, or says of open ones that they were seen again.
func (t *tx) RaiseAlarms(_ context.Context, as []store.Alarm) error {
	for _, a := range as {
		if _, err := t.exec(queries["alarm_raise"], a.Key, a.Kind, a.ChainType, a.ChainID, a.WalletID, emptyIsNull(a.Payment), a.Brake, a.Sticky,
			a.Why, a.ToDo, text(t.now), text(t.now.Add(-seenAgain)), text(t.now.Add(seenAgain))); err != nil {
			return err
		}
	}
	return nil
}

// EndAlarms ends open alarms.
func (t *tx) EndAlarms(_ context.Context, keys []string, by string) error {
	_, err := t.exec(queries["alarms_end"], list(keys), text(t.now), by)
	return err
}
