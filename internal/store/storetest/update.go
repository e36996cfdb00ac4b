package storetest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"coffer.internal/internal/store"
)

func testUpdate(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"a context that ends as a transaction begins leaves nothing behind": func(w *world) {
			for i := range 500 {
				ctx, cancel := context.WithCancel(w.ctx)
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					for range i * 20 { // a little later each time
						runtime.Gosched()
					}
					cancel()
				}()
				_ = w.db.Update(ctx, func(store.Tx) error { return nil })
				_ = w.db.View(ctx, func(store.Reader) error { return nil })
				<-ended
			}
			for range 8 { // on each of its connections
				w.update(func(tx store.Tx) error { return tx.Record(w.ctx, []store.AuditRow{{Result: store.ResultDone}}) })
				w.now()
			}
		},

		"an error of the function rolls back and is returned as it is": func(w *world) {
			mine := errors.New("mine")
			err := w.db.Update(w.ctx, func(tx store.Tx) error {
				if _, err := tx.AddWallet(w.ctx, hot("0xa")); err != nil {
					return err
				}
				return mine
			})
			if err != mine { //nolint:errorlint // as it is, not wrapped
				w.Errorf("Update = %v", err)
			}
			w.noWallets()
		},

		"a panic of the function rolls back and leaves the database usable": func(w *world) {
			func() {
				defer func() { _ = recover() }()
				_ = w.db.Update(w.ctx, func(tx store.Tx) error {
					if _, err := tx.AddWallet(w.ctx, hot("0xa")); err != nil {
						return err
					}
					panic("in the middle")
				})
				w.Error("the panic was swallowed")
			}()
			w.noWallets()
			w.hot()
		},

		"after a method's error the transaction can only be given up": func(w *world) {
			err := w.db.Update(w.ctx, func(tx store.Tx) error {
				if _, err := tx.AddWallet(w.ctx, hot("0xa")); err != nil {
					return err
				}
				if err := tx.SetActive(w.ctx, 4711, true); !errors.Is(err, store.ErrStale) {
					w.Errorf("SetActive = %v", err)
				}
				return nil
			})
			if err == nil {
				w.Error("a half transaction was committed")
			}
			w.noWallets()
		},

		"a context that ends before the commit writes nothing": func(w *world) {
			ctx, cancel := context.WithCancel(w.ctx)
			err := w.db.Update(ctx, func(tx store.Tx) error {
				_, err := tx.AddWallet(ctx, hot("0xa"))
				cancel()
				return err
			})
			if !errors.Is(err, context.Canceled) {
				w.Errorf("Update = %v", err)
			}
			w.noWallets()
		},

		"a context that has ended runs nothing": func(w *world) {
			ctx, cancel := context.WithCancel(w.ctx)
			cancel()
			err := w.db.Update(ctx, func(store.Tx) error { w.Error("it ran"); return nil })
			if !errors.Is(err, context.Canceled) {
				w.Errorf("Update = %v", err)
			}
		},

		"a conflict is tried four times in all and then reported": func(w *world) {
			n := w.reserve(w.hot().ID, "r", w.future())
			tries := 0
			w.updateFails(func(tx store.Tx) error {
				tries++
				return tx.Reserve(w.ctx, store.ReservePlan{
					Requests: []store.Request{{ID: "r", Kind: store.KindReservation, Content: "other", WalletID: n.WalletID, Count: 1}},
					Audit:    []store.AuditRow{{Actor: "a", Action: "nonce.reserve", Subject: "s", Result: store.ResultDone}},
				})
			}, store.ErrConflict)
			if tries != store.MaxTries {
				w.Errorf("the function ran %d times, not %d", tries, store.MaxTries)
			}
			if rows := w.audit(store.AuditFilter{}); len(rows) != 0 {
				w.Errorf("a conflict left %d audit rows", len(rows))
			}
		},

		"a conflict that goes away is not seen": func(w *world) {
			n := w.reserve(w.hot().ID, "r", w.future())
			tries := 0
			w.update(func(tx store.Tx) error {
				id := "r"
				if tries++; tries == 3 {
					id = "other"
				}
				return tx.Reserve(w.ctx, store.ReservePlan{
					Requests: []store.Request{{ID: id, Kind: store.KindReservation, Content: "other", WalletID: n.WalletID, Count: 1}},
				})
			})
			if tries != 3 {
				w.Errorf("the function ran %d times", tries)
			}
		},

		"many goroutines lose no update": func(w *world) {
			const callers, each = 16, 10
			id := w.hot().ID
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for range each {
						if _, err := increment(w.ctx, w.db, id); err != nil {
							w.Errorf("increment: %v", err)
						}
					}
				})
			}
			wg.Wait()
			if got := w.wallet(id).Nonce; got != callers*each {
				w.Errorf("the cursor is %d after %d increments", got, callers*each)
			}
		},
	})
}

// increment moves a wallet's cursor up by one under its lock and returns where it was.
func increment(ctx context.Context, db store.DB, id int64) (uint64, error) {
	var from uint64
	err := db.Update(ctx, func(tx store.Tx) error {
		ws, err := tx.LockWallets(ctx, store.WalletFilter{IDs: []int64{id}})
		if err != nil {
			return err
		}
		from = ws[0].Nonce
		return tx.MoveCursors(ctx, moves(id, from, from+1))
	})
	return from, err
}

func (w *world) noWallets() {
	w.Helper()
	found := read(w, func(r store.Reader) ([]store.Wallet, error) { return r.Wallets(w.ctx, store.WalletFilter{}) })
	if len(found) != 0 {
		w.Errorf("something was written: %+v", found)
	}
}

func testView(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"it has one snapshot, and writers do not wait for it": func(w *world) {
			id := w.hot().ID
			cursor := func(r store.Reader) uint64 {
				ws, err := r.Wallets(w.ctx, store.WalletFilter{IDs: []int64{id}})
				if err != nil || len(ws) != 1 {
					w.Fatalf("Wallets = %v, %v", ws, err)
				}
				return ws[0].Nonce
			}
			err := w.db.View(w.ctx, func(r store.Reader) error {
				first := cursor(r)
				if _, err := increment(w.ctx, w.db, id); err != nil {
					return err
				}
				if again := cursor(r); again != first {
					w.Errorf("the same View saw %d and then %d", first, again)
				}
				return nil
			})
			if err != nil {
				w.Fatal(err)
			}
			if got := w.wallet(id).Nonce; got != 1 {
				w.Errorf("the next View saw %d", got)
			}
		},

		"it goes on while another goroutine is in an Update, and sees nothing of it": func(w *world) {
			w.update(func(tx store.Tx) error {
				if _, err := tx.AddWallet(w.ctx, hot("0xa")); err != nil {
					return err
				}
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(w.noWallets)
				}
				wg.Wait()
				return nil
			})
		},

		"an error of the function is returned as it is": func(w *world) {
			mine := errors.New("mine")
			if err := w.db.View(w.ctx, func(store.Reader) error { return mine }); err != mine { //nolint:errorlint // as it is
				w.Errorf("View = %v", err)
			}
		},

		"a context that has ended is told": func(w *world) {
			ctx, cancel := context.WithCancel(w.ctx)
			cancel()
			err := w.db.View(ctx, func(r store.Reader) error { _, err := r.Wallets(ctx, store.WalletFilter{}); return err })
			if !errors.Is(err, context.Canceled) {
				w.Errorf("View = %v", err)
			}
		},
	})
}
