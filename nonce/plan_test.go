package nonce

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/strategy"
)

var testRules = rules{
	ttl: time.Minute, actor: "tester",
	strategy: func(string, int64) (strategy.Strategy, error) { return strategy.LowestNonce{}, nil },
}

func hot(active bool) store.Wallet { return store.Wallet{Device: "machine-1", Active: active} }

// mustPlan decides and applies.
func mustPlan(t interface {
	Helper()
	Fatalf(string, ...any)
}, m *model, calls ...*call) decision {
	t.Helper()
	d := plan(m.facts(calls), calls, testRules)
	if err := m.apply(d); err != nil {
		t.Fatalf("the plan breaks the ledger: %v", err)
	}
	return d
}

func nonces(r Reservation) []uint64 {
	out := make([]uint64, len(r.Rows))
	for i, row := range r.Rows {
		out[i] = row.Nonce
	}
	return out
}

// TestAnyHistoryKeepsTheLedger runs random batches against random histories: no nonce is given twice, none is skipped, the
// lowest go first, and whoever asks again gets the same answer.
func TestAnyHistoryKeepsTheLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(hot(true), hot(true), hot(false), store.Wallet{Active: true})
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
			case 1:
				disturb(t, m)
			default:
				calls := drawCalls(t, m)
				before := m.snapshot()
				d := mustPlan(t, m, calls...)
				checkAnswers(t, m, calls, d)
				checkLowestFirst(t, before, d)
				again := mustPlan(t, m, calls...)
				checkAgain(t, calls, d, again)
			}
		}
	})
}

// disturb does what others may do to a row: give it back, or ask for it.
func disturb(t *rapid.T, m *model) {
	id := int64(rapid.IntRange(1, len(m.wallets)).Draw(t, "wallet"))
	if len(m.rows[id]) == 0 {
		return
	}
	n := &m.rows[id][rapid.IntRange(0, len(m.rows[id])-1).Draw(t, "nonce")]
	switch {
	case n.State == store.NonceReserved && rapid.Bool().Draw(t, "give back"):
		n.State, n.Request, n.Row, n.ExpiresAt = store.NonceFree, "", 0, time.Time{}
	case n.State == store.NonceReserved && !m.expired(*n):
		n.State = store.NonceUsed
	case n.State == store.NonceUsed && rapid.Bool().Draw(t, "refused"):
		n.Request, n.Row = "", 0
	}
}

func drawCalls(t *rapid.T, m *model) []*call {
	var calls []*call
	for range rapid.IntRange(1, 8).Draw(t, "calls") {
		request := fmt.Sprintf("r%d", rapid.IntRange(0, 12).Draw(t, "request"))
		count := rapid.IntRange(1, 3).Draw(t, "count")
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			calls = append(calls, m.best(request, count))
		case 1:
			calls = append(calls, m.plain(int64(rapid.IntRange(1, len(m.wallets)).Draw(t, "named")), request, count))
		case 2:
			calls = append(calls, m.plain(1, request, 1))
		default:
			c := BindCall{MaxUnmined: 16, Purses: map[int64]Purse{1: rich(), 2: rich()}}
			for range count {
				id := fmt.Sprintf("w%d", rapid.IntRange(0, 12).Draw(t, "withdrawal"))
				if _, ok := m.requests[id]; !ok {
					m.accept(id)
				}
				c.Payments = append(c.Payments, coins(id, 1))
			}
			calls = append(calls, m.bind(c))
		}
	}
	return calls
}

func (m *model) snapshot() *model {
	c := *m
	c.wallets = slices.Clone(m.wallets)
	c.rows = map[int64][]store.Nonce{}
	for id, rows := range m.rows {
		c.rows[id] = slices.Clone(rows)
	}
	return &c
}

