package nonce_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
)

func ptr(n uint64) *uint64 { return &n }

// sync calls Sync and returns what it said, and the error.
func (c ledgerCase) sync(l *nonce.Ledger, w store.Wallet, call nonce.SyncCall) (nonce.SyncReport, error) {
	c.Helper()
	call.Address, call.ChainID = w.Address, chainID
	return l.Sync(c.Context(), call)
}

// refusedSync expects a refusal that says all of want.
func (c ledgerCase) refusedSync(l *nonce.Ledger, w store.Wallet, call nonce.SyncCall, want ...string) {
	c.Helper()
	_, err := c.sync(l, w, call)
	if !errors.Is(err, fault.Refused) || fault.Hint(err) == "" {
		c.Errorf("sync to %d: %v, hint %q", call.To, err, fault.Hint(err))
		return
	}
	for _, s := range want {
		if !strings.Contains(err.Error(), s) {
			c.Errorf("sync to %d: %q is not in %q", call.To, s, err)
		}
	}
}

// ranges reads a wallet's external ranges as pairs.
func (c ledgerCase) ranges(w store.Wallet) [][2]uint64 {
	c.Helper()
	var out [][2]uint64
	c.view(func(r store.Reader) error {
		found, err := r.Externals(c.Context(), w.ID)
		for _, e := range found {
			out = append(out, [2]uint64{e.From, e.To})
		}
		return err
	})
	return out
}

func TestF27SyncNeverGoesBelowWhatIsInFlight(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{})
		r := c.reserve(l, w, "asked", 3)
		c.reserve(l, w, "waiting", 2)
		c.ask(w, r, 2)
		forced := nonce.SyncCall{Force: true, Reason: "a test"}

		c.refusedSync(l, w, nonce.SyncCall{To: 3}, "cursor 5", "chain not asked", "4 reserved, 1 asked", "nonce 3 by request waiting")
		for _, to := range []uint64{0, 1, 2} {
			forced.To = to
			c.refusedSync(l, w, forced, "nonce 2 was asked for, and nothing overrides that")
		}
		if got := c.reserve(l, w, "next", 1); got.Rows[0].Nonce != 5 {
			t.Fatalf("after refusals the next nonce is %d, want 5", got.Rows[0].Nonce)
		}
		forced.To = 3
		report, err := c.sync(l, w, forced)
		if err != nil {
			c.Fatal(err)
		}
		if report.Before != 6 || report.After != 3 || report.Wallet.Nonce != 3 || len(report.Dropped) != 3 || report.Dropped[0].Request != "waiting" {
			c.Errorf("report %+v", report)
		}
		if got := c.reserve(l, w, "again", 1); got.Rows[0].Nonce != 3 {
			c.Errorf("the next nonce is %d, want 3", got.Rows[0].Nonce)
		}
		rows := c.audit(store.AuditFilter{Action: "wallet.sync"})
		if len(rows) != 5 || rows[0].Result != store.ResultDone || rows[0].Reason != "a test" || rows[1].Result != store.ResultRefused {
			c.Errorf("recorded as %+v", rows)
		}
	})
}

func TestF27SyncDownwardNeedsForceThoughNothingIsInFlight(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{})
		r := c.reserve(l, w, "a", 2)
		for _, row := range r.Rows {
			if err := l.Release(c.Context(), w.Address, chainID, row.Nonce, row.Fence); err != nil {
				c.Fatal(err)
			}
		}
		c.refusedSync(l, w, nonce.SyncCall{To: 0}, "downward, nonces that were given may be given again", "cursor 2")
		report, err := c.sync(l, w, nonce.SyncCall{To: 0, Force: true, Reason: "a test"})
		if err != nil || report.Wallet.Nonce != 0 || len(c.rows(w)) != 0 {
			c.Errorf("%+v, %v", report, err)
		}
	})
}

