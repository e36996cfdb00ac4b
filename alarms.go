package coffer

import (
	"context"

	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// Alarm is something that an operator has to know (docs/alarms.md): what, where, since when, why, and what to do. While one that is
// a brake is open, its wallet, or every wallet of its chain, gets no new payment.
type Alarm = withdrawal.Alarm

// Alarms lists the open alarms, oldest first; with all, those that have ended too.
func (s *System) Alarms(ctx context.Context, all bool) ([]Alarm, error) {
	return s.Withdrawals.Alarms(ctx, all)
}

// LiftAlarm ends an alarm that only a person ends. already: it has ended before, and was left as it is.
func (s *System) LiftAlarm(ctx context.Context, id int64, reason string) (lifted Alarm, already bool, err error) {
	return s.Withdrawals.LiftAlarm(ctx, id, reason)
}

// AlarmsOf are those of some alarms that are about a wallet, or about all of its chain.
func AlarmsOf(alarms []Alarm, w wallet.Wallet) []Alarm {
	var of []Alarm
	for _, a := range alarms {
		if withdrawal.Concerns(a, string(w.ChainType), w.ChainID, w.ID) {
			of = append(of, a)
		}
	}
	return of
}

// BrakeOf is why a wallet gets no new payment, by open alarms, or nothing.
func BrakeOf(open []Alarm, w wallet.Wallet) string {
	for _, a := range AlarmsOf(open, w) {
		if a.Brake && a.EndedAt.IsZero() {
			return a.Why
		}
	}
	return ""
}
