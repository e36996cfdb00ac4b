package withdrawal_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/restore"
	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres"
	"coffer.internal/internal/store/postgres/pgtest"
	"coffer.internal/internal/store/postgres/pgtest/pgtables"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/nonce"
	"coffer.internal/signing"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// onRestored runs a test that puts the database of before back. backup takes it, and gives what puts it back: paused, and not examined.
func onRestored(t *testing.T, wallets int, test func(w *world, backup func() (putBack func()))) {
	t.Helper()
	if testing.Short() {
		t.Skip("one after the other: nothing for the race detector")
	}
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "coffer.db")
		open := func() store.DB {
			db, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now})
			must(t, err)
			return db
		}
		w := newWorld(t, open(), wallets)
		test(w, func() func() {
			w.must(w.db.Close())
			copied, taken := copyFiles(t, filepath.Dir(path)), time.Now()
			w.reopen(open())
			return func() {
				w.must(w.db.Close())
				copied()
				w.reopen(open())
				w.begin(taken)
			}
		})
	})
	t.Run("postgres", func(t *testing.T) {
		dsn := pgtables.DSN(t)
		open := func(dsn string) store.DB {
			db, err := postgres.Open(context.Background(), dsn, postgres.Options{PoolSize: 4})
			must(t, err)
			return db
		}
		w := newWorld(t, open(dsn), wallets)
		test(w, func() func() {
			w.must(w.db.Close())
			copied, taken := pgtest.Copy(t, dsn), time.Now()
			w.reopen(open(dsn))
			return func() {
				w.must(w.db.Close())
				w.reopen(open(copied))
				w.begin(taken)
			}
		})
	})
}

func (w *world) begin(taken time.Time) {
	w.Helper()
	w.must(w.db.Update(w.Context(), func(tx store.Tx) error {
		_, err := restore.Begin(w.Context(), tx, restore.Begun{TakenAt: taken, Digest: "abcd", Actor: "operator"})
		return err
	}))
}

// examine compares the ledger with signing machine and chain.
func (w *world) examine() restore.Report {
	w.Helper()
	r, err := restore.Examine(w.Context(), w.examination())
	w.must(err)
	return r
}

func (w *world) examination() restore.Options {
	return restore.Options{
		DB: w.db, Machine: w.journaling.(restore.Machine), Chains: []withdrawal.ChainSetup{w.setup}, Inbox: w.desk, Floor: w.floor, Actor: "operator",
	}
}

// floor raises cursors to what the node counts.
func (w *world) floor(ctx context.Context, ws []wallet.Wallet) (map[int64]error, error) {
	addresses := make([]string, len(ws))
	for i, x := range ws {
		addresses[i] = x.Address
	}
	counts, err := w.setup.Chain.(chain.Accounts).Counts(ctx, addresses)
	if err != nil {
		return nil, err
	}
	unknown := map[int64]error{}
	var calls []nonce.SyncCall
	for i, x := range ws {
		if !counts[i].Agreed {
			unknown[x.ID] = errors.New(counts[i].Doubt)
			continue
		}
		calls = append(calls, nonce.SyncCall{Address: x.Address, ChainID: x.ChainID, To: counts[i].Latest, FromChain: true, Reason: "restore"})
	}
	_, err = w.ledger.SyncBatch(ctx, calls, false)
	return unknown, err
}

func (w *world) accept() {
	w.Helper()
	if _, already, err := restore.Accept(w.Context(), w.db, restore.Acceptance{Actor: "officer", Reason: "seen"}); err != nil || already {
		w.Fatalf("accept: already %v, %v", already, err)
	}
}

