package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

// actor is who writes in the handles of a Harness that sets it.
const actor = "me@here 1"

func (w *world) events(f store.EventFilter) []store.Event {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Event, error) { return r.Events(w.ctx, f) })
}

// settled reads the settled events until there are n of them: on a server that others use too, that may take a moment.
func (w *world) settled(f store.EventFilter, n int) []store.Event {
	w.Helper()
	f.Settled = true
	deadline := time.Now().Add(30 * time.Second)
	for {
		got := w.events(f)
		if len(got) >= n || time.Now().After(deadline) {
			return got
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// brief is an event in one line.
func brief(e store.Event) string {
	line := fmt.Sprintf("%s %s>%s", e.Subject, e.From, e.To)
	for _, more := range []string{e.Outcome, e.Detail, e.Purpose, e.Address, e.Hash} {
		if more != "" {
			line += " " + more
		}
	}
	if e.Nonce != nil {
		line += fmt.Sprintf(" #%d", *e.Nonce)
	}
	return line
}

func briefs(es []store.Event) []string {
	var lines []string
	for _, e := range es {
		lines = append(lines, brief(e))
	}
	return lines
}

func (w *world) moveWithdrawal(m store.WithdrawalMove) {
	w.Helper()
	w.update(func(tx store.Tx) error { return tx.MoveWithdrawals(w.ctx, []store.WithdrawalMove{m}) })
}

// pay takes a withdrawal from its acceptance to its end.
func (w *world) pay(payment string) (wallet store.Wallet, attempt int64) {
	w.Helper()
	wallet = w.hot()
	w.withdraw(payment)
	w.moveWithdrawal(store.WithdrawalMove{Payment: payment, From: store.WithdrawalQueued, To: store.WithdrawalQueued, Reason: "no room"})
	attempt = w.ask(w.give(wallet.ID, payment, w.future(), nil, []string{payment}))
	w.move(attempt, store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined)
	w.update(func(tx store.Tx) error {
		if err := tx.MoveAttempts(w.ctx, []store.AttemptMove{{ID: attempt, From: store.AttemptMined, To: store.AttemptFinal}}); err != nil {
			return err
		}
		return tx.MoveWithdrawals(w.ctx, []store.WithdrawalMove{
			{Payment: payment, From: store.WithdrawalAssigned, To: store.WithdrawalEnded, Outcome: store.OutcomePaid},
		})
	})
	return wallet, attempt
}

func testEvents(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"each change of a payment and its attempts is an event, in order, with who and when": func(w *world) {
			before := w.now()
			wallet, attempt := w.pay("p")
			got := w.events(store.EventFilter{Payments: []string{"p"}})
			hash := fmt.Sprintf("0xhash%d", attempt)
			at := " " + wallet.Address
			w.same("events", []string{
				"withdrawal >queued",
				"withdrawal queued>queued no room",
				"withdrawal queued>assigned" + at + " #0",
				"attempt >asked payment" + at + " #0",
				"attempt asked>signed payment" + at + " " + hash + " #0",
				"attempt signed>sent payment" + at + " " + hash + " #0",
				"attempt sent>mined payment" + at + " " + hash + " #0",
				"attempt mined>final payment" + at + " " + hash + " #0",
				"withdrawal assigned>ended paid" + at + " " + hash + " #0",
			}, briefs(got))
			for i, e := range got {
				if e.Actor != actor || e.At.Before(before) || e.ChainType != "evm" || e.ChainID != 31337 || e.Payment != "p" ||
					e.Cursor == "" || (i > 0 && (e.ID <= got[i-1].ID || e.At.Before(got[i-1].At))) ||
					(e.Attempt == attempt) != (e.Subject == store.SubjectAttempt) {
					w.Errorf("event: %+v", e)
				}
			}
		},

		"an event says who wrote, whoever wrote before": func(w *world) {
			w.withdraw("a")
			if err := w.exec("UPDATE withdrawals SET reason = 'by hand'"); err != nil {
				w.Fatal(err)
			}
			w.moveWithdrawal(store.WithdrawalMove{Payment: "a", From: store.WithdrawalQueued, To: store.WithdrawalQueued, Reason: "by coffer"})
			got := w.events(store.EventFilter{})
			if len(got) != 3 || got[0].Actor != actor || got[1].Detail != "by hand" || got[2].Actor != actor {
				w.Errorf("events: %+v", got)
			}
		},

		"a note is an event, another time is none": func(w *world) {
			n := w.assign(w.hot().ID, "p", w.future())
			id := w.ask(n)
			w.move(id, store.AttemptAsked, store.AttemptSigned, store.AttemptSent)
			f := store.EventFilter{Subjects: []string{store.SubjectAttempt}}
			before := len(w.events(f))
			again := func(note string) {
				w.update(func(tx store.Tx) error {
					return tx.MoveAttempts(w.ctx, []store.AttemptMove{{ID: id, From: store.AttemptSent, To: store.AttemptSent, Note: note}})
				})
			}
			again("")
			again("unknown: no answer")
			again("unknown: no answer")
			again("")
			got := w.events(f)[before:]
			w.same("events", []string{"sent>sent unknown: no answer", "sent>sent "},
				[]string{got[0].From + ">" + got[0].To + " " + got[0].Detail, got[1].From + ">" + got[1].To + " " + got[1].Detail})
			w.same("how many", 2, len(got))
			w.moveWithdrawal(store.WithdrawalMove{Payment: "p", From: store.WithdrawalAssigned, To: store.WithdrawalAssigned})
			w.same("of the withdrawal", 2, len(w.events(store.EventFilter{Subjects: []string{store.SubjectWithdrawal}})))
		},

		"a refused payment's event has the nonce that it lost": func(w *world) {
			wallet := w.hot()
			id := w.ask(w.assign(wallet.ID, "p", w.future()))
			w.update(func(tx store.Tx) error {
				err := tx.MoveAttempts(w.ctx, []store.AttemptMove{{
					ID: id, From: store.AttemptAsked, To: store.AttemptRefused, Refusal: "permanent", Note: "no",
				}})
				if err != nil {
					return err
				}
				return tx.MoveWithdrawals(w.ctx, []store.WithdrawalMove{{
					Payment: "p", From: store.WithdrawalAssigned, To: store.WithdrawalEnded, Outcome: store.OutcomeRefused, Reason: "no",
				}})
			})
			got := w.events(store.EventFilter{})
			w.same("last", "withdrawal assigned>ended refused no "+wallet.Address+" #0", brief(got[len(got)-1]))
		},

		"a gap fill's events belong to no payment": func(w *world) {
			wallet := w.hot()
			n := w.reserve(wallet.ID, "r", w.future())
			w.move(w.ask(w.reserve(wallet.ID, "s", w.future())), store.AttemptAsked, store.AttemptSigned)
			w.release(n)
			w.asks(w.fill(w.nonce(wallet.ID, 0)))
			got := w.events(store.EventFilter{})
			last := got[len(got)-1]
			w.same("last", "attempt >asked gap_fill "+wallet.Address+" #0", brief(last))
			if last.Payment != "" || last.ChainType != "evm" || last.ChainID != 31337 {
				w.Errorf("event: %+v", last)
			}
		},

		"a filter selects": func(w *world) {
			w.pay("a")
			w.withdraw("b")
			other := newWithdrawal("c")
			other.ChainID = 101
			w.update(func(tx store.Tx) error { return tx.AddWithdrawals(w.ctx, []store.NewWithdrawal{other}) })
			chain := int64(101)
			for _, f := range []struct {
				filter store.EventFilter
				want   int
			}{
				{store.EventFilter{}, 11},
				{store.EventFilter{Limit: 3}, 3},
				{store.EventFilter{Payments: []string{"a", "b"}}, 10},
				{store.EventFilter{Payments: []string{}}, 0},
				{store.EventFilter{Subjects: []string{store.SubjectAttempt}}, 5},
				{store.EventFilter{Subjects: []string{store.SubjectWithdrawal}, Payments: []string{"a"}}, 4},
				{store.EventFilter{ChainID: &chain}, 1},
				{store.EventFilter{ChainType: "evm"}, 11},
				{store.EventFilter{ChainType: "solana"}, 0},
			} {
				w.same(fmt.Sprintf("%+v", f.filter), f.want, len(w.events(f.filter)))
			}
		},

		"who reads on after a cursor misses nothing and gets nothing twice": func(w *world) {
			w.pay("a")
			w.withdraw("b")
			all := w.settled(store.EventFilter{}, 10)
			w.same("how many", 10, len(all))
			w.same("from 0", all, w.settled(store.EventFilter{After: "0"}, 10))
			var read []store.Event
			for after := ""; ; {
				page := w.settled(store.EventFilter{After: after, Limit: 3}, 0)
				if len(page) == 0 {
					break
				}
				read, after = append(read, page...), page[len(page)-1].Cursor
			}
			w.same("by pages", all, read)
			last := all[len(all)-1].Cursor
			w.withdraw("c")
			got := w.settled(store.EventFilter{After: last}, 1)
			if len(got) != 1 || got[0].Payment != "c" {
				w.Errorf("after the last: %+v", got)
			}
		},

		"what is no cursor is refused": func(w *world) {
			w.withdraw("a")
			for _, bad := range []string{"x", "-1", "1 ", "01", "1.", ".1", "1.2.3", "99999999999999999999", "0x1"} {
				err := w.db.View(w.ctx, func(r store.Reader) error {
					_, err := r.Events(w.ctx, store.EventFilter{Settled: true, After: bad})
					return err
				})
				if !errors.Is(err, store.ErrBadCursor) {
					w.Errorf("%q: %v", bad, err)
				}
			}
		},

		"nobody changes or deletes an event": func(w *world) {
			w.pay("a")
			before := w.events(store.EventFilter{})
			for _, statement := range []string{"UPDATE events SET actor = 'somebody else'", "DELETE FROM events"} {
				if err := w.exec(statement); err == nil {
					w.Errorf("%s was done", statement)
				}
			}
			w.same("events", before, w.events(store.EventFilter{}))
		},

		"what is rolled back leaves no event": func(w *world) {
			w.updateFails(func(tx store.Tx) error {
				if err := tx.AddWithdrawals(w.ctx, []store.NewWithdrawal{newWithdrawal("a")}); err != nil {
					return err
				}
				return tx.MoveCursors(w.ctx, moves(4711, 0, 1))
			}, store.ErrStale)
			w.same("events", []store.Event(nil), w.events(store.EventFilter{}), cmpopts.EquateEmpty())
		},

		"many at once are in the order of the withdrawals": func(w *world) {
			var many []store.NewWithdrawal
			var assign []store.WithdrawalMove
			for i := range 300 {
				many = append(many, newWithdrawal(fmt.Sprintf("p%d", i)))
				assign = append(assign, store.WithdrawalMove{Payment: many[i].Payment, From: store.WithdrawalQueued, To: store.WithdrawalQueued, Reason: "r"})
			}
			w.update(func(tx store.Tx) error { return tx.AddWithdrawals(w.ctx, many) })
			w.update(func(tx store.Tx) error { return tx.MoveWithdrawals(w.ctx, assign) })
			got := w.events(store.EventFilter{})
			if len(got) != 600 {
				w.Fatalf("%d events", len(got))
			}
			for i, e := range got {
				if want := fmt.Sprintf("p%d", i%300); e.Payment != want || e.Detail != []string{"", "r"}[i/300] {
					w.Errorf("event %d: %+v", i, e)
				}
			}
		},
	})
}
