package nonce_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
)

func to(w store.Wallet, n uint64) nonce.SyncCall {
	return nonce.SyncCall{Address: w.Address, ChainID: w.ChainID, To: n}
}

// cursors reads the wallets' cursors.
func (c ledgerCase) cursors(ws ...store.Wallet) []uint64 {
	c.Helper()
	var out []uint64
	c.view(func(r store.Reader) error {
		for _, w := range ws {
			found, err := r.Wallets(c.Context(), store.WalletFilter{IDs: []int64{w.ID}})
			if err != nil {
				return err
			}
			out = append(out, found[0].Nonce)
		}
		return nil
	})
	return out
}

// verdicts are the rows of a report, in short.
func verdicts(r nonce.BatchReport) []nonce.BatchVerdict {
	var out []nonce.BatchVerdict
	for _, row := range r.Rows {
		out = append(out, row.Verdict)
	}
	return out
}

func TestABatchIsAppliedWhole(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		a, b, same := c.hot(1), c.hot(2), c.hot(3)
		l := c.ledger(nonce.Options{})
		r := c.reserve(l, b, "r", 2)
		if err := l.Release(c.Context(), b.Address, chainID, 0, r.Rows[0].Fence); err != nil {
			c.Fatal(err)
		}
		forced := to(b, 7)
		forced.Force, forced.Reason = true, "ticket 812"
		report, err := l.SyncBatch(c.Context(), []nonce.SyncCall{forced, to(same, 0), to(a, 5)}, false)
		if err != nil {
			c.Fatal(err)
		}
		if diff := cmp.Diff([]nonce.BatchVerdict{nonce.BatchChange, nonce.BatchSame, nonce.BatchChange}, verdicts(report)); diff != "" {
			c.Errorf("verdicts (-want +got):\n%s", diff)
		}
		row := report.Rows[0]
		if !report.Applied || report.Change != 2 || report.Same != 1 || row.Before != 2 || row.After != 7 || row.Wallet.Nonce != 7 ||
			len(row.Dropped) != 1 || row.Dropped[0].Request != "r" {
			c.Errorf("report %+v", report)
		}
		if diff := cmp.Diff([]uint64{5, 7, 0}, c.cursors(a, b, same)); diff != "" {
			c.Errorf("cursors (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([][2]uint64{{0, 6}}, c.ranges(b)); diff != "" {
			c.Errorf("external ranges (-want +got):\n%s", diff)
		}
		var recorded []string
		for _, row := range c.audit(store.AuditFilter{Action: "wallet.sync"}) {
			recorded = append(recorded, strings.Join([]string{row.Subject, row.Before, row.After, row.Result, row.Reason}, " | "))
		}
		want := []string{
			"evm 1337 " + b.Address + " | cursor 2 | cursor 7; external 0..6; ended: reserved: nonce 1 by request r; forced | done | ticket 812",
			"evm 1337 " + a.Address + " | cursor 0 | cursor 5; external 0..4 | done | ",
		}
		if diff := cmp.Diff(want, recorded); diff != "" {
			c.Errorf("recorded (-want +got):\n%s", diff)
		}
	})
}

func TestABatchWithARefusedRowChangesNothing(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		a, busy := c.hot(1), c.hot(2)
		l := c.ledger(nonce.Options{})
		c.ask(busy, c.reserve(l, busy, "r", 2), 1)
		calls := []nonce.SyncCall{to(a, 5), to(busy, 1), to(store.Wallet{Address: address(9), ChainID: chainID}, 1), {Address: "secret words", ChainID: chainID}}
		for _, dryRun := range []bool{true, false} {
			report, err := l.SyncBatch(c.Context(), calls, dryRun)
			if !errors.Is(err, fault.Refused) || fault.Exit(err) != 4 || fault.Hint(err) == "" || !strings.Contains(err.Error(), "3 of 4 rows are refused; row 2") {
				c.Errorf("dry run %v: %v, hint %q", dryRun, err, fault.Hint(err))
			}
			want := []nonce.BatchVerdict{nonce.BatchChange, nonce.BatchRefused, nonce.BatchRefused, nonce.BatchRefused}
			if diff := cmp.Diff(want, verdicts(report)); diff != "" || report.Applied {
				c.Errorf("verdicts (-want +got):\n%s", diff)
			}
			if why := report.Rows[1].Err; !strings.Contains(why.Error(), "nonce 1 was asked for") || !strings.Contains(why.Error(), "1 reserved, 1 asked") {
				c.Errorf("row 2: %v", why)
			}
			if !errors.Is(report.Rows[2].Err, fault.NotFound) || !errors.Is(report.Rows[3].Err, fault.Usage) {
				c.Errorf("rows 3 and 4: %v; %v", report.Rows[2].Err, report.Rows[3].Err)
			}
			if diff := cmp.Diff([]uint64{0, 2}, c.cursors(a, busy)); diff != "" {
				c.Errorf("cursors (-want +got):\n%s", diff)
			}
			recorded := c.audit(store.AuditFilter{Action: "wallet.sync"})
			if dryRun && len(recorded) != 0 {
				c.Errorf("a dry run is recorded: %+v", recorded)
			}
			if dryRun {
				continue
			}
			if len(recorded) != 2 || recorded[0].Result != store.ResultRefused || recorded[1].Result != store.ResultRefused ||
				recorded[1].Subject != "evm 1337 "+busy.Address || recorded[0].Subject != "evm 1337 "+address(9) {
				c.Errorf("recorded %+v", recorded)
			}
		}
	})
}

