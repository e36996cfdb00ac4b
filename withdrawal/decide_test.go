package withdrawal

import (
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/signing"
)

func TestAmountsAreReadWithoutRounding(t *testing.T) {
	usdt := Asset{Symbol: "USDT", Decimals: 6}
	for text, want := range map[string]string{
		"1": "1000000", "1.25": "1250000", "0.000001": "1", "1.250000": "1250000", "007": "7000000",
		"115792089237316195423570985008687907853269984665640564039457584007913129.639935": "115792089237316195423570985008687907853269984665640564039457584007913129639935",
	} {
		got, err := parseAmount(text, usdt, false)
		if err != nil || got.String() != want {
			t.Errorf("%q is %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", ".", "1.", ".5", "-1", "+1", "1,5", "1 000", "1e3", "0", "0.0", "1.0000001", "0x10", "1.2.3", "１", "1_000", "NaN",
		"115792089237316195423570985008687907853269984665640564039457584007913129.639936",
	} {
		if got, err := parseAmount(text, usdt, false); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
	if got, err := parseAmount("1.0", usdt, true); err == nil {
		t.Errorf("1.0 base units are read as %s", got)
	}
	for _, c := range []struct {
		units    string
		decimals int
		want     string
	}{{"1250000", 6, "1.25"}, {"1", 6, "0.000001"}, {"1000000", 6, "1"}, {"5", 0, "5"}, {"10", 1, "1"}} {
		if got := FormatAmount(c.units, c.decimals); got != c.want {
			t.Errorf("%s with %d decimals is shown as %s, want %s", c.units, c.decimals, got, c.want)
		}
	}
}

// A node's no frees nothing, and what is not known counts as out.
func TestWhatANodeSaysToBytes(t *testing.T) {
	for verdict, want := range map[chain.Verdict]string{
		chain.Accepted: store.AttemptSent, chain.Known: store.AttemptSent, chain.NonceTooLow: store.AttemptSent, chain.Unknown: store.AttemptSent,
		chain.Occupied: store.AttemptSigned, chain.Unfunded: store.AttemptSigned, chain.Rejected: store.AttemptSigned, chain.Busy: store.AttemptSigned,
	} {
		if got := afterSend(store.Attempt{State: store.AttemptSigned}, chain.Sent{Verdict: verdict}); got.To != want {
			t.Errorf("%s makes a signed attempt %s, want %s", verdict, got.To, want)
		}
		if got := afterSend(store.Attempt{State: store.AttemptSent}, chain.Sent{Verdict: verdict}); got.To != store.AttemptSent {
			t.Errorf("%s makes a sent attempt %s", verdict, got.To)
		}
	}
}

// What is not clear decides nothing (F06); success without the transfer is not paid, and not failed.
func TestF06WhatTheChainMakesOfTheAttemptsAtANonce(t *testing.T) {
	const pay, cancel = string(signing.PurposePayment), string(signing.PurposeCancel)
	in := func(id int64, state, purpose string) store.Attempt {
		return store.Attempt{ID: id, State: state, Payment: "p", Nonce: 7, Address: "0xA", Purpose: purpose, BlockHash: "0xb"}
	}
	fill := store.Attempt{ID: 1, State: store.AttemptSent, Nonce: 7}
	sight := func(stage chain.Stage, change func(*chain.Sighting)) chain.Sighting {
		s := chain.Sighting{Stage: stage, All: true, BlockHash: "0xb", BlockNumber: 5, Success: true, Paid: true}
		if change != nil {
			change(&s)
		}
		return s
	}
	absent := chain.Sighting{Stage: chain.StageAbsent, All: true}
	spent := chain.Sighting{Stage: chain.StageAbsent, All: true, Spent: true}
	gone := chain.Sighting{Stage: chain.StageAbsent, All: true, Spent: true, SpentFinal: true}
	one := func(a store.Attempt, s chain.Sighting) ([]store.Attempt, []chain.Sighting) {
		return []store.Attempt{a}, []chain.Sighting{s}
	}
	type attempts = []store.Attempt
	type sightings = []chain.Sighting
	for name, c := range map[string]struct {
		seen        func() (attempts, sightings)
		spent       int
		states      string // of the attempts after, by id; "-": it does not move
		to, outcome string
		elsewhere   bool
	}{
		"unknown": {func() (attempts, sightings) {
			return one(in(1, "sent", pay), chain.Sighting{Stage: chain.StageUnknown})
		}, 9, "-", "", "", false},
		"unknown, was mined": {func() (attempts, sightings) {
			return one(in(1, "mined", pay), chain.Sighting{Stage: chain.StageUnknown})
		}, 9, "-", "", "", false},
		"absent":                 {func() (attempts, sightings) { return one(in(1, "sent", pay), absent) }, 0, "-", "", "", false},
		"absent, spent once":     {func() (attempts, sightings) { return one(in(1, "sent", pay), spent) }, 1, "-", "", "", false},
		"absent, spent for long": {func() (attempts, sightings) { return one(in(1, "sent", pay), spent) }, spentPasses, "-", "needs_review", "", false},
		"spent for long, not said by all": {func() (attempts, sightings) {
			return one(in(1, "sent", pay), chain.Sighting{Stage: chain.StageAbsent, Spent: true, SpentFinal: true})
		}, 9, "-", "", "", false},
		"spent for good":           {func() (attempts, sightings) { return one(in(1, "sent", pay), gone) }, 3, "-", "needs_review", "", true},
		"spent for good, too soon": {func() (attempts, sightings) { return one(in(1, "sent", pay), gone) }, 2, "-", "", "", false},
		"a fill spent for good":    {func() (attempts, sightings) { return one(fill, gone) }, 3, "superseded", "", "", true},
		"one spent, one unclear": {func() (attempts, sightings) {
			return attempts{in(1, "sent", pay), in(2, "sent", pay)}, sightings{gone, {Stage: chain.StageUnknown}}
		}, 9, "- -", "", "", false},
		"one spent, one only asked": {func() (attempts, sightings) {
			return attempts{in(1, "sent", pay), in(2, "asked", pay)}, sightings{gone}
		}, 9, "- -", "", "", false},
		"block left behind":                    {func() (attempts, sightings) { return one(in(1, "mined", pay), absent) }, 0, "sent", "", "", false},
		"mined":                                {func() (attempts, sightings) { return one(in(1, "sent", pay), sight(chain.StageMined, nil)) }, 0, "mined", "", "", false},
		"mined, nobody wrote that it was sent": {func() (attempts, sightings) { return one(in(1, "signed", pay), sight(chain.StageMined, nil)) }, 0, "mined", "", "", false},
		"mined, as before":                     {func() (attempts, sightings) { return one(in(1, "mined", pay), sight(chain.StageMined, nil)) }, 0, "-", "", "", false},
		"mined in another block": {func() (attempts, sightings) {
			return one(in(1, "mined", pay), sight(chain.StageMined, func(s *chain.Sighting) { s.BlockHash = "0xc" }))
		}, 0, "mined", "", "", false},
		"final at first sight": {func() (attempts, sightings) { return one(in(1, "sent", pay), sight(chain.StageFinal, nil)) }, 0, "mined", "", "", false},
		"paid":                 {func() (attempts, sightings) { return one(in(1, "mined", pay), sight(chain.StageFinal, nil)) }, 0, "final", "ended", "paid", false},
		"paid for the majority": {func() (attempts, sightings) {
			return one(in(1, "mined", pay), sight(chain.StageFinal, func(s *chain.Sighting) { s.All = false }))
		}, 0, "final", "ended", "paid", false},
		"failed": {func() (attempts, sightings) {
			return one(in(1, "mined", pay), sight(chain.StageFinal, func(s *chain.Sighting) { s.Success, s.Paid = false, false }))
		}, 0, "final", "ended", "failed", false},
		"failed for the majority": {func() (attempts, sightings) {
			return one(in(1, "mined", pay), sight(chain.StageFinal, func(s *chain.Sighting) { s.Success, s.Paid, s.All = false, false, false }))
		}, 0, "-", "assigned", "", false},
		"success without paying": {func() (attempts, sightings) {
			return one(in(1, "mined", pay), sight(chain.StageFinal, func(s *chain.Sighting) { s.Paid = false }))
		}, 0, "final", "needs_review", "", false},
		"its replacement wins": {func() (attempts, sightings) {
			return attempts{in(1, "sent", pay), in(2, "mined", pay), in(3, "asked", pay)}, sightings{spent, sight(chain.StageFinal, nil)}
		}, 0, "superseded final superseded", "ended", "paid", false},
		"what it replaced wins": {func() (attempts, sightings) {
			return attempts{in(1, "mined", pay), in(2, "signed", pay)}, sightings{sight(chain.StageFinal, nil), spent}
		}, 0, "final superseded", "ended", "paid", false},
		"another of ours is mined instead": {func() (attempts, sightings) {
			return attempts{in(1, "mined", pay), in(2, "sent", pay)}, sightings{spent, sight(chain.StageMined, nil)}
		}, 0, "sent mined", "", "", false},
		"its cancellation wins": {func() (attempts, sightings) {
			return attempts{in(1, "sent", pay), in(2, "mined", cancel)}, sightings{spent, sight(chain.StageFinal, nil)}
		}, 0, "superseded final", "ended", "cancelled", false},
		"its cancellation wins for the majority": {func() (attempts, sightings) {
			return attempts{in(1, "sent", pay), in(2, "mined", cancel)}, sightings{spent, sight(chain.StageFinal, func(s *chain.Sighting) { s.All = false })}
		}, 0, "- -", "assigned", "", false},
		"the payment wins over its cancellation": {func() (attempts, sightings) {
			return attempts{in(1, "mined", pay), in(2, "sent", cancel)}, sightings{sight(chain.StageFinal, nil), spent}
		}, 0, "final superseded", "ended", "paid", false},
	} {
		as, ss := c.seen()
		seen := map[int64]chain.Sighting{}
		for i, s := range ss {
			seen[as[i].ID] = s
		}
		f := afterWatch(place{nonce: 7, attempts: as}, seen, c.spent)
		var states []string
		for _, a := range as {
			state := "-"
			for _, m := range f.moves {
				if m.ID == a.ID {
					state = m.To
				}
			}
			states = append(states, state)
		}
		if got := strings.Join(states, " "); got != c.states || f.to != c.to || f.outcome != c.outcome || f.elsewhere != c.elsewhere {
			t.Errorf("%s: the attempts become %q, the payment %q %q, elsewhere %v; want %q, %q %q, %v",
				name, got, f.to, f.outcome, f.elsewhere, c.states, c.to, c.outcome, c.elsewhere)
		}
	}
}

func TestWhatARefusalMakesOfAPayment(t *testing.T) {
	for kind, want := range map[signing.RefusalKind][2]string{
		signing.RefusedForGood:    {store.WithdrawalEnded, store.OutcomeRefused},
		signing.RefusedForNow:     {store.WithdrawalQueued, ""},
		signing.RefusedAsConflict: {store.WithdrawalNeedsReview, ""},
		"something new":           {store.WithdrawalNeedsReview, ""},
	} {
		if got := afterRefusal("p", kind, "no"); got.To != want[0] || got.Outcome != want[1] || got.Reason != "no" {
			t.Errorf("%s: %+v, want %v", kind, got, want)
		}
	}
}

// Only what no missing nonce holds up is sent (F16).
func TestOnlyTheContiguousPrefixIsSent(t *testing.T) {
	at := func(wallet int64, n uint64, state string) store.Attempt {
		return store.Attempt{WalletID: wallet, Nonce: n, State: state}
	}
	got := contiguous(places([]store.Attempt{
		at(1, 0, store.AttemptSent), at(1, 1, store.AttemptSigned), at(1, 2, store.AttemptAsked), at(1, 3, store.AttemptSigned),
		at(2, 4, store.AttemptSigned), at(2, 6, store.AttemptSigned), at(3, 9, store.AttemptSigned), at(3, 9, store.AttemptAsked),
		at(4, 1, store.AttemptMined), at(4, 1, store.AttemptAsked), at(4, 2, store.AttemptSent),
	}), map[int64]uint64{2: 5})
	var sent []uint64
	for _, p := range got {
		sent = append(sent, p.nonce)
	}
	if want := []uint64{0, 1, 4, 9, 2}; !slices.Equal(sent, want) {
		t.Errorf("sent are %v, want %v", sent, want)
	}
}

// Of several attempts at a nonce the newest belongs on the nodes; the one before it only while they turn that down.
func TestTheNewestAttemptAtANonceIsSent(t *testing.T) {
	at := func(id int64, state, note string) store.Attempt {
		return store.Attempt{ID: id, State: state, Note: note}
	}
	for name, c := range map[string]struct {
		attempts []store.Attempt
		want     []int64
	}{
		"one":                      {[]store.Attempt{at(1, "sent", "")}, []int64{1}},
		"a replacement":            {[]store.Attempt{at(1, "sent", ""), at(2, "signed", "")}, []int64{2}},
		"a replacement only asked": {[]store.Attempt{at(1, "sent", ""), at(2, "asked", "")}, []int64{1}},
		"turned down":              {[]store.Attempt{at(1, "sent", ""), at(2, "signed", "busy: no")}, []int64{2, 1}},
		"both turned down":         {[]store.Attempt{at(1, "signed", "busy: no"), at(2, "signed", "busy: no")}, []int64{2, 1}},
	} {
		var got []int64
		for _, a := range (place{attempts: c.attempts}).toSend() {
			got = append(got, a.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: sent are %v, want %v", name, got, c.want)
		}
	}
}

// The lowest nonce of a wallet is stuck when blocks pass it by; what stands above it is only if the chain is too dear for it (negative
// here), and where the chain stands still nothing is.
func TestF20OnlyTheLowestNonceIsStuck(t *testing.T) {
	begin := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	at := func(wallet int64, n uint64, state, note string) store.Attempt {
		return store.Attempt{ID: wallet*100 + int64(n), WalletID: wallet, Nonce: n, State: state, Note: note, SignedAt: begin, Payment: "p"}
	}
	m := mending{now: begin.Add(time.Minute), gaps: map[int64]uint64{4: 0}, places: places([]store.Attempt{
		at(1, 5, "sent", ""), at(1, 6, "sent", ""), at(2, 0, "mined", ""), at(2, 1, "sent", ""), at(3, 0, "asked", ""), at(3, 1, "sent", ""), at(4, 1, "sent", ""),
		at(5, 0, "signed", "unfunded: no"), at(6, 0, "signed", "occupied: no"), at(7, 0, "signed", "busy: no"),
	})}
	stuck := func(l *lane, head uint64, now time.Time) []int64 {
		m := m
		m.now, m.gaps = now, maps.Clone(m.gaps)
		var ids []int64
		lowest, above := l.stuck(m, head)
		for _, p := range lowest {
			ids = append(ids, p.newest().ID)
		}
		for _, p := range above {
			ids = append(ids, -p.newest().ID)
		}
		return ids
	}
	l := &lane{setup: ChainSetup{BumpAfter: 30 * time.Second}, heads: map[int64]uint64{}}
	if got := stuck(l, 0, m.now); got != nil {
		t.Errorf("with no node that answered yet %v are stuck", got)
	}
	if got := stuck(l, 100, m.now); got != nil {
		t.Errorf("at first sight %v are stuck", got)
	}
	if got := stuck(l, 101, m.now); got != nil {
		t.Errorf("after one block %v are stuck", got)
	}
	if got := stuck(l, 102, begin.Add(29*time.Second)); got != nil {
		t.Errorf("before bump_after %v are stuck", got)
	}
	if got, want := stuck(l, 102, m.now), []int64{105, 201, 700, -106}; !slices.Equal(got, want) {
		t.Errorf("%v are stuck, want %v", got, want)
	}
	if got := stuck(l, 0, m.now); got != nil {
		t.Errorf("with no node that answers %v are stuck", got)
	}
	if got := stuck(l, 102, m.now); len(got) != 4 {
		t.Errorf("when one answers again %v are stuck", got)
	}
}

// What a wish about a payment under way comes to.
func TestWhatAWishComesTo(t *testing.T) {
	pay, cancel := string(signing.PurposePayment), string(signing.PurposeCancel)
	at := func(state, purpose string) store.Attempt {
		return store.Attempt{State: state, Purpose: purpose, Payment: "p"}
	}
	refused := []store.Attempt{{State: store.AttemptRefused, Purpose: cancel, Note: "never"}}
	for name, c := range map[string]struct {
		kind   string
		place  place
		repair signing.Purpose
		end    string
	}{
		"cancel":                       {store.WishCancel, place{attempts: []store.Attempt{at("sent", pay)}}, signing.PurposeCancel, ""},
		"cancel over an ask":           {store.WishCancel, place{attempts: []store.Attempt{at("asked", pay)}}, signing.PurposeCancel, ""},
		"cancel, under way":            {store.WishCancel, place{attempts: []store.Attempt{at("sent", pay), at("asked", cancel)}}, "", ""},
		"cancel, refused":              {store.WishCancel, place{attempts: []store.Attempt{at("sent", pay)}, refused: refused}, "", "never"},
		"cancel of what is in a block": {store.WishCancel, place{attempts: []store.Attempt{at("mined", pay)}}, "", ""},
		"bump":                         {store.WishBump, place{attempts: []store.Attempt{at("sent", pay)}}, signing.PurposePayment, ""},
		"bump of a cancellation":       {store.WishBump, place{attempts: []store.Attempt{at("sent", pay), at("sent", cancel)}}, signing.PurposeCancel, ""},
		"bump over an ask":             {store.WishBump, place{attempts: []store.Attempt{at("asked", pay)}}, "", ""},
	} {
		r, end := wish(store.Wish{ID: 1, Kind: c.kind, Payment: "p"}, c.place)
		if got := r != nil; got != (c.repair != "") || got && r.purpose != c.repair || end != c.end {
			t.Errorf("%s: %+v, %q", name, r, end)
		}
	}
}

// A wallet that nobody takes, because the others have no node of its chain or are dead behind a heartbeat, is somebody's after the time of a
// lease, and stays so for a while.
func TestAStrayWalletIsAdopted(t *testing.T) {
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	var s strays
	step := func(after time.Duration, room int, free ...int64) (want []int64) {
		now = now.Add(after)
		want, s = s.next(free, room, now, 15*time.Second)
		return want
	}
	if got := step(0, 1, 1, 2, 3); !slices.Equal(got, []int64{1}) {
		t.Errorf("with room for one, %v are taken", got)
	}
	if got := step(14*time.Second, 0, 2, 3); got != nil {
		t.Errorf("before a lease could end, %v are taken", got)
	}
	if got := step(time.Second, 0, 2); !slices.Equal(got, []int64{2}) {
		t.Errorf("after that %v are taken", got)
	}
	if got := step(time.Second, 0, 3); got != nil || !s.adopted(2, now) || s.adopted(1, now) {
		t.Errorf("%v are taken, adopted: %+v", got, s)
	}
	held := []store.Lease{{WalletID: 1}, {WalletID: 2}}
	if keep, _ := divide(held, []int64{1, 2}, 1, func(id int64) bool { return s.adopted(id, now) }); len(keep) != 2 {
		t.Errorf("kept are %v", keep)
	}
	step(adoptFor, 0)
	if keep, _ := divide(held, []int64{1, 2}, 1, func(id int64) bool { return s.adopted(id, now) }); len(keep) != 1 {
		t.Errorf("after a while, kept are %v", keep)
	}
}

// Wallets are divided among the daemons, so that each has somebody and nobody sits on more than a share.
func TestWalletsAreDivided(t *testing.T) {
	for _, c := range []struct{ wallets, daemons, want int }{{10, 1, 10}, {10, 3, 4}, {9, 3, 3}, {2, 3, 1}, {0, 2, 0}, {5, 0, 5}} {
		if got := share(c.wallets, c.daemons); got != c.want {
			t.Errorf("%d wallets among %d daemons: %d each, want %d", c.wallets, c.daemons, got, c.want)
		}
	}
	held := []store.Lease{{WalletID: 1}, {WalletID: 2}, {WalletID: 3}, {WalletID: 9}}
	keep, drop := divide(held, []int64{1, 2, 3, 4}, 2, func(int64) bool { return false })
	if len(keep) != 2 || keep[0].WalletID != 1 || keep[1].WalletID != 2 || !slices.Equal(drop, []int64{3, 9}) {
		t.Errorf("kept are %v, given back %v", keep, drop)
	}
}

// What no wallet can pay lets the others pass, and as many are chosen as there is room for.
func TestWhatCannotBePaidLetsTheOthersPass(t *testing.T) {
	d := demand{
		wallets: []store.Wallet{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 4}},
		mine:    map[int64]bool{1: true, 2: true, 4: true},
		loads:   map[int64]store.Load{1: {Unmined: 16}, 2: {Unmined: 10, ReservedForWithdrawals: 4}, 4: {Brake: "no"}},
		purses: map[int64]nonce.Purse{
			1: {Native: big.NewInt(1000), Tokens: map[string]*big.Int{"T": big.NewInt(5)}}, 2: {Native: big.NewInt(100), Tokens: map[string]*big.Int{"T": big.NewInt(0)}},
			3: {Native: big.NewInt(2000)}, 4: {Native: big.NewInt(2000)},
		},
		queued: []store.Withdrawal{
			{Payment: "too much", Amount: "5000"}, {Payment: "only without room", Amount: "5", Contract: "T"}, {Payment: "aside", Amount: "1"},
			{Payment: "a", Amount: "50"}, {Payment: "b", Amount: "60"}, {Payment: "c", Amount: "70"},
		},
	}
	chosen, unfunded := d.choose(16, func(p string) bool { return p == "aside" }, unlimited)
	if len(chosen) != 2 || chosen[0].Payment != "a" || chosen[1].Payment != "b" {
		t.Errorf("chosen are %+v", chosen)
	}
	if len(unfunded) != 1 || unfunded[0].row.Payment != "too much" || unfunded[0].reason == "" {
		t.Errorf("unfunded are %+v", unfunded)
	}
}

func TestOneThatNobodyCanAnswerAboutStandsAlone(t *testing.T) {
	items := make([]int, 100)
	for i := range items {
		items[i] = i
	}
	answers, errs := apart(items, func(some []int) ([]int, error) {
		for _, n := range some {
			if n == 42 {
				return nil, errTest
			}
		}
		return some, nil
	})
	for i := range items {
		if (errs[i] != nil) != (i == 42) || i != 42 && answers[i] != i {
			t.Errorf("item %d: %d, %v", i, answers[i], errs[i])
		}
	}
	if _, errs := apart(items, func([]int) ([]int, error) { return nil, errTest }); nobody(errs) == nil {
		t.Error("nothing was answered, and that is no error")
	}
}

type testError string

func (e testError) Error() string { return string(e) }

const errTest = testError("poison")

func TestAPaymentThatWaitsForTheSigningMachineSaysSo(t *testing.T) {
	for _, c := range []struct {
		row  store.Withdrawal
		want string
	}{
		{store.Withdrawal{State: store.WithdrawalQueued}, "its turn has not come"},
		{store.Withdrawal{State: store.WithdrawalQueued, Reason: "no funds"}, "no funds"},
		{store.Withdrawal{State: store.WithdrawalAssigned}, ""},
		{store.Withdrawal{State: store.WithdrawalAssigned, Attempt: store.AttemptAsked}, "the signing machine has not answered yet (coffer-signer status)"},
		{store.Withdrawal{State: store.WithdrawalAssigned, Attempt: store.AttemptSent}, ""},
		{store.Withdrawal{State: store.WithdrawalEnded, Outcome: store.OutcomePaid}, ""},
	} {
		if got := (book{}).show(c.row).Reason; got != c.want {
			t.Errorf("%s %s: %q, want %q", c.row.State, c.row.Attempt, got, c.want)
		}
	}
}

func unlimited(int64, string) (int, bool) { return 0, false }
