package nonce_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
)

// agreed is a count that all nodes agree on.
func agreed(latest uint64) nonce.HealthCount {
	return nonce.HealthCount{Latest: latest, Highest: latest, Pending: latest, Agreed: true}
}

// health judges one wallet.
func (c ledgerCase) health(l *nonce.Ledger, w store.Wallet, count nonce.HealthCount) nonce.Health {
	c.Helper()
	all, err := l.Health(c.Context(), []nonce.HealthCall{{Wallet: wallet.FromRow(w), Count: count}})
	if err != nil {
		c.Fatal(err)
	}
	return all[0]
}

func (c ledgerCase) sign(attempt int64) {
	c.Helper()
	c.update(func(tx store.Tx) error {
		return tx.MoveAttempts(c.Context(), []store.AttemptMove{{
			ID: attempt, From: store.AttemptAsked, To: store.AttemptSigned, Raw: []byte{1}, Hash: fmt.Sprintf("0x%d", attempt),
		}})
	})
}

func TestHealthFollowsAWalletThroughItsLife(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{})
		expect := func(latest uint64, verdict nonce.HealthVerdict, ranges string, inFlight int) {
			c.Helper()
			h := c.health(l, w, agreed(latest))
			if h.Verdict != verdict || h.Ranges() != ranges || h.InFlight != inFlight {
				c.Errorf("the chain counts %d: %s about %q with %d in flight, want %s about %q with %d", latest, h.Verdict, h.Ranges(), h.InFlight, verdict, ranges, inFlight)
			}
		}
		expect(0, nonce.Healthy, "", 0)
		expect(2, nonce.BehindChain, "0..1", 0)
		r := c.reserve(l, w, "a", 3)
		expect(0, nonce.InFlight, "0..2", 0)
		expect(1, nonce.BehindChain, "0", 0) // spent though nobody was asked to sign it
		asked := c.ask(w, r, 1)
		expect(0, nonce.InFlight, "0..2", 1)
		if err := l.Release(c.Context(), w.Address, chainID, 0, r.Rows[0].Fence); err != nil {
			c.Fatal(err)
		}
		expect(0, nonce.GapOpen, "0", 1)
		c.sign(asked)
		expect(0, nonce.GapBelowSigned, "0", 1)
		c.reserve(l, w, "b", 1) // takes the gap
		expect(0, nonce.InFlight, "0..2", 1)
		if _, err := c.sync(l, w, nonce.SyncCall{To: 9, Force: true, Reason: "a test", Latest: ptr(9)}); err != nil {
			c.Fatal(err)
		}
		expect(3, nonce.AheadOfChain, "3..8", 1)
		expect(9, nonce.InFlight, "", 1) // until its own attempt is final
		if rows := c.audit(store.AuditFilter{Action: "wallet.health"}); len(rows) != 0 {
			c.Errorf("asking is recorded: %+v", rows)
		}
	})
}

func TestAnExpiredReservationCountsAsFreeOnlyWhereTheKeyIsHere(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		here, elsewhere := c.hot(1), c.elsewhere(2)
		l := c.ledger(nonce.Options{TTL: time.Microsecond})
		c.reserve(l, here, "a", 1)
		c.reserve(l, elsewhere, "b", 1)
		if h := c.health(l, here, agreed(0)); h.Verdict != nonce.GapOpen {
			c.Errorf("a key here: %+v", h)
		}
		if h := c.health(l, elsewhere, agreed(0)); h.Verdict != nonce.InFlight {
			c.Errorf("a key elsewhere: %+v", h)
		}
		if h := c.health(l, elsewhere, agreed(1)); h.Verdict != nonce.Healthy {
			c.Errorf("a key elsewhere, and the chain has ended the reservation: %+v", h)
		}
	})
}

func TestHealthRefusesToCompareWhatCannotBeCompared(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		l := c.ledger(nonce.Options{})
		told := agreed(1)
		told.Told = true
		coin := wallet.Wallet{ID: 1, Address: "bc1", ChainType: wallet.BTC}
		if _, err := l.Health(c.Context(), []nonce.HealthCall{{Wallet: coin, Count: told}}); !errors.Is(err, fault.Refused) || fault.Hint(err) == "" {
			c.Errorf("a count of bitcoin: %v", err)
		}
		w := wallet.FromRow(c.hot(1))
		if _, err := l.Health(c.Context(), []nonce.HealthCall{{Wallet: w, Count: agreed(nonce.MaxCursor + 1)}}); !errors.Is(err, fault.Usage) {
			c.Errorf("a count that cannot be: %v", err)
		}
		w.ID = 4711
		if _, err := l.Health(c.Context(), []nonce.HealthCall{{Wallet: w, Count: agreed(0)}}); !errors.Is(err, fault.NotFound) {
			c.Errorf("no such wallet: %v", err)
		}
	})
}

// TestManyWalletsAreJudgedInSeconds is generous: the point is that it is not minutes.
func TestManyWalletsAreJudgedInSeconds(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		const wallets = 10_000
		var calls []nonce.HealthCall
		c.update(func(tx store.Tx) error {
			for i := range wallets {
				w, err := tx.AddWallet(c.Context(), store.Wallet{
					Address: address(i), ChainType: "evm", ChainID: chainID, WalletType: "vault", Active: true, Nonce: 3,
				})
				if err != nil {
					return err
				}
				calls = append(calls, nonce.HealthCall{Wallet: wallet.FromRow(w), Count: agreed(3)})
			}
			return nil
		})
		l := c.ledger(nonce.Options{})
		began := time.Now()
		all, err := l.Health(c.Context(), calls)
		took := time.Since(began)
		if err != nil || len(all) != wallets || all[wallets-1].Verdict != nonce.Healthy {
			c.Fatalf("%d judged: %v", len(all), err)
		}
		if c.Logf("%v", took); took > time.Minute {
			c.Errorf("%d wallets took %v", wallets, took)
		}
	})
}
