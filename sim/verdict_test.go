package main

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"coffer.internal/internal/store"
	"coffer.internal/signing"
	"coffer.internal/sim/recount"
)

// played is a run of one kind of fault that has come to its good end and can still be judged.
func played(t *testing.T, k kind, seed uint64) *town {
	t.Helper()
	p := alone(rand.New(rand.NewPCG(seed, 0)), k)
	town, err := newTown(shared, seed, &p, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := town.close(); err != nil {
			t.Error(err)
		}
	})
	if r := town.playOut(); len(r.wrong) > 0 {
		t.Errorf("seed %d: %q", seed, r.wrong)
	}
	return town
}

func TestTheJudgeNotices(t *testing.T) {
	// some is a payment that was signed for, with its place.
	some := func(town *town) (recount.Slot, signing.Intent) {
		for slot, intents := range town.book.at {
			for _, i := range intents {
				if i.Purpose == signing.PurposePayment {
					return slot, i
				}
			}
		}
		t.Fatal("nothing was signed")
		return recount.Slot{}, signing.Intent{}
	}
	for _, c := range []struct {
		name   string
		kind   kind
		tamper func(*town)
		want   string
	}{
		{"a payment signed at two nonces", nodeSlow, func(town *town) {
			slot, i := some(town)
			slot.Nonce += 1000
			town.book.at[slot] = []signing.Intent{i}
		}, "was signed at 2 nonces, and released 0 times"},
		{"more payments signed within an hour than the limit allows", limitReached, func(town *town) {
			town.book.counted = append(town.book.counted[:1:1], town.book.counted...)
		}, "3 payments were signed from "},
		{"two payments signed at one nonce", nodeSlow, func(town *town) {
			slot, i := some(town)
			i.Payment = "another"
			town.book.at[slot] = append(town.book.at[slot], i)
		}, "was signed for"},
		{"a payment signed with two amounts", nodeSlow, func(town *town) {
			slot, i := some(town)
			other := *i.EVM
			other.Amount += "0"
			i.EVM = &other
			town.book.at[slot] = append(town.book.at[slot], i)
		}, "and to pay"},
		{"a nonce that was signed and is not on the chain", nodeSlow, func(town *town) {
			slot, _ := some(town)
			town.book.highest[slot.Wallet] += 5
		}, "and the chain has spent those below"},
		{"an attempt that comes to no end", operatorBumps, func(town *town) {
			if err := town.db.Update(town.ctx, func(tx store.Tx) error {
				lost, err := tx.Attempts(town.ctx, store.AttemptFilter{States: []string{store.AttemptSuperseded}})
				var back []store.AttemptMove
				for _, a := range lost {
					back = append(back, store.AttemptMove{ID: a.ID, From: a.State, To: store.AttemptSent})
				}
				return errors.Join(err, tx.MoveAttempts(town.ctx, back))
			}); err != nil {
				t.Error(err)
			}
		}, "a day after the last fault attempt"},
		{"a payment that is not in the ledger", nodeSlow, func(town *town) {
			town.office.requests[0].ID = "never"
		}, "is not in the ledger"},
		{"a payment to somebody else", nodeSlow, func(town *town) {
			town.office.requests[0].to = common.HexToAddress("0x0bad")
		}, "is paid in the ledger, and got []"},
		{"a review without a cause", foreign, func(town *town) {
			town.causes.foreign = nil
		}, "stands in needs_review without a cause"},
		{"a failure without a cause", tokenPaused, func(town *town) { clear(town.hits) }, "without a cause"},
		{"a cancellation that nobody asked for", operatorCancels, func(town *town) {
			for _, r := range town.office.requests {
				r.cancelled = false
			}
		}, "nobody asked for it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got string
			for seed := uint64(1); seed <= 20 && got == ""; seed++ { // until there is one in which it matters
				town := played(t, c.kind, seed)
				c.tamper(town)
				got = strings.Join(town.judge().wrong, "\n")
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("it says %q, not %q", got, c.want)
			}
		})
	}
}