func TestAWalletTwiceInABatchIsRefused(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		a := c.hot(1)
		l := c.ledger(nonce.Options{})
		spelled := to(a, 9)
		spelled.Address = strings.Replace(a.Address, "0x", "0X", 1)
		report, err := l.SyncBatch(c.Context(), []nonce.SyncCall{to(a, 5), spelled}, false)
		if !errors.Is(err, fault.Refused) || report.Refused != 1 || report.Rows[1].Verdict != nonce.BatchRefused ||
			!strings.Contains(err.Error(), "row 2 is about the wallet of row 1") {
			c.Errorf("%v, %+v", err, report)
		}
		if got := c.cursors(a); got[0] != 0 {
			c.Errorf("cursor %d", got[0])
		}
	})
}

func TestADryRunOfABatchWritesNothing(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		a := c.hot(1)
		report, err := c.ledger(nonce.Options{}).SyncBatch(c.Context(), []nonce.SyncCall{to(a, 5)}, true)
		if err != nil || report.Applied || report.Change != 1 || report.Rows[0].Before != 0 || report.Rows[0].After != 5 || report.Rows[0].Wallet.Nonce != 0 {
			c.Errorf("%+v, %v", report, err)
		}
		if got := c.cursors(a); got[0] != 0 || len(c.audit(store.AuditFilter{})) != 0 {
			c.Errorf("cursor %d, recorded %+v", got[0], c.audit(store.AuditFilter{}))
		}
	})
}

func TestABatchIsAboutTheWalletsOfItsChainsAlone(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		a := c.hot(1)
		elsewhere := a
		elsewhere.ChainID = 1
		c.update(func(tx store.Tx) (err error) {
			elsewhere, err = tx.AddWallet(c.Context(), elsewhere)
			return err
		})
		report, err := c.ledger(nonce.Options{}).SyncBatch(c.Context(), []nonce.SyncCall{to(elsewhere, 3)}, false)
		if err != nil || report.Rows[0].Wallet.ChainID != 1 {
			c.Errorf("%+v, %v", report, err)
		}
		if diff := cmp.Diff([]uint64{0, 3}, c.cursors(a, elsewhere)); diff != "" {
			c.Errorf("cursors (-want +got):\n%s", diff)
		}
	})
}

// TestManyWalletsAreSyncedInSeconds is generous: the point is that it is not minutes.
func TestManyWalletsAreSyncedInSeconds(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		const wallets = 10_000
		var calls []nonce.SyncCall
		c.update(func(tx store.Tx) error {
			for i := range wallets {
				w := store.Wallet{Address: address(i), ChainType: "evm", ChainID: chainID, WalletType: "vault", Active: true}
				if _, err := tx.AddWallet(c.Context(), w); err != nil {
					return err
				}
				calls = append(calls, to(w, uint64(i)))
			}
			return nil
		})
		began := time.Now()
		report, err := c.ledger(nonce.Options{}).SyncBatch(c.Context(), calls, false)
		took := time.Since(began)
		if err != nil || report.Change != wallets-1 || report.Same != 1 {
			c.Fatalf("%d changed: %v", report.Change, err)
		}
		if c.Logf("%v", took); took > time.Minute {
			c.Errorf("%d wallets took %v", wallets, took)
		}
	})
}

// asCounted syncs a wallet to what the nodes count.
func (c ledgerCase) asCounted(l *nonce.Ledger, w store.Wallet, count uint64) nonce.SyncReport {
	c.Helper()
	report, err := c.sync(l, w, nonce.SyncCall{To: count, FromChain: true})
	if err != nil {
		c.Fatalf("the nodes count %d: %v", count, err)
	}
	return report
}

