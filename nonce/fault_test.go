package nonce_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
)

// mishap is an Update that goes wrong.
type mishap func(ctx context.Context, db store.DB, fn func(store.Tx) error) error

// broken is a database whose first commits go wrong, one after the other.
type broken struct {
	store.DB
	mu    sync.Mutex
	fails []mishap
}

func (b *broken) Update(ctx context.Context, fn func(store.Tx) error) error {
	b.mu.Lock()
	var fail mishap
	if len(b.fails) > 0 {
		fail, b.fails = b.fails[0], b.fails[1:]
	}
	b.mu.Unlock()
	if fail == nil {
		return b.DB.Update(ctx, fn)
	}
	return fail(ctx, b.DB, fn)
}

var errCrash = errors.New("the process died here")

// crash stops after everything was written and before the commit.
func crash(ctx context.Context, db store.DB, fn func(store.Tx) error) error {
	return db.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return errCrash
	})
}

// lostAnswer commits, and then the connection breaks.
func lostAnswer(ctx context.Context, db store.DB, fn func(store.Tx) error) error {
	if err := db.Update(ctx, fn); err != nil {
		return err
	}
	return fmt.Errorf("connection reset: %w", store.ErrOutcomeUnknown)
}

// lostCommit breaks before the commit arrives, but nobody can tell.
func lostCommit(ctx context.Context, db store.DB, fn func(store.Tx) error) error {
	return fmt.Errorf("%w: %w", store.ErrOutcomeUnknown, crash(ctx, db, fn))
}

// commits does it as it should be done.
func commits(ctx context.Context, db store.DB, fn func(store.Tx) error) error {
	return db.Update(ctx, fn)
}

func stale(context.Context, store.DB, func(store.Tx) error) error { return store.ErrStale }

func conflict(context.Context, store.DB, func(store.Tx) error) error { return store.ErrConflict }

func TestF01ACrashBetweenCountingANonceAndWritingWhoHasItLosesNothing(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{DB: &broken{DB: c.db, fails: []mishap{crash}}})
		if r, err := l.Reserve(c.Context(), nonce.Call{Address: w.Address, ChainID: chainID, Request: "a", Count: 2}); err == nil {
			c.Fatalf("answered %+v, though nothing is committed", r)
		}
		if rows := c.rows(w); len(rows) != 0 {
			c.Errorf("after the crash there are %d rows", len(rows))
		}
		if got := c.reserve(l, w, "b", 1); got.Rows[0].Nonce != 0 {
			c.Errorf("the next caller got nonce %d, want 0", got.Rows[0].Nonce)
		}
		if got := c.reserve(l, w, "a", 2); got.Rows[0].Nonce != 1 {
			c.Errorf("the caller whose process died got nonce %d, want 1", got.Rows[0].Nonce)
		}
	})
}

func TestF01TheCountAndWhoHasTheNonceAreOneTransaction(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{DB: &broken{DB: c.db, fails: []mishap{commits, crash, crash}}})
		c.reserve(l, w, "a", 2) // a second transaction would crash
		if rows := c.rows(w); len(rows) != 2 || rows[1].Request != "a" {
			c.Errorf("the rows are %+v", rows)
		}
	})
}

func TestADecisionThatWasOvertakenIsMadeAnew(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{DB: &broken{DB: c.db, fails: []mishap{stale, commits, stale, stale}}})
		if r := c.reserve(l, w, "a", 1); r.Rows[0].Nonce != 0 {
			c.Errorf("got %+v", r)
		}
		_, err := l.Reserve(c.Context(), nonce.Call{Address: w.Address, ChainID: chainID, Request: "b"})
		if !errors.Is(err, fault.Conflict) || fault.Hint(err) == "" {
			c.Errorf("overtaken twice: %v, hint %q", err, fault.Hint(err))
		}
		if rows := c.rows(w); len(rows) != 1 {
			c.Errorf("%d rows", len(rows))
		}
	})
}

