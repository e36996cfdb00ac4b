package withdrawal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// Alarm is something that an operator has to know, as it is shown: ToDo names the alarm's own id.
type Alarm = store.Alarm

// Alarms lists alarms, oldest first: the open ones, or all.
func (d *Desk) Alarms(ctx context.Context, all bool) (out []Alarm, err error) {
	return d.alarms(ctx, store.AlarmFilter{Open: !all})
}

// AlarmsSince lists the open alarms, and those that ended after a moment.
func (d *Desk) AlarmsSince(ctx context.Context, at time.Time) (out []Alarm, err error) {
	err = d.db.View(ctx, func(r store.Reader) error {
		if out, err = r.Alarms(ctx, store.AlarmFilter{Open: true}); err != nil {
			return err
		}
		changed, err := r.Alarms(ctx, store.AlarmFilter{ChangedAfter: at})
		out = append(out, slices.DeleteFunc(changed, func(a Alarm) bool { return a.EndedAt.IsZero() })...)
		return err
	})
	return shown(out), storefault.Of(err, "read the alarms")
}

func (d *Desk) alarms(ctx context.Context, f store.AlarmFilter) (out []Alarm, err error) {
	err = d.db.View(ctx, func(r store.Reader) (err error) {
		out, err = r.Alarms(ctx, f)
		return err
	})
	return shown(out), storefault.Of(err, "list alarms")
}

// shown puts the alarm's own id into the command that lifts it, which is not known when it is raised.
func shown(as []Alarm) []Alarm {
	for i := range as {
		as[i].ToDo = strings.ReplaceAll(as[i].ToDo, "lift ALARM", fmt.Sprintf("lift %d", as[i].ID))
	}
	return as
}

// LiftAlarm ends an alarm that only a person ends; its brake goes with it. Any other may be lifted too, such as one of a chain that
// is configured no more: if it is true still, it is raised again. One that has ended already is said so, and left as it is. One
// that there is not is a fault.NotFound.
func (d *Desk) LiftAlarm(ctx context.Context, id int64, reason string) (lifted Alarm, already bool, err error) {
	if strings.TrimSpace(reason) == "" {
		return Alarm{}, false, fault.New(fault.Usage, "reason_needed", "say why: --reason TEXT", "to lift an alarm needs a reason: it is kept in the audit log")
	}
	err = d.admin.Update(ctx, func(tx store.Tx) error {
		if lifted, err = findAlarm(ctx, tx, id); err != nil {
			return err
		}
		if already = !lifted.EndedAt.IsZero(); already {
			return nil
		}
		if err := tx.EndAlarms(ctx, []string{lifted.Key}, d.actor); err != nil {
			return err
		}
		if err := record(ctx, tx, d.actor, []store.AuditRow{{
			Action: actionLift, Subject: lifted.Key, Before: alarmText(lifted), After: "lifted", Result: store.ResultDone, Reason: reason,
		}}); err != nil {
			return err
		}
		lifted, err = findAlarm(ctx, tx, id)
		return err
	})
	if err == nil && !already {
		d.wake()
	}
	return lifted, already, storefault.Of(err, fmt.Sprintf("lift alarm %d", id))
}

func findAlarm(ctx context.Context, r store.Reader, id int64) (Alarm, error) {
	for _, f := range []store.AlarmFilter{{Open: true}, {}} { // almost always it is an open one
		all, err := r.Alarms(ctx, f)
		if err != nil {
			return Alarm{}, err
		}
		if i := slices.IndexFunc(all, func(a Alarm) bool { return a.ID == id }); i >= 0 {
			return all[i], nil
		}
	}
	return Alarm{}, fault.New(fault.NotFound, "alarm_not_found", "coffer alarms --all", "there is no alarm %d", id)
}

// Concerns says whether an alarm is about a wallet, or about all of its chain.
func Concerns(a Alarm, chainType string, chainID, walletID int64) bool {
	if a.WalletID != 0 {
		return a.WalletID == walletID
	}
	return a.Payment == "" && a.ChainType == chainType && a.ChainID == chainID
}