// checkAnswers: what was answered is what is written.
func checkAnswers(t *rapid.T, m *model, calls []*call, d decision) {
	check := func(request string, wallet int64, r Row) {
		n := m.rows[wallet][r.Nonce]
		if n.Request != request || n.Row != r.Row || n.Fence != r.Fence || n.State == store.NonceFree {
			t.Fatalf("%s was told nonce %d fence %d, the ledger has %+v", request, r.Nonce, r.Fence, n)
		}
	}
	for i, o := range d.answers {
		for _, r := range o.Value.reservation.Rows {
			check(calls[i].request, o.Value.reservation.Wallet.ID, r)
		}
		for k, b := range o.Value.bound {
			if b.Err == nil {
				check(calls[i].bind.Payments[k].Request, b.Wallet.ID, b.Row)
			}
		}
	}
}

// checkLowestFirst: the new nonces of a wallet are its lowest free ones, then those from the cursor on; rows that somebody in
// the batch had are theirs.
func checkLowestFirst(t *rapid.T, before *model, d decision) {
	free := map[int64][]uint64{}
	taken := map[int64]int{}
	for id, rows := range before.rows {
		for _, n := range rows {
			if n.State == store.NonceFree {
				free[id] = append(free[id], n.Nonce)
			}
		}
	}
	for _, n := range d.write.Take {
		if k := slices.Index(free[n.WalletID], n.Nonce); k >= 0 {
			if k != taken[n.WalletID] {
				t.Fatalf("wallet %d gave %d before the free ones %v", n.WalletID, n.Nonce, free[n.WalletID])
			}
			taken[n.WalletID]++
		}
	}
	for _, n := range d.write.Insert {
		if left := len(free[n.WalletID]) - taken[n.WalletID]; left > 0 {
			t.Fatalf("wallet %d moved its cursor to give %d with %d free", n.WalletID, n.Nonce, left)
		}
	}
}

func checkAgain(t *rapid.T, calls []*call, first, again decision) {
	for _, n := range slices.Concat(again.write.Insert, again.write.Take) {
		t.Fatalf("asked again, %+v was given", n)
	}
	for i := range calls {
		a, b := first.answers[i], again.answers[i]
		if (a.Err == nil) != (b.Err == nil) {
			t.Fatalf("call %d: %v, and again %v", i, a.Err, b.Err)
		}
		if diff := cmp.Diff(a.Value.reservation.Rows, b.Value.reservation.Rows); diff != "" {
			t.Fatalf("call %d got another answer:\n%s", i, diff)
		}
		if b.Err == nil && calls[i].kind != bindCall && !b.Value.reservation.Again {
			t.Fatalf("call %d is not told that it was so already", i)
		}
	}
}

func TestF23TheSameRequestInOneBatchIsOneReservation(t *testing.T) {
	m := newModel(hot(true))
	d := mustPlan(t, m, m.plain(1, "a", 2), m.plain(1, "a", 2), m.plain(1, "b", 1))
	for i, want := range [][]uint64{{0, 1}, {0, 1}, {2}} {
		if diff := cmp.Diff(want, nonces(d.answers[i].Value.reservation)); diff != "" {
			t.Errorf("caller %d (-want +got):\n%s", i, diff)
		}
	}
	if d.answers[0].Value.reservation.Again || !d.answers[1].Value.reservation.Again {
		t.Error("the first is new, the second is again")
	}
}

