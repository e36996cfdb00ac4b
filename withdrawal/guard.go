package withdrawal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/nonce"
)

// guardEvery is how often the guard looks at least, if the chain is not asked less often.
const guardEvery = time.Second

// watch is what the guard step remembers from pass to pass; only its own goroutine touches it, but for what was seen last.
// Forgetting it, as a restart does, only makes an alarm come some passes later.
type watch struct {
	streak map[string]int
	lowest map[int64]lowest // by wallet

	mu   sync.Mutex
	last Watched
}

// lowest is a wallet's lowest nonce in no block, and since when it is that.
type lowest struct {
	nonce uint64
	since time.Time // zero: it was so in the first pass
}

// Watched is what the guard saw last of a chain.
type Watched struct {
	ChainType string
	ChainID   int64
	At        time.Time         // zero: nothing yet
	Nodes     []chain.NodeState // nil: they were not asked, or cannot be
}

// Watched gives what the guard saw last, by chain.
func (e *Engine) Watched() []Watched {
	all := make([]Watched, len(e.lanes))
	for i, l := range e.lanes {
		l.watch.mu.Lock()
		all[i] = l.watch.last
		l.watch.mu.Unlock()
		all[i].ChainType, all[i].ChainID = l.setup.Type, l.setup.ID
	}
	return all
}

// Drives says whether this daemon drives a wallet now.
func (e *Engine) Drives(walletID int64) bool { return e.leases.has(walletID) }

// guard looks at the wallets that this daemon drives and at their chain, opens the alarms that are true now, and ends those that
// are over and that no person has to end. An alarm that is a brake keeps new payments from the wallet from the moment it is
// committed: the ledger reads it under the wallet's lock.
func (l *lane) guard(ctx context.Context) (again bool, err error) {
	f, err := l.guardFacts(ctx)
	if err != nil {
		return false, err
	}
	v := judge(f)
	l.watch.streak = v.streak
	if err := l.tell(ctx, f, v); err != nil {
		return false, storefault.Of(err, "write down the alarms")
	}
	return false, l.follow(ctx, f, v)
}

// The actions of alarms in audit rows. What is only seen again is no operation.
const (
	actionRaise = "alarm.raise"
	actionEndOf = "alarm.end"
	actionLift  = "alarm.lift"
)

// tell writes what changed, in one transaction.
func (l *lane) tell(ctx context.Context, f guardFacts, v verdict) error {
	open := map[string]store.Alarm{}
	for _, a := range f.open {
		open[a.Key] = a
	}
	var raise, fresh []store.Alarm
	for _, a := range v.raise {
		was, there := open[a.Key]
		if !there {
			fresh = append(fresh, a)
		}
		if !there || changed(was, a, f.now) {
			raise = append(raise, a)
		}
	}
	if len(raise)+len(v.end) == 0 {
		return nil
	}
	var keys []string
	var audit []store.AuditRow
	for _, a := range fresh {
		audit = append(audit, AlarmRaised(l.actor, a))
	}
	for _, a := range v.end {
		keys = append(keys, a.Key)
		audit = append(audit, AlarmEnded(l.actor, a))
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	err := l.update(ctx, f.driven(append(raise[:len(raise):len(raise)], v.end...)), func(tx store.Tx) error {
		if len(raise) > 0 {
			if err := tx.RaiseAlarms(ctx, raise); err != nil {
				return err
			}
		}
		if len(keys) > 0 {
			if err := tx.EndAlarms(ctx, keys, l.actor); err != nil {
				return err
			}
		}
		return record(ctx, tx, l.actor, audit)
	})
	if errors.Is(err, store.ErrStale) {
		return nil // somebody else drives the wallet by now, and guards it
	}
	if err != nil {
		return err
	}
	for _, a := range fresh {
		l.log.Error(a.Why, "alarm", a.Key, "brake", a.Brake, "todo", a.ToDo)
	}
	for _, a := range v.end {
		l.log.Info("an alarm is over", "alarm", a.Key)
	}
	if len(v.end) > 0 {
		l.wake(stepBind) // a brake may be gone
	}
	return nil
}

// driven are the wallets that this daemon has to drive still, for it to write of these alarms: those that they are about, and for
// what is about the chain the first.
func (f *guardFacts) driven(as []store.Alarm) []int64 {
	var ids []int64
	for _, a := range as {
		switch {
		case a.WalletID != 0:
			ids = append(ids, a.WalletID)
		case len(f.wallets) > 0:
			ids = append(ids, f.wallets[0].row.ID)
		}
	}
	return ids
}

// seenEvery is how often an open alarm is noted to be so still.
const seenEvery = time.Minute

func changed(was, is store.Alarm, now time.Time) bool {
	return was.Why != is.Why || was.ToDo != is.ToDo || was.Brake != is.Brake || now.Sub(was.SeenAt) >= seenEvery
}

func alarmText(a store.Alarm) string {
	if a.Brake {
		return "alarm, brake"
	}
	return "alarm"
}

// followAfter is in how many passes in a row all nodes must count more than the ledger before it follows them.
const followAfter = 3

// floor raises cursors to what the chain has spent; nonce.Ledger does.
type floor interface {
	SyncBatch(ctx context.Context, calls []nonce.SyncCall, dryRun bool) (nonce.BatchReport, error)
}

// follow has the ledger follow the chain where something else has spent nonces (F11): those passed over become external, and
// the cursor goes on above them. The count is only a floor, and the wallet's brake stays until a person lifts it. It needs no
// lease: whoever says it, it is what the chain has spent.
func (l *lane) follow(ctx context.Context, f guardFacts, v verdict) error {
	ledger, ok := l.ledger.(floor)
	if !ok {
		return nil
	}
	var errs []error
	for _, w := range f.wallets {
		_, over := w.passedOver()
		if !over || v.streak[subject(AlarmForeignUse, f.chainType, f.chainID, w.row.Address)] < followAfter {
			continue
		}
		_, err := ledger.SyncBatch(ctx, []nonce.SyncCall{{
			Address: w.row.Address, ChainID: w.row.ChainID, To: w.count.Latest, FromChain: true, Reason: "used by something that is not coffer's",
		}}, false)
		if err != nil {
			errs = append(errs, fmt.Errorf("follow the chain with wallet %s: %w", w.row.Address, err))
		}
	}
	return errors.Join(errs...)
}
