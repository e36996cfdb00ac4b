package nonce_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
)

func TestF28TheFirstNonceOfAFreshWalletIsZero(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		r := c.reserve(c.ledger(nonce.Options{}), w, "first", 1)
		if r.Rows[0].Nonce != 0 || r.Rows[0].Fence != 1 || r.Wallet.Nonce != 1 || r.Again {
			c.Errorf("got %+v", r)
		}
		if r.Rows[0].ExpiresAt.IsZero() {
			c.Error("a reservation on a wallet that a signing machine signs for must expire")
		}
	})
}

func TestF23TheSameRequestGetsTheSameAnswer(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{})
		first := c.reserve(l, w, "order-1", 3)
		c.reserve(l, w, "order-2", 1)
		again := c.reserve(c.ledger(nonce.Options{DB: c.open()}), w, "order-1", 3)
		if diff := cmp.Diff(first.Rows, again.Rows); diff != "" || !again.Again {
			c.Errorf("again = %v (-first +again):\n%s", again.Again, diff)
		}
		if first.Rows[1].Payment != "order-1#1" {
			c.Errorf("payment id %q", first.Rows[1].Payment)
		}
		if rows := c.rows(w); len(rows) != 4 {
			c.Errorf("%d rows, want 4", len(rows))
		}

		_, err := l.Reserve(c.Context(), nonce.Call{Address: w.Address, ChainID: chainID, Request: "order-1", Count: 2})
		want := fmt.Sprintf("request order-1 is a reservation already: %q; asked for now: %q",
			"reserve evm:1337 "+w.Address+" ×3", "reserve evm:1337 "+w.Address+" ×2")
		if !errors.Is(err, fault.Refused) || err.Error() != want {
			c.Errorf("other content: %v", err)
		}
	})
}

func TestF03TwoProcessesPreparingOneRequestGetOneNonce(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		for i := 1; i <= 4; i++ {
			c.hot(i)
		}
		ledgers := []*nonce.Ledger{c.ledger(nonce.Options{}), c.ledger(nonce.Options{DB: c.open()})}
		const requests = 20
		got := make([][requests]nonce.Reservation, len(ledgers))
		var wg sync.WaitGroup
		for i, l := range ledgers {
			for k := range requests {
				wg.Go(func() {
					r, err := l.ReserveBest(c.Context(), nonce.BestCall{ChainType: "evm", ChainID: chainID, Request: fmt.Sprint("r", k)})
					if err != nil {
						c.Errorf("r%d: %v", k, err)
						return
					}
					got[i][k] = r
				})
			}
		}
		wg.Wait()
		for k := range requests {
			a, b := got[0][k], got[1][k]
			if a.Wallet.ID != b.Wallet.ID || !cmp.Equal(a.Rows, b.Rows) {
				c.Errorf("r%d was prepared as %+v and as %+v", k, a, b)
			}
		}
	})
}

func TestTwoHundredCallersOverEightEqualWalletsGetTwentyFiveEach(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		for i := 1; i <= 8; i++ {
			c.hot(i)
		}
		l := c.ledger(nonce.Options{Devices: func(context.Context) ([]string, error) { return []string{"machine-1"}, nil }})
		c.burst(l)
	})
}

// burst has 200 callers at once be given a nonce of the best of eight wallets: 25 of each.
func (c ledgerCase) burst(l *nonce.Ledger) {
	c.Helper()
	var mu sync.Mutex
	each := map[string]int{}
	var wg sync.WaitGroup
	for k := range 200 {
		wg.Go(func() {
			r, err := c.best(l, fmt.Sprint("r", k))
			if err != nil {
				c.Errorf("r%d: %v", k, err)
				return
			}
			mu.Lock()
			each[r.Wallet.Address]++
			mu.Unlock()
		})
	}
	wg.Wait()
	for i := 1; i <= 8; i++ {
		if n := each[address(i)]; n != 25 {
			c.Errorf("wallet %d got %d of 200, want 25", i, n)
		}
	}
}

func TestABadCallerFailsAloneAndIsRecorded(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		asleep := c.hot(2)
		c.update(func(tx store.Tx) error { return tx.SetActive(c.Context(), asleep.ID, false) })
		l := c.ledger(nonce.Options{})
		calls := []struct {
			call nonce.Call
			kind error
		}{
			{nonce.Call{Address: w.Address, Request: "good-1"}, nil},
			{nonce.Call{Address: address(9), Request: "missing"}, fault.NotFound},
			{nonce.Call{Address: asleep.Address, Request: "asleep"}, fault.Refused},
			{nonce.Call{Address: w.Address, Request: "many", Count: 10_001}, fault.Usage},
			{nonce.Call{Address: w.Address, Request: "no spaces"}, fault.Usage},
			{nonce.Call{Address: w.Address, Request: "good-2"}, nil},
		}
		var wg sync.WaitGroup
		for _, x := range calls {
			wg.Go(func() {
				x.call.ChainID = chainID
				if _, err := l.Reserve(c.Context(), x.call); !errors.Is(err, x.kind) {
					c.Errorf("%s: %v, want %v", x.call.Request, err, x.kind)
				}
			})
		}
		wg.Wait()
		if rows := c.rows(w); len(rows) != 2 {
			c.Errorf("%d rows, want the two good ones", len(rows))
		}
		for _, request := range []string{"missing", "asleep"} {
			rows := c.audit(store.AuditFilter{Action: "nonce.reserve", Subject: request})
			if len(rows) != 1 || rows[0].Result != store.ResultRefused || rows[0].Reason == "" || rows[0].Actor != "tester" {
				c.Errorf("%s is recorded as %+v", request, rows)
			}
		}
	})
}