func TestF23AnotherContentIsRefusedWithBothShownAndTheOthersStand(t *testing.T) {
	m := newModel(hot(true))
	m.accept("paid")
	d := mustPlan(t, m, m.plain(1, "a", 2), m.plain(1, "a", 3), m.plain(1, "paid", 1), m.best("a", 2), m.plain(1, "b", 1))
	for i, want := range []string{
		1: `request a is a reservation already: "reserve evm:1337 0x0000000000000000000000000000000000000001 ×2"; ` +
			`asked for now: "reserve evm:1337 0x0000000000000000000000000000000000000001 ×3"`,
		2: `request paid is a withdrawal already: "pay paid"; ` +
			`asked for now: "reserve evm:1337 0x0000000000000000000000000000000000000001 ×1"`,
		3: `request a is a reservation already: "reserve evm:1337 0x0000000000000000000000000000000000000001 ×2"; ` +
			`asked for now: "reserve best evm:1337 ×2"`,
		4: "",
	} {
		switch err := d.answers[i].Err; {
		case want == "" && err != nil:
			t.Errorf("caller %d: %v", i, err)
		case want != "" && (!errors.Is(err, fault.Refused) || err.Error() != want):
			t.Errorf("caller %d got\n%v\nwant\n%s", i, err, want)
		}
	}
	if got := nonces(d.answers[4].Value.reservation); got[0] != 2 {
		t.Errorf("b got nonce %d, want 2", got[0])
	}
	if n := len(d.write.Audit); n != 4 {
		t.Errorf("%d audit rows, want one for the batch and one for each of the three refusals", n)
	}
}

func TestAnExpiredReservationKeepsItsNonceUnlessSomebodyTookIt(t *testing.T) {
	m := newModel(hot(true))
	mustPlan(t, m, m.plain(1, "a", 1), m.plain(1, "b", 1))
	m.now = m.now.Add(2 * time.Minute)
	d := mustPlan(t, m, m.plain(1, "c", 1), m.plain(1, "b", 1))
	if r := d.answers[0].Value.reservation.Rows[0]; r.Nonce != 0 || r.Fence != 2 {
		t.Errorf("c got nonce %d fence %d, want a's expired nonce 0 with fence 2", r.Nonce, r.Fence)
	}
	if r := d.answers[1].Value.reservation; r.Rows[0].Nonce != 1 || r.Rows[0].Fence != 2 || r.Again {
		t.Errorf("b got %+v, want its nonce 1 again with fence 2", r)
	}
	d = mustPlan(t, m, m.plain(1, "a", 1))
	if r := d.answers[0].Value.reservation.Rows[0]; r.Nonce != 2 || r.Fence != 1 {
		t.Errorf("a got nonce %d fence %d, want a new one", r.Nonce, r.Fence)
	}
}

