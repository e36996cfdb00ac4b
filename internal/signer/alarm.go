package signer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"coffer.internal/internal/signer/journal"
	"coffer.internal/signing"
)

// conflictWindow is how long a conflict counts.
const conflictWindow = time.Hour

// alarm is what makes a machine stop by itself: it is idle for too long, or too much of what it is asked for contradicts what it signed.
type alarm struct {
	mu        sync.Mutex
	now       func() time.Time // nil: nobody watches
	most      int              // conflicts within conflictWindow; 0: any number
	conflicts map[signing.Digest]time.Time
	signed    time.Time // when the last signature was given out
}

// FreezeAfterConflicts has the machine freeze itself when so many different intents are refused as conflicts within an hour. A ledger that
// works as it should makes hardly any: each is a payment or a nonce that is bound to something else. Whoever tries what the machine
// will sign makes many. 0: never.
func (m *Machine) FreezeAfterConflicts(most int, now func() time.Time) {
	m.alarm.mu.Lock()
	defer m.alarm.mu.Unlock()
	m.alarm.most, m.alarm.now, m.alarm.conflicts = most, now, map[signing.Digest]time.Time{}
}

// watch looks at answers that are about to be given. If they are too many conflicts, the machine freezes, and gives none of them.
func (m *Machine) watch(ctx context.Context, answers []signing.Answer) error {
	n, at := m.alarm.count(answers)
	if n == 0 {
		return nil
	}
	f, _, err := m.Freeze(ctx, journal.FreezeCause{
		At: at.UTC().Truncate(time.Second), By: journal.Itself, Reason: fmt.Sprintf("%d requests within an hour contradict what is signed", n),
	})
	if err != nil {
		return err
	}
	return f.Fault()
}

// count notes answers, and returns how many conflicts there were within the window, if that is too many.
func (a *alarm) count(answers []signing.Answer) (tooMany int, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now == nil {
		return 0, at
	}
	at = a.now()
	for _, answer := range answers {
		switch {
		case answer.Refusal == nil:
			a.signed = at
		case answer.Refusal.Kind == signing.RefusedAsConflict && a.most > 0:
			a.conflicts[answer.Digest] = at
		}
	}
	for d, t := range a.conflicts {
		if at.Sub(t) >= conflictWindow {
			delete(a.conflicts, d)
		}
	}
	if a.most == 0 || len(a.conflicts) < a.most {
		return 0, at
	}
	n := len(a.conflicts)
	clear(a.conflicts) // once it is unfrozen, it counts anew
	return n, at
}

// LockWhenIdle locks the machine when it gave no signature for so long, and returns true; or false when ctx ends. It begins to count when
// it is called.
func (m *Machine) LockWhenIdle(ctx context.Context, after time.Duration, now func() time.Time) (locked bool) {
	m.alarm.mu.Lock()
	m.alarm.now, m.alarm.signed = now, now()
	m.alarm.mu.Unlock()
	for {
		rest := m.alarm.lastSigned().Add(after).Sub(now())
		if rest <= 0 {
			m.Lock()
			return true
		}
		timer := time.NewTimer(rest)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}

func (a *alarm) lastSigned() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.signed
}