func TestF27SyncUpwardPassesOverNothingThatIsInFlight(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{})
		r := c.reserve(l, w, "a", 2)
		c.refusedSync(l, w, nonce.SyncCall{To: 9}, "reserved: nonce 0 by request a, nonce 1 by request a")
		c.ask(w, r, 0)
		c.refusedSync(l, w, nonce.SyncCall{To: 9, Force: true, Reason: "a test"}, "nonce 0 was asked for and is not in a block")
		c.refusedSync(l, w, nonce.SyncCall{To: 9, Latest: ptr(8)}, "the nodes count 8", "cursor 2, chain 8, in flight: 1 reserved, 1 asked")

		report, err := c.sync(l, w, nonce.SyncCall{To: 9, Latest: ptr(9)})
		if err != nil {
			c.Fatal(err)
		}
		if diff := cmp.Diff([][2]uint64{{1, 8}}, c.ranges(w)); diff != "" {
			c.Errorf("external ranges (-want +got):\n%s", diff)
		}
		if len(report.Dropped) != 1 || report.Dropped[0].Nonce != 1 || report.External == nil || report.External.To != 8 {
			c.Errorf("report %+v", report)
		}
		if got := c.reserve(l, w, "b", 1); got.Rows[0].Nonce != 9 {
			c.Errorf("the next nonce is %d, want 9", got.Rows[0].Nonce)
		}
	})
}

func TestASyncUpwardWritesWhatItPassesOverAroundUsedNonces(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.elsewhere(1)
		l := c.ledger(nonce.Options{})
		r := c.reserve(l, w, "a", 5)
		hash := "0x" + strings.Repeat("1", 64)
		if err := errors.Join(
			l.Sent(c.Context(), w.Address, chainID, 2, r.Rows[2].Fence, hash),
			l.Release(c.Context(), w.Address, chainID, 0, r.Rows[0].Fence),
		); err != nil {
			c.Fatal(err)
		}
		report, err := c.sync(l, w, nonce.SyncCall{To: 7, Force: true, Reason: "signed by hand"})
		if err != nil {
			c.Fatal(err)
		}
		if diff := cmp.Diff([][2]uint64{{0, 1}, {3, 6}}, c.ranges(w)); diff != "" {
			c.Errorf("external ranges (-want +got):\n%s", diff)
		}
		if len(report.Externals) != 2 || report.Externals[0].Evidence != "operator" || report.Externals[0].Reason != "signed by hand" {
			c.Errorf("report %+v", report)
		}
		info, err := l.Info(c.Context(), w.Address, chainID)
		if err != nil || info.Wallet.Nonce != 7 || info.Load.Reserved != 0 || info.Load.Free != 0 || len(info.Externals) != 2 {
			c.Errorf("info %+v, %v", info, err)
		}
	})
}

func TestASyncToTheSameNumberChangesNothing(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{})
		c.reserve(l, w, "a", 2)
		report, err := c.sync(l, w, nonce.SyncCall{To: 2})
		if err != nil || !report.Same || report.Wallet.Nonce != 2 || report.Load.Reserved != 2 {
			c.Errorf("%+v, %v", report, err)
		}
		if rows := c.audit(store.AuditFilter{Action: "wallet.sync"}); len(rows) != 0 {
			c.Errorf("nothing happened, but it is recorded: %+v", rows)
		}
	})
}

func TestTheChainEndsReservationsWhoseKeyIsElsewhere(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.elsewhere(1)
		l := c.ledger(nonce.Options{})
		c.reserve(l, w, "a", 2)
		report, err := c.sync(l, w, nonce.SyncCall{To: 2, Latest: ptr(2)})
		if err != nil || report.Same || len(report.Dropped) != 2 {
			c.Errorf("%+v, %v", report, err)
		}
		if got := c.reserve(l, w, "b", 1); got.Rows[0].Nonce != 2 {
			c.Errorf("the next nonce is %d, want 2", got.Rows[0].Nonce)
		}
	})
}

func TestABadSyncIsRefusedBeforeAnythingIsRead(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{})
		for _, call := range []nonce.SyncCall{{To: nonce.MaxCursor + 1}, {To: 1, Force: true}} {
			if _, err := c.sync(l, w, call); !errors.Is(err, fault.Usage) || fault.Hint(err) == "" {
				c.Errorf("%+v: %v", call, err)
			}
		}
		_, err := c.sync(l, store.Wallet{Address: address(9)}, nonce.SyncCall{To: 1})
		if !errors.Is(err, fault.NotFound) {
			c.Errorf("no such wallet: %v", err)
		}
	})
}