// said is a report's differences in few words, sorted.
func said(r restore.Report) (all []string) {
	for _, d := range r.Differences {
		s := d.Kind
		if d.Nonce != nil {
			s += fmt.Sprintf(" nonce %d", *d.Nonce)
		}
		if d.Request != "" {
			s += " of " + d.Request
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// A restore of an old backup of a busy system: of each kind of difference a fixed number is planted, and the report lists exactly these.
// Then every customer is paid once, what was cancelled and what was refused after the backup never, and no nonce is used twice (F26).
func TestF26TheReportOfARestoreListsExactlyWhatDiffers(t *testing.T) {
	onRestored(t, 2, func(w *world, backup func() func()) {
		busy, leaked := w.wallets[0], w.wallets[1]
		registry := wallet.NewRegistry(w.db, w.machine, "tester")
		_, _, err := registry.SetActive(w.Context(), leaked.Address, 1337, false)
		w.must(err)
		poor, _, err := registry.CreateHot(w.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1337}) // no payment takes it
		w.must(err)
		elsewhere, _, err := registry.CreateInternal(w.Context(), wallet.InternalRequest{Address: w.recipient(), ChainType: wallet.EVM, ChainID: 1337, Type: wallet.Cold})
		w.must(err)
		w.open()

		// In the backup.
		paid := w.submit("paid-before-1", "paid-before-2") // nonces 0 and 1
		w.settle()
		w.settle()
		sent := w.submit("sent-before", "cancelled-signed") // 2 and 3
		w.pass("bind", "sign", "send")
		asked := w.submit("asked-before") // 4
		w.pass("bind")
		assigned := w.submit("assigned-before") // 5
		_, err = w.ledger.Bind(w.Context(), w.bindingOn("assigned-before", busy))
		w.must(err)
		queued := w.submit("queued-and-paid", "queued-and-cancelled")
		dear := w.request("queued-and-lost") // no wallet has the funds
		dear.Amount = ether(50).String()
		_, _, err = w.desk.Submit(w.Context(), dear)
		w.must(err)
		w.reserve(poor, "reserved-1", 1)
		w.reserve(poor, "reserved-2", 1)
		w.reserve(elsewhere, "elsewhere-1", 1)
		putBack := backup()

		// After it.
		w.cancel("queued-and-cancelled")
		w.cancel("cancelled-signed")
		w.pass("mend", "sign", "send")
		w.settle()
		w.settle()
		late := w.submit("late-1", "late-2")
		w.settle()
		w.settle()
		gap := w.reserve(busy, "gap", 1)
		signed := w.submit("late-signed")
		w.pass("bind", "sign")
		w.spendElsewhere(leaked)
		made, _, err := registry.CreateHot(w.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1337})
		w.must(err)
		refused := w.refusedByMachine("late-refused", busy)
		alone := w.onChain(busy)

		putBack()
		r := w.examine()
		want := []string{
			"attempt_answered nonce 4 of asked-before",
			"attempt_rebuilt nonce 10 of late-signed",
			"attempt_rebuilt nonce 3 of cancelled-signed",
			"attempt_rebuilt nonce 5 of assigned-before",
			"attempt_rebuilt nonce 6 of queued-and-paid",
			"attempt_rebuilt nonce 7 of late-1",
			"attempt_rebuilt nonce 8 of late-2",
			"cursor_raised", // of the busy wallet
			"cursor_raised", // of the leaked one
			"external_chain nonce 0",
			"nonce_freed nonce 0",
			"nonce_freed nonce 1",
			"nonce_gap nonce 9",
			"nonce_review nonce 0",
			"nonce_review nonce 1",
			"refusal_rebuilt nonce 11 of late-refused",
			"wallet_registered",
			"withdrawal_held of queued-and-cancelled",
			"withdrawal_held of queued-and-lost",
		}
		if got := said(r); !slices.Equal(got, want) {
			w.Fatalf("the report lists\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if !r.CanAccept || r.State != restore.Paused || r.StillHeld != 2 {
			w.Errorf("%+v", r)
		}
		if found, err := registry.Find(w.Context(), made.Address, 1337); err != nil || found.Path != made.Path || found.Device != made.Device {
			w.Errorf("the wallet that was made after the backup: %+v, %v", found, err)
		}
		if again := w.examine(); !slices.Equal(said(again), want) {
			w.Errorf("examined again: %v", said(again))
		}
		if got := w.onChain(busy); got != alone {
			w.Errorf("the chain counts %d, and did %d: something moved while it was paused", got, alone)
		}

		w.again(paid...)
		w.again(slices.Concat(sent[:1], asked, assigned, queued[:1], late, signed)...)
		w.again(refused, dear)
		w.accept()
		w.topUp(busy, 60)
		w.settle()
		w.settle()
		w.settle()
		w.wantPaidOnce(slices.Concat(paid, sent[:1], asked, assigned, queued[:1], late, signed, []withdrawal.Request{dear})...)
		w.want("cancelled-signed", store.WithdrawalEnded, store.OutcomeCancelled)
		w.want("late-refused", store.WithdrawalEnded, store.OutcomeRefused)
		w.want("queued-and-cancelled", store.WithdrawalHeld, "")
		for _, r := range []withdrawal.Request{sent[1], queued[1], refused} {
			if got := w.balance(r.To); got.Sign() != 0 {
				w.Errorf("%s was paid %s", r.ID, got)
			}
		}
		w.wantSpent(busy, 12)
		// Whoever holds a reservation from before the loss is refused, though its nonce was given again.
		if err := w.ledger.Release(w.Context(), busy.Address, 1337, gap.Rows[0].Nonce, gap.Rows[0].Fence); !errors.Is(err, fault.Refused) {
			w.Errorf("release of a nonce that was given before: %v", err)
		}
		if n := w.reserve(poor, "again", 1).Rows[0]; n.Nonce != 0 || n.Fence < 1<<40 {
			w.Errorf("reserved after it: %+v", n)
		}
		if n := w.reserve(poor, "fresh", 2).Rows[1]; n.Nonce != 2 || n.Fence < 1<<40 {
			w.Errorf("reserved at the cursor: %+v", n)
		}
		if _, err := w.ledger.Reserve(w.Context(), nonce.Call{Address: elsewhere.Address, ChainID: 1337, Request: "more"}); fault.Code(err) != "wallet_braked" {
			w.Errorf("a nonce of a wallet that signs elsewhere: %v", err)
		}
		w.want(w.closed("queued-and-cancelled"), store.WithdrawalEnded, store.OutcomeCancelled)
		w.again(queued[1])
		w.settle()
		if got := w.balance(queued[1].To); got.Sign() != 0 {
			w.Errorf("what was closed was paid %s", got)
		}
	})
}

// closed ends a payment that is held.
func (w *world) closed(id string) string {
	w.Helper()
	for _, before := range []bool{false, true} {
		if _, already, err := w.desk.EndHeld(w.Context(), id, "its caller cancelled it"); err != nil || already != before {
			w.Fatalf("close %s: already %v, %v", id, already, err)
		}
	}
	return id
}

// bindingOn asks for a nonce of one wallet for a payment.
func (w *world) bindingOn(id string, hot wallet.Wallet) nonce.BindCall {
	c := w.binding(id)
	maps.DeleteFunc(c.Purses, func(walletID int64, _ nonce.Purse) bool { return walletID != hot.ID })
	return c
}

// refusedByMachine has the machine refuse a payment for good, journaled, without the ledger hearing of it.
func (w *world) refusedByMachine(id string, hot wallet.Wallet) withdrawal.Request {
	w.Helper()
	r := w.request(id)
	info, err := w.ledger.Info(w.Context(), hot.Address, hot.ChainID)
	w.must(err)
	ledger, err := w.db.Ledger(w.Context())
	w.must(err)
	intent := signing.Intent{
		Ledger: ledger, Purpose: signing.PurposePayment, Payment: id, ChainType: "evm", ChainID: 1337, From: hot.Address, Nonce: info.Wallet.Nonce,
		EVM: &signing.EVMTransfer{To: r.To, Amount: r.Amount, GasLimit: 1, MaxFeePerGas: "1", MaxPriorityFeePerGas: "1"},
	}
	answers, err := w.machine.Machine.Sign(w.Context(), signing.BatchOf(intent))
	w.must(err)
	if no := answers[0].Refusal; no == nil || no.Kind != signing.RefusedForGood {
		w.Fatalf("the machine answers %+v", answers[0])
	}
	return r
}

// Paused, nothing moves but what is out already.
func TestAPausedLedgerBindsAsksSendsBumpsAndFillsNothing(t *testing.T) {
	onRestored(t, 1, func(w *world, backup func() func()) {
		hot := w.wallets[0]
		out := w.submit("out")
		w.pass("bind", "sign", "send")
		signed := w.submit("signed")
		w.pass("bind", "sign")
		asked := w.submit("asked")
		w.pass("bind")
		held := w.reserve(hot, "held", 1)
		backup()()
		w.examine()
		waits := w.submit("new")
		withdrawal.SendAgain(w.engine)
		for range 3 {
			w.pass()
			w.node.Commit()
		}
		w.pass()
		w.want("out", store.WithdrawalEnded, store.OutcomePaid)
		w.wantStates("signed", "signed")
		w.wantStates("asked", "asked")
		w.wantStates("new")
		if got := w.onChain(hot); got != 1 {
			w.Errorf("the chain counts %d", got)
		}
		if _, err := w.ledger.Reserve(w.Context(), nonce.Call{Address: hot.Address, ChainID: 1337, Request: "r"}); fault.Code(err) != "paused_after_restore" || !errors.Is(err, fault.Unavailable) {
			w.Errorf("reserve: %v", err)
		}
		if _, err := w.ledger.Reserve(w.Context(), nonce.Call{Address: hot.Address, ChainID: 1337, Request: "held"}); fault.Code(err) != "paused_after_restore" {
			w.Errorf("reserve what was reserved: %v", err)
		}
		if _, err := w.ledger.ReserveBest(w.Context(), nonce.BestCall{ChainType: "evm", ChainID: 1337, Request: "b"}); fault.Code(err) != "paused_after_restore" {
			w.Errorf("reserve of the best: %v", err)
		}
		if _, err := w.ledger.Bind(w.Context(), w.binding("new")); fault.Code(err) != "paused_after_restore" {
			w.Errorf("bind: %v", err)
		}
		if kinds := w.openAlarms(); !slices.Equal(kinds, []string{"paused_after_restore"}) {
			w.Errorf("alarms: %v", kinds)
		}
		if _, err := w.engine.Pay(w.Context(), held, 0, withdrawal.PayRequest{To: w.recipient(), Amount: "1"}); fault.Code(err) != "paused_after_restore" {
			w.Errorf("pay: %v", err)
		}
		got, already, err := w.desk.Submit(w.Context(), waits[0])
		if err != nil || !already || !strings.Contains(got.Reason, "is paused") {
			w.Errorf("submitted: %+v, %v, %v", got, already, err)
		}
		e, err := w.desk.Explain(w.Context(), "new", withdrawal.Outside{NoDaemon: true})
		if err != nil || e.Cause != withdrawal.CausePaused {
			w.Errorf("explained: %+v, %v", e, err)
		}
		w.accept()
		w.settle()
		w.settle()
		w.wantPaidOnce(slices.Concat(out, signed, asked, waits)...)
		w.wantSpent(hot, 4)
		if kinds := w.openAlarms(); kinds != nil {
			w.Errorf("alarms: %v", kinds)
		}
	})
}

// What stands in the inbox of a backup may have been taken in since, and cancelled: it is held. Put in again, it goes on.
func TestWhatWasPutInBySQLIsHeldAfterARestoreUntilItIsPutInAgain(t *testing.T) {
	c := newSQLClient(t)
	db := c.open()
	c.want("submitted", "taken", somebody, "1.25", nil)
	c.collect(1, 0)
	c.want("submitted", "new", somebody, "1.25", nil)
	var mark store.RestoreMark
	must(t, db.Update(t.Context(), func(tx store.Tx) error {
		r, err := restore.Begin(t.Context(), tx, restore.Begun{TakenAt: time.Now(), Digest: "ab", Actor: "operator"})
		mark = store.RestoreMark{ID: r.ID, At: r.At, TakenAt: r.TakenAt, Paused: true}
		return err
	}))
	c.collect(0, 0) // that is for whoever examines the restore
	if state, _, _ := c.fate("new"); state != "new" {
		t.Errorf("the daemon made it %s", state)
	}
	if got, err := c.desk.CollectHeld(t.Context(), mark); err != nil || got.Accepted != 1 {
		t.Fatalf("collected %+v, %v", got, err)
	}
	must(t, db.Update(t.Context(), func(tx store.Tx) error { return tx.FinishExamination(t.Context(), mark.ID) }))
	for _, id := range []string{"taken", "new"} {
		if state, _, w := c.fate(id); state != "accepted" || w != "held" {
			t.Errorf("%s is %s, %s", id, state, w)
		}
		c.want("submitted", id, somebody, "1.25", nil)
	}
	c.collect(2, 0)
	for _, id := range []string{"taken", "new"} {
		if state, _, w := c.fate(id); state != "accepted" || w != "queued" {
			t.Errorf("put in again, %s is %s, %s", id, state, w)
		}
		c.want("already", id, somebody, "1.25", nil)
	}
	c.collect(0, 0)
}

// A payment of a Go program that the machine refused for now is held as well; paid again with the same reservation, it goes on.
func TestWhatAGoProgramPaidIsHeldAfterARestoreUntilItPaysAgain(t *testing.T) {
	onRestored(t, 1, func(w *world, backup func() func()) {
		res := w.reserve(w.wallets[0], "go", 1)
		pay := withdrawal.PayRequest{To: w.recipient(), Amount: "1000", BaseUnits: true}
		w.refuseOnce("go", signing.RefusedForNow)
		got, err := w.engine.Pay(w.Context(), res, 0, pay)
		if err != nil || got.State != withdrawal.Queued {
			w.Fatalf("%+v, %v", got, err)
		}
		backup()()
		w.examine()
		w.want("go", store.WithdrawalHeld, "")
		if got, err := w.engine.Pay(w.Context(), res, 0, pay); err != nil || got.State != withdrawal.Queued {
			w.Errorf("paid again: %+v, %v", got, err)
		}
		w.accept()
		w.settle()
		w.settle()
		w.wantPaidOnce(withdrawal.Request{ID: "go", To: pay.To, Amount: "1000"})
	})
}

// Without all that has to be known a restore is not accepted, and a refusal is recorded.
func TestARestoreIsAcceptedOnlyWhenAllIsKnown(t *testing.T) {
	onRestored(t, 1, func(w *world, backup func() func()) {
		accept := func(a restore.Acceptance) error {
			a.Actor = "officer"
			_, _, err := restore.Accept(w.Context(), w.db, a)
			return err
		}
		if err := accept(restore.Acceptance{Reason: "x"}); !errors.Is(err, fault.NotFound) || fault.Code(err) != "not_restored" {
			w.Errorf("a ledger that was never restored: %v", err)
		}
		if _, err := restore.Examine(w.Context(), w.examination()); fault.Code(err) != "not_restored" {
			w.Errorf("examine: %v", err)
		}
		w.submit("p")
		backup()()
		if err := accept(restore.Acceptance{}); !errors.Is(err, fault.Usage) {
			w.Errorf("without a reason: %v", err)
		}
		if err := accept(restore.Acceptance{Reason: "x"}); fault.Code(err) != "restore_unfinished" {
			w.Errorf("before the examination: %v", err)
		}
		o := w.examination()
		o.Floor = func(_ context.Context, ws []wallet.Wallet) (map[int64]error, error) {
			return map[int64]error{ws[0].ID: errors.New("no node answers")}, nil
		}
		r, err := restore.Examine(w.Context(), o)
		w.must(err)
		if r.CanAccept || r.Counts[restore.ChainUnknown] != 1 {
			w.Errorf("%+v", r)
		}
		if err := accept(restore.Acceptance{Reason: "x"}); fault.Code(err) != "restore_unknown" {
			w.Errorf("without the chain: %v", err)
		}
		if rows := w.audits("restore.accept", ""); len(rows) != 2 || rows[0].Result != store.ResultRefused {
			w.Errorf("recorded: %+v", rows)
		}
		w.submit("later")
		w.want("later", store.WithdrawalQueued, "")
		if r := w.examine(); !r.CanAccept || r.StillHeld != 1 {
			w.Errorf("with the chain: %+v", r)
		}
		w.want("later", store.WithdrawalQueued, "") // it was submitted after the restore
		w.accept()
		if _, already, err := restore.Accept(w.Context(), w.db, restore.Acceptance{Actor: "officer", Reason: "again"}); err != nil || !already {
			w.Errorf("accepted again: already %v, %v", already, err)
		}
		if _, err := restore.Examine(w.Context(), w.examination()); fault.Code(err) != "restore_accepted" {
			w.Errorf("examined after that: %v", err)
		}
	})
}

// A conflict keeps the ledger paused, whatever else is said.
func TestAConflictKeepsARestoredLedgerPaused(t *testing.T) {
	onRestored(t, 1, func(w *world, backup func() func()) {
		putBack := backup()
		w.submit("a")
		w.pass("bind", "sign")
		putBack()
		w.submit("x")
		journaling := w.journaling
		w.must(w.db.Update(w.Context(), func(tx store.Tx) error { // a program that did not mind the pause
			must(w.T, tx.FinishExamination(w.Context(), 1))
			return tx.AcceptRestore(w.Context(), 1, "nobody", "x")
		}))
		w.journaling = nil
		w.open()
		w.pass("bind")
		w.journaling = journaling
		w.open()
		w.begin(time.Now())
		r := w.examine()
		if r.CanAccept || r.Counts[restore.Conflict] != 1 || !strings.Contains(r.Differences[0].Detail, "that of payment x") {
			w.Errorf("%+v", r)
		}
		if _, _, err := restore.Accept(w.Context(), w.db, restore.Acceptance{Actor: "officer", Reason: "x", DespiteUnknown: true}); fault.Code(err) != "restore_conflicts" {
			w.Errorf("accept: %v", err)
		}
	})
}

// Broken off anywhere and said again, an examination comes to the same report.
func TestAnExaminationCanBeBrokenOffAndSaidAgain(t *testing.T) {
	onRestored(t, 2, func(w *world, backup func() func()) {
		w.reserve(w.wallets[1], "r", 1)
		w.submit("held")
		putBack := backup()
		rs := w.submit("a", "b", "c")
		w.settle()
		w.settle()
		putBack()
		for n := 0; ; n++ {
			w.db.goneAfter = n
			_, err := restore.Examine(w.Context(), w.examination())
			if w.db.goneAfter = -1; err == nil {
				break
			}
			if !errors.Is(err, fault.Unreachable) || n > 100 {
				w.Fatalf("broken off after %d writes: %v", n, err)
			}
		}
		r := w.examine()
		if r.Counts[restore.AttemptRebuilt] != 4 || r.Counts[restore.NonceFreed] != 1 || r.Counts[restore.WithdrawalHeld] != 0 {
			w.Errorf("%v", said(r))
		}
		w.again(rs...)
		w.accept()
		w.settle()
		w.wantPaidOnce(rs...)
	})
}

// answersOnce is a machine with one answer in its journal.
type answersOnce struct {
	restore.Machine
	entry signing.Entry
}

func (m answersOnce) Highest(context.Context, string) (uint64, error) { return m.entry.Seq, nil }

func (m answersOnce) Entries(_ context.Context, _ string, after uint64, _ int) ([]signing.Entry, error) {
	if after >= m.entry.Seq {
		return nil, nil
	}
	return []signing.Entry{m.entry}, nil
}

// What was asked for in the backup and refused for now since may have been cancelled after that: it is held, not queued.
func TestWhatTheMachineRefusedForNowSinceIsHeld(t *testing.T) {
	onRestored(t, 1, func(w *world, backup func() func()) {
		rs := w.submit("a")
		w.pass("bind")
		backup()()
		a := w.attempt("a")
		intent, err := signing.Parse(a.Intent)
		w.must(err)
		o := w.examination()
		o.Machine = answersOnce{o.Machine, signing.Entry{
			Seq: 1, Digest: intent.Digest(), Intent: a.Intent, Refusal: &signing.Refusal{Kind: signing.RefusedForNow, Code: "limit", Reason: "too much today"},
		}}
		r, err := restore.Examine(w.Context(), o)
		w.must(err)
		if got := said(r); !slices.Equal(got, []string{"attempt_answered nonce 0 of a", "withdrawal_held of a"}) {
			w.Errorf("the report lists %v", got)
		}
		w.want("a", store.WithdrawalHeld, "")
		other := rs[0]
		other.Amount = "1001"
		if _, _, err := w.desk.Submit(w.Context(), other); fault.Code(err) != "request_differs" {
			w.Errorf("submitted with other content: %v", err)
		}
		w.want("a", store.WithdrawalHeld, "")
		if _, _, err := w.desk.Cancel(w.Context(), "a", "x"); fault.Code(err) != "held" {
			w.Errorf("cancel: %v", err)
		}
		w.again(rs...)
		w.want("a", store.WithdrawalQueued, "")
		if _, _, err := w.desk.EndHeld(w.Context(), "a", "x"); fault.Code(err) != "not_held" {
			w.Errorf("close: %v", err)
		}
	})
}

// A wallet whose machine is another one than the one that answers: what it signed since is not known, so its nonces are a person's.
func TestAMachineThatWasNotComparedKeepsARestorePaused(t *testing.T) {
	onRestored(t, 1, func(w *world, backup func() func()) {
		cold, _, err := wallet.NewRegistry(w.db, w.machine, "tester").CreateInternal(w.Context(), wallet.InternalRequest{
			Address: w.recipient(), ChainType: wallet.EVM, ChainID: 1337, Type: wallet.Cold, Device: "SHA256:" + strings.Repeat("A", 43), Path: "m/44'/60'/1'/0/0",
		})
		w.must(err)
		w.reserve(cold, "cold", 1)
		backup()()
		r := w.examine()
		if got := said(r); r.CanAccept || !slices.Equal(got, []string{"nonce_review nonce 0", "nonce_review nonce 1", "signer_unknown"}) {
			w.Errorf("the report lists %v", got)
		}
		if _, _, err := restore.Accept(w.Context(), w.db, restore.Acceptance{Actor: "officer", Reason: "x"}); fault.Code(err) != "restore_unknown" {
			w.Errorf("accept: %v", err)
		}
		if _, _, err := restore.Accept(w.Context(), w.db, restore.Acceptance{Actor: "officer", Reason: "looked there", DespiteUnknown: true}); err != nil {
			w.Errorf("accept despite it: %v", err)
		}
		if _, err := w.ledger.Reserve(w.Context(), nonce.Call{Address: cold.Address, ChainID: 1337, Request: "more"}); fault.Code(err) != "wallet_braked" {
			w.Errorf("a nonce of it: %v", err)
		}
	})
}

// Nothing is asked of an offline machine while the ledger is paused.
func TestAPausedLedgerExportsNothing(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		c := newColdRoom(w)
		r := c.request("cold-1")
		c.exported(r)
		w.begin(time.Now())
		for name, export := range map[string]func() (withdrawal.ExportedPayment, error){
			"again":  func() (withdrawal.ExportedPayment, error) { return c.engine.ExportAgain(c.Context(), r.ID) },
			"cancel": func() (withdrawal.ExportedPayment, error) { return c.engine.ExportCancel(c.Context(), r.ID, "x") },
			"bump":   func() (withdrawal.ExportedPayment, error) { return c.engine.ExportBump(c.Context(), r.ID, "x") },
			"new": func() (withdrawal.ExportedPayment, error) {
				return c.engine.Export(c.Context(), nonce.Reservation{Wallet: c.wallet, Request: "cold-2", Rows: []nonce.Row{{Payment: "cold-2"}}}, withdrawal.ExportRequest{
					PayRequest: withdrawal.PayRequest{To: c.recipient(), Amount: "1"},
				})
			},
		} {
			if _, err := export(); fault.Code(err) != "paused_after_restore" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