func TestTheLowestNonceThatCanBeGivenGoesFirst(t *testing.T) {
	m := newModel(hot(true))
	mustPlan(t, m, m.plain(1, "a", 4))
	m.now = m.now.Add(2 * time.Minute)
	d := mustPlan(t, m, m.plain(1, "b", 1), m.plain(1, "c", 2), m.plain(1, "d", 2))
	for i, want := range [][]uint64{{0}, {1, 2}, {3, 4}} {
		if diff := cmp.Diff(want, nonces(d.answers[i].Value.reservation)); diff != "" {
			t.Errorf("caller %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestAnExpiredNonceThatItsOwnRequestAsksForIsNotGivenToAnotherOfTheBatch(t *testing.T) {
	m := newModel(hot(true))
	mustPlan(t, m, m.plain(1, "a", 1))
	m.now = m.now.Add(2 * time.Minute)
	d := mustPlan(t, m, m.plain(1, "b", 1), m.plain(1, "a", 1))
	for i, want := range []Row{{Payment: "b", Nonce: 1, Fence: 1}, {Payment: "a", Nonce: 0, Fence: 2}} {
		want.ExpiresAt = m.now.Add(testRules.ttl)
		if diff := cmp.Diff([]Row{want}, d.answers[i].Value.reservation.Rows); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Payment, diff)
		}
	}
}

func TestOnAWalletWhoseKeyIsElsewhereNothingExpires(t *testing.T) {
	m := newModel(store.Wallet{Active: true})
	mustPlan(t, m, m.plain(1, "a", 1))
	m.now = m.now.AddDate(1, 0, 0)
	d := mustPlan(t, m, m.plain(1, "b", 1), m.plain(1, "a", 1))
	if got := nonces(d.answers[0].Value.reservation); got[0] != 1 {
		t.Errorf("b got nonce %d, want 1", got[0])
	}
	if r := d.answers[1].Value.reservation; !r.Again || r.Rows[0].Fence != 1 || !r.Rows[0].ExpiresAt.IsZero() {
		t.Errorf("a got %+v", r)
	}
}

func TestAnInactiveWalletGivesNothingButStillAnswersForWhatItGave(t *testing.T) {
	m := newModel(hot(true))
	mustPlan(t, m, m.plain(1, "a", 1))
	m.wallets[0].Active = false
	d := mustPlan(t, m, m.plain(1, "a", 1), m.plain(1, "b", 1))
	if err := d.answers[0].Err; err != nil {
		t.Errorf("a: %v", err)
	}
	err := d.answers[1].Err
	if !errors.Is(err, fault.Refused) || fault.Hint(err) != "coffer activate "+m.wallets[0].Address+" 1337" {
		t.Errorf("b: %v, hint %q", err, fault.Hint(err))
	}
}

func TestNoNonceAboveTheLimitIsGiven(t *testing.T) {
	m := newModel(hot(true))
	c := m.plain(1, "a", 2)
	m.wallets[0].Nonce = MaxCursor - 1
	if d := plan(m.facts([]*call{c}), []*call{c}, testRules); !errors.Is(d.answers[0].Err, fault.Refused) {
		t.Errorf("two from 2^53-1: %v", d.answers[0].Err)
	}
	c = m.plain(1, "b", 1)
	d := plan(m.facts([]*call{c}), []*call{c}, testRules)
	if got := d.answers[0].Value.reservation; d.answers[0].Err != nil || got.Rows[0].Nonce != MaxCursor-1 {
		t.Errorf("one from 2^53-1: %v, %v", got, d.answers[0].Err)
	}
}

func TestNobodyFreeNamesEachWalletsReason(t *testing.T) {
	m := newModel(hot(false), store.Wallet{Active: true}, hot(true), store.Wallet{Active: true, WalletType: "cold"})
	c := m.best("a", 1)
	c.devices = devices{held: map[string]bool{"machine-2": true}}
	err := plan(m.facts([]*call{c}), []*call{c}, testRules).answers[0].Err
	if !errors.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	for i, want := range []string{"inactive", "its key is elsewhere", "its signing machine machine-1 does not answer", "it is a cold wallet"} {
		if !strings.Contains(err.Error(), m.wallets[i].Address+": "+want) {
			t.Errorf("wallet %d: %q is not in %q", i+1, want, err)
		}
	}
}

func TestABurstIsSpreadOverEqualWallets(t *testing.T) {
	m := newModel(hot(true), hot(true), hot(true), hot(true), hot(true), hot(true), hot(true), hot(true))
	calls := make([]*call, 200)
	for i := range calls {
		calls[i] = m.best(fmt.Sprintf("r%d", i), 1)
	}
	mustPlan(t, m, calls...)
	for _, w := range m.wallets {
		if w.Nonce != 25 {
			t.Errorf("wallet %d gave %d, want 25", w.ID, w.Nonce)
		}
	}
}

func TestABurstOverFreedNoncesIsSpreadByTurns(t *testing.T) {
	m := newModel(hot(true), hot(true), hot(true), hot(true))
	for id := range int64(4) {
		mustPlan(t, m, m.plain(id+1, fmt.Sprintf("before-%d", id), 10))
	}
	m.now = m.now.Add(time.Hour) // all expired: the cursors do not move while these are given again
	calls := make([]*call, 40)
	for i := range calls {
		calls[i] = m.best(fmt.Sprintf("r%d", i), 1)
	}
	mustPlan(t, m, calls...)
	for _, w := range m.wallets {
		if w.Nonce != 10 {
			t.Errorf("wallet %d moved its cursor to %d", w.ID, w.Nonce)
		}
	}
}
