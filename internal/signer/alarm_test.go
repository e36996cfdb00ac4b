package signer

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

func TestAMachineThatIsAskedForTooManyContradictionsFreezesItself(t *testing.T) {
	m, from := newMachine(t)
	now := noon
	m.FreezeAfterConflicts(3, func() time.Time { return now })
	signAll(t, m, payment(from, 0, "p"))
	conflict := func(n int) signing.Intent { return payment(from, uint64(n), "p") } // p at another nonce
	for range 5 {
		if got := signAll(t, m, conflict(1)); codeOf(got[0]) != "payment_bound" { // one intent is one conflict, however often
			t.Fatal(codeOf(got[0]))
		}
	}
	signAll(t, m, conflict(2))
	now = now.Add(conflictWindow)
	signAll(t, m, conflict(3)) // the first two are an hour old
	signAll(t, m, conflict(4))
	if _, err := m.Sign(t.Context(), signing.BatchOf(conflict(5))); fault.Code(err) != "frozen" {
		t.Fatalf("the third within an hour: %v", err)
	}
	if _, err := m.Sign(t.Context(), signing.BatchOf(payment(from, 1, "q"))); fault.Code(err) != "frozen" {
		t.Errorf("what is good: %v", err)
	}
	if st, err := m.Status(t.Context()); err != nil || st.Frozen != "3 requests within an hour contradict what is signed (the machine itself, 2026-11-25T13:00:00Z)" {
		t.Errorf("%q, %v", st.Frozen, err)
	}
	unfreeze(t, m)
	if got := signAll(t, m, conflict(6)); codeOf(got[0]) != "payment_bound" {
		t.Errorf("after it: %s", codeOf(got[0]))
	}
}

func TestAMachineThatSignsNothingForTooLongLocks(t *testing.T) {
	m, from := newMachine(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		ended := make(chan bool, 1)
		go func() { ended <- m.LockWhenIdle(ctx, 10*time.Minute, time.Now) }()
		synctest.Wait()
		for n := range 3 {
			time.Sleep(9 * time.Minute)
			m.alarm.count([]signing.Answer{{Raw: []byte{1}, Digest: payment(from, uint64(n), fmt.Sprint(n)).Digest()}})
		}
		time.Sleep(9 * time.Minute)
		m.alarm.count([]signing.Answer{{Refusal: &signing.Refusal{Kind: signing.RefusedForNow}}}) // a refusal is no signature
		synctest.Wait()
		if m.locked.Load() {
			t.Error("locked while it was used")
		}
		time.Sleep(time.Minute)
		if locked := <-ended; !locked || !m.locked.Load() {
			t.Error("not locked after ten minutes without a signature")
		}
	})
	if _, err := m.Sign(t.Context(), signing.BatchOf(payment(from, 9, "x"))); fault.Code(err) != wire.CodeLocked {
		t.Errorf("%v", err)
	}
}

func TestAMachineThatIsStoppedIsNotLockedForBeingIdle(t *testing.T) {
	m, _ := newMachine(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan bool, 1)
		go func() { ended <- m.LockWhenIdle(ctx, time.Minute, time.Now) }()
		synctest.Wait()
		stop()
		if <-ended || m.locked.Load() {
			t.Error("locked")
		}
	})
}