func TestACommitWithoutAnAnswerIsReadBack(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{DB: &broken{DB: c.db, fails: []mishap{lostAnswer, lostCommit}}})
		first := c.reserve(l, w, "a", 2)
		if first.Rows[1].Nonce != 1 || len(c.rows(w)) != 2 {
			c.Errorf("what was committed must be answered: %+v", first)
		}
		_, err := l.Reserve(c.Context(), nonce.Call{Address: w.Address, ChainID: chainID, Request: "b"})
		if !errors.Is(err, fault.Unreachable) || !errors.Is(err, store.ErrOutcomeUnknown) || fault.Hint(err) == "" {
			c.Errorf("what was not committed must not be answered: %v", err)
		}
		if got := c.reserve(l, w, "b", 1); got.Rows[0].Nonce != 2 || got.Rows[0].Fence != 1 {
			c.Errorf("asked again with the same id: %+v", got)
		}
	})
}

func TestAConflictFailsTheWholeBatchAndWritesNothing(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{DB: &broken{DB: c.db, fails: []mishap{conflict, conflict}}})
		_, err := l.Reserve(c.Context(), nonce.Call{Address: w.Address, ChainID: chainID, Request: "a"})
		if !errors.Is(err, fault.Conflict) || fault.Hint(err) == "" {
			c.Errorf("got %v, hint %q", err, fault.Hint(err))
		}
		_, err = l.Reserve(c.Context(), nonce.Call{Address: address(9), ChainID: chainID, Request: "missing"})
		if !errors.Is(err, fault.NotFound) {
			c.Errorf("a refusal that could not be recorded is still that refusal: %v", err)
		}
		if rows := c.rows(w); len(rows) != 0 {
			c.Errorf("%d rows", len(rows))
		}
	})
}

func TestACallThatEndsBeforeItsBatchWritesNothing(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		l := c.ledger(nonce.Options{})
		ctx, cancel := context.WithCancel(c.Context())
		cancel()
		if _, err := l.Reserve(ctx, nonce.Call{Address: w.Address, ChainID: chainID, Request: "a"}); err == nil {
			c.Error("an ended call was answered")
		}
		if rows := c.rows(w); len(rows) != 0 {
			c.Errorf("%d rows", len(rows))
		}
	})
}

func TestF03AWithdrawalIsBoundOnceHoweverOftenItIsPrepared(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		one, two := c.hot(1), c.hot(2)
		c.update(func(tx store.Tx) error {
			var ws []store.NewWithdrawal
			for _, id := range []string{"a", "b", "c"} {
				ws = append(ws, store.NewWithdrawal{
					Payment: id, Content: "pay " + id, ChainType: "evm", ChainID: chainID, To: address(77), Amount: "5",
				})
			}
			return tx.AddWithdrawals(c.Context(), ws)
		})
		call := nonce.BindCall{ChainType: "evm", ChainID: chainID, MaxUnmined: 1, Purses: map[int64]nonce.Purse{}}
		for _, w := range []store.Wallet{one, two} {
			call.Purses[w.ID] = nonce.Purse{Native: big.NewInt(100)}
		}
		for _, id := range []string{"a", "b", "c"} {
			call.Payments = append(call.Payments, nonce.Binding{Payment: id, Request: id, Amount: big.NewInt(5), MaxFee: big.NewInt(1)})
		}
		first, err := c.ledger(nonce.Options{}).Bind(c.Context(), call)
		if err != nil {
			c.Fatal(err)
		}
		if first[0].Err != nil || first[1].Err != nil || first[0].Wallet.ID == first[1].Wallet.ID || first[0].Row.Payment != "a" {
			c.Errorf("a and b go to a wallet each: %+v", first)
		}
		if !errors.Is(first[2].Err, fault.Unavailable) {
			c.Errorf("there is no room for c: %v", first[2].Err)
		}
		again, err := c.ledger(nonce.Options{DB: c.open()}).Bind(c.Context(), call)
		if err != nil {
			c.Fatal(err)
		}
		for i := range 2 {
			if again[i].Err != nil || again[i].Wallet.ID != first[i].Wallet.ID ||
				again[i].Row.Nonce != first[i].Row.Nonce || again[i].Row.Fence != first[i].Row.Fence {
				c.Errorf("%s was bound to %+v and to %+v", first[i].Payment, first[i], again[i])
			}
		}
		c.view(func(r store.Reader) error {
			ws, err := r.Withdrawals(c.Context(), store.WithdrawalFilter{Payments: []string{"a", "c"}})
			if err == nil && (ws[0].State != store.WithdrawalAssigned || ws[1].State != store.WithdrawalQueued) {
				c.Errorf("a is %s, c is %s", ws[0].State, ws[1].State)
			}
			return err
		})
	})
}