func TestABatchIsOneAuditRowWithItsRanges(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		c.reserve(c.ledger(nonce.Options{}), w, "order-1", 3)
		rows := c.audit(store.AuditFilter{Action: "nonce.reserve"})
		if len(rows) != 1 || rows[0].After != "3 nonces: evm:1337 "+w.Address+": 0..2" || rows[0].Subject != "order-1" {
			c.Errorf("recorded as %+v", rows)
		}
		c.reserve(c.ledger(nonce.Options{}), w, "order-1", 3)
		if n := len(c.audit(store.AuditFilter{Action: "nonce.reserve"})); n != 1 {
			c.Errorf("the same answer again was recorded: %d rows", n)
		}
	})
}

func TestASignerThatDoesNotAnswerStopsChoosingButNotRepeating(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		c.hot(1)
		best := nonce.BestCall{ChainType: "evm", ChainID: chainID, Request: "a"}
		first, err := c.ledger(nonce.Options{}).ReserveBest(c.Context(), best)
		if err != nil {
			c.Fatal(err)
		}
		l := c.ledger(nonce.Options{Devices: func(context.Context) ([]string, error) { return nil, errors.New("no such socket") }})
		again, err := l.ReserveBest(c.Context(), best)
		if err != nil || !cmp.Equal(first.Rows, again.Rows) {
			c.Errorf("the same request: %+v, %v", again, err)
		}
		best.Request = "b"
		if _, err := l.ReserveBest(c.Context(), best); !errors.Is(err, fault.Unreachable) {
			c.Errorf("a new request: %v", err)
		}
	})
}

func TestOnlyTheHolderOfTheFenceGivesANonceBack(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{})
		r := c.reserve(l, w, "a", 2)
		for range 2 { // said twice it is done
			if err := l.Release(c.Context(), w.Address, chainID, 0, r.Rows[0].Fence); err != nil {
				c.Fatal(err)
			}
		}
		if got := c.reserve(l, w, "b", 1); got.Rows[0].Nonce != 0 || got.Rows[0].Fence != 2 {
			c.Errorf("b got %+v, want nonce 0 with fence 2", got.Rows[0])
		}
		err := l.Release(c.Context(), w.Address, chainID, 0, r.Rows[0].Fence)
		want := "fence 1 does not hold nonce 0 of wallet " + w.Address + " on evm:1337: nonce 0 is reserved by request b with fence 2"
		if !errors.Is(err, fault.Refused) || err.Error() != want {
			c.Errorf("the old holder: %v", err)
		}
		if got := c.reserve(l, w, "a", 2); got.Again || !cmp.Equal(numbers(got), []uint64{2, 1}) {
			c.Errorf("a has nonce 1 still and gets another for row 0: %+v", got)
		}
		done := c.audit(store.AuditFilter{Action: "nonce.release"})
		if len(done) != 2 || done[0].Result != store.ResultRefused || done[1].Result != store.ResultDone {
			c.Errorf("recorded as %+v", done)
		}
	})
}

func TestANonceSentElsewhereIsUsed(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w, ours := c.elsewhere(1), c.hot(2)
		l := c.ledger(nonce.Options{})
		r := c.reserve(l, w, "a", 1)
		hash := "0x" + strings.Repeat("AB", 32)
		for range 2 {
			if err := l.Sent(c.Context(), w.Address, chainID, 0, r.Rows[0].Fence, hash); err != nil {
				c.Fatal(err)
			}
		}
		n := c.rows(w)[0]
		if n.State != store.NonceUsed || n.Hash != strings.ToLower(hash) || n.Request != "a" {
			c.Errorf("the row is %+v", n)
		}
		if err := l.Release(c.Context(), w.Address, chainID, 0, 1); !errors.Is(err, fault.Refused) {
			c.Errorf("giving back a used nonce: %v", err)
		}
		if err := l.Sent(c.Context(), w.Address, chainID, 0, 1, "0x1234"); !errors.Is(err, fault.Usage) {
			c.Errorf("a bad hash: %v", err)
		}
		c.reserve(l, ours, "b", 1)
		if err := l.Sent(c.Context(), ours.Address, chainID, 0, 1, hash); !errors.Is(err, fault.Refused) {
			c.Errorf("a wallet that coffer signs for: %v", err)
		}
		if got := c.reserve(l, w, "a", 1); !got.Again || got.Rows[0].Nonce != 0 {
			c.Errorf("the request still has its nonce: %+v", got)
		}
	})
}

func TestAnExpiredReservationGoesToTheNextCaller(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w, other := c.hot(1), c.elsewhere(2)
		l := c.ledger(nonce.Options{TTL: 100 * time.Millisecond})
		c.reserve(l, w, "a", 2)
		c.reserve(l, other, "b", 2)
		c.waitExpired(w, 2)
		if got := c.reserve(l, w, "c", 3); !cmp.Equal(numbers(got), []uint64{0, 1, 2}) || got.Rows[0].Fence != 2 {
			c.Errorf("c got %+v, want the two expired and the next", got)
		}
		if got := c.reserve(l, other, "d", 1); got.Rows[0].Nonce != 2 || !got.Rows[0].ExpiresAt.IsZero() {
			c.Errorf("where the key is elsewhere nothing expires: d got %+v", got)
		}
	})
}

// waitExpired waits until n reservations of the wallet have run out by the store's own clock.
func (c ledgerCase) waitExpired(w store.Wallet, n int) {
	c.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		var free int
		c.view(func(r store.Reader) error {
			loads, err := r.Loads(c.Context(), []int64{w.ID})
			if err == nil {
				free = loads[0].Free
			}
			return err
		})
		if free == n {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			c.Fatalf("%d of %d reservations expired", free, n)
		}
	}
}