func TestF12TheChainsCountOnlyRaisesAFloor(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{})
		r := c.reserve(l, w, "a", 4)
		c.ask(w, r, 1)
		if report := c.asCounted(l, w, 0); !report.Same || report.Wallet.Nonce != 4 || report.Load.Reserved != 3 {
			c.Errorf("an older count: %+v", report)
		}
		report := c.asCounted(l, w, 3)
		if report.Same || report.Before != 4 || report.After != 4 || report.Wallet.Nonce != 4 || len(report.Dropped) != 2 {
			c.Errorf("a count below the cursor: %+v", report)
		}
		if diff := cmp.Diff([][2]uint64{{0, 0}, {2, 2}}, c.ranges(w)); diff != "" {
			c.Errorf("external ranges (-want +got):\n%s", diff)
		}
		if e := report.External; e == nil || e.Evidence != "chain" || e.Reason != "sync (the nodes count 3)" {
			c.Errorf("external %+v", e)
		}
		if report := c.asCounted(l, w, 3); !report.Same {
			c.Errorf("said twice: %+v", report)
		}
		if report := c.asCounted(l, w, 9); report.Wallet.Nonce != 9 || report.Load.Unmined != 1 {
			c.Errorf("a count above the cursor: %+v", report)
		}
		if got := c.reserve(l, w, "b", 1); got.Rows[0].Nonce != 9 {
			c.Errorf("the next nonce is %d, want 9", got.Rows[0].Nonce)
		}
		rows := c.audit(store.AuditFilter{Action: "wallet.sync"})
		if len(rows) != 2 || rows[1].Before != "cursor 4" || !strings.HasSuffix(rows[1].After, "; the nodes count 3") || !strings.HasPrefix(rows[1].After, "cursor 4; external 0..0; external 2..2") {
			c.Errorf("recorded as %+v", rows)
		}
	})
}

func TestOnlyAnEVMAccountIsSyncedFromTheChain(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := store.Wallet{Address: "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin", ChainType: "solana", ChainID: 101, WalletType: "cold", Active: true}
		c.update(func(tx store.Tx) (err error) {
			w, err = tx.AddWallet(c.Context(), w)
			return err
		})
		_, err := c.ledger(nonce.Options{}).Sync(c.Context(), nonce.SyncCall{Address: w.Address, ChainID: 101, To: 5, FromChain: true})
		if !errors.Is(err, fault.Refused) || !strings.Contains(err.Error(), "no account nonce") || !strings.Contains(fault.Hint(err), "coffer sync") {
			c.Errorf("%v, hint %q", err, fault.Hint(err))
		}
		if got := c.cursors(w); got[0] != 0 {
			c.Errorf("cursor %d", got[0])
		}
	})
}

func TestBatchesAndReservationsAtOnceLoseNoNonce(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		var ws []store.Wallet
		for i := range 12 {
			ws = append(ws, c.hot(i))
		}
		l := c.ledger(nonce.Options{})
		var all errgroup.Group
		for k := range 4 { // two go through the wallets upward, two downward
			order := slices.Clone(ws)
			if k%2 == 1 {
				slices.Reverse(order)
			}
			own := c.ledger(nonce.Options{DB: c.open()})
			all.Go(func() error {
				for round := range uint64(5) {
					var calls []nonce.SyncCall
					for _, w := range order {
						call := to(w, 3*round)
						call.FromChain = true
						calls = append(calls, call)
					}
					if _, err := own.SyncBatch(c.Context(), calls, false); err != nil {
						return err
					}
				}
				return nil
			})
		}
		given := make([][]uint64, len(ws))
		for i, w := range ws {
			all.Go(func() error {
				for k := range 10 {
					r, err := l.Reserve(c.Context(), nonce.Call{Address: w.Address, ChainID: chainID, Request: fmt.Sprintf("%d-%d", i, k)})
					if err != nil {
						return err
					}
					given[i] = append(given[i], r.Rows[0].Nonce)
				}
				return nil
			})
		}
		if err := all.Wait(); err != nil {
			c.Fatal(err)
		}
		for i, w := range ws {
			slices.Sort(given[i])
			if len(slices.Compact(slices.Clone(given[i]))) != len(given[i]) {
				c.Errorf("wallet %d gave a nonce twice: %v", i, given[i])
			}
			accounted := map[uint64]bool{}
			for _, r := range c.ranges(w) {
				for n := r[0]; n <= r[1]; n++ {
					if accounted[n] {
						c.Errorf("wallet %d: nonce %d is external twice", i, n)
					}
					accounted[n] = true
				}
			}
			c.view(func(r store.Reader) error {
				rows, err := r.Nonces(c.Context(), store.NonceFilter{WalletID: w.ID})
				for _, n := range rows {
					if accounted[n.Nonce] {
						c.Errorf("wallet %d: nonce %d has a row and is external", i, n.Nonce)
					}
					accounted[n.Nonce] = true
				}
				return err
			})
			if cursor := c.cursors(w)[0]; uint64(len(accounted)) != cursor || cursor < 12 {
				c.Errorf("wallet %d: %d nonces accounted for below cursor %d", i, len(accounted), cursor)
			}
		}
	})
}
