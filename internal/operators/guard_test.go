package operators_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/store"
)

// change makes a change with its audit row through the guarded database.
func (w *world) change(warrant *operators.Warrant) error {
	ctx := w.ctx
	if warrant != nil {
		ctx = operators.With(ctx, warrant)
	}
	return w.guard.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.AddWallet(ctx, store.Wallet{Address: "0xa", ChainType: "evm", ChainID: 1, WalletType: "hot", Active: true}); err != nil {
			return err
		}
		return tx.Record(ctx, []store.AuditRow{{Actor: "somebody", Action: "wallet.create", Subject: "evm 1 0xa", After: "hot", Result: store.ResultDone}})
	})
}

func (w *world) wallets() (all []store.Wallet) {
	w.Helper()
	if err := w.db.View(w.ctx, func(r store.Reader) (err error) {
		all, err = r.Wallets(w.ctx, store.WalletFilter{})
		return err
	}); err != nil {
		w.Fatal(err)
	}
	return all
}

// refused checks that a change was refused with a code, recorded once with who is proven to have tried it, and not done.
func (w *world) refused(err error, code, actor string) {
	w.Helper()
	if !errors.Is(err, fault.NotAllowed) || fault.Code(err) != code || !errors.Is(err, store.ErrRecorded) {
		w.Errorf("%v (code %s), want %s", err, fault.Code(err), code)
	}
	if got := w.wallets(); len(got) != 0 {
		w.Errorf("it was done: %+v", got)
	}
	rows := w.audit()
	if len(rows) != 1 || rows[0].Result != store.ResultRefused || rows[0].Actor != actor || rows[0].Reason != err.Error() {
		w.Errorf("audit rows: %+v", rows)
	}
}

func title(w *world, p person) string {
	for _, o := range w.operators() {
		if o.Name == p.Name {
			return operators.Title(o)
		}
	}
	return ""
}

const nobody = "root@here 1"

func TestAsLongAsNobodyIsNamedEverybodyMayDoEverything(t *testing.T) {
	w := newWorld(t)
	if err := w.change(nil); err != nil {
		t.Fatal(err)
	}
	if rows := w.audit(); len(rows) != 1 || rows[0].Actor != nobody || rows[0].Signed != "" {
		t.Errorf("audit rows: %+v", rows)
	}
}

func TestOnceSomebodyIsNamedNothingChangesWithoutAWarrant(t *testing.T) {
	w := newWorld(t)
	w.named("alice", operators.Officer)
	w.refused(w.change(nil), "operator_required", nobody)
}

func TestAWarrantAllowsItsActAndTheRowProvesWhoSigned(t *testing.T) {
	w := newWorld(t)
	alice := w.named("alice", operators.Daily)
	if err := w.change(w.warrant(alice, activate)); err != nil {
		t.Fatal(err)
	}
	rows := w.audit()
	if len(rows) != 1 || rows[0].Actor != title(w, alice) || rows[0].Signed == "" || len(w.wallets()) != 1 {
		t.Fatalf("audit rows: %+v", rows)
	}
	if err := operators.CheckRow(rows[0], w.ledger, w.operators()); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotAGoodWarrantIsRefused(t *testing.T) {
	other := operators.Act{Verb: operators.Deactivate, Address: "0xa", ChainID: &chain}
	name := operators.Act{Verb: operators.OperatorRevoke, Operator: "bob"}
	for what, c := range map[string]struct {
		role   operators.Role
		warp   func(w *world, p person) *operators.Warrant
		code   string
		proven bool // who tried it
	}{
		"another act than the one that was signed": {operators.Officer, func(w *world, p person) *operators.Warrant {
			x := w.warrant(p, activate)
			x.Act = other
			return x
		}, "statement_differs", true},
		"a role that is too small":        {operators.Viewer, func(w *world, p person) *operators.Warrant { return w.warrant(p, activate) }, "role_too_small", true},
		"an officer's act by an operator": {operators.Daily, func(w *world, p person) *operators.Warrant { return w.warrant(p, name) }, "role_too_small", true},
		"an approval by an operator": {operators.Daily, func(w *world, p person) *operators.Warrant {
			st := w.statement(p, activate)
			st.Purpose = operators.Approve
			return &operators.Warrant{Act: activate, Signed: []operators.Signed{w.signed(p, st)}, User: "x"}
		}, "role_too_small", true},
		"a key that was revoked": {operators.Officer, func(w *world, p person) *operators.Warrant {
			x := w.warrant(p, activate)
			w.update(func(tx store.Tx) error { return tx.RevokeOperator(w.ctx, w.operatorID(p.Name)) })
			return x
		}, "operator_revoked", true},
		"a statement for another ledger": {operators.Officer, func(w *world, p person) *operators.Warrant {
			st := w.statement(p, activate)
			st.Ledger = "00000000000000000000000000000000"
			return &operators.Warrant{Act: activate, Signed: []operators.Signed{w.signed(p, st)}, User: "x"}
		}, "other_ledger", true},
		"a statement that is too old": {operators.Officer, func(w *world, p person) *operators.Warrant {
			x := w.warrant(p, activate)
			w.now = w.now.Add(operators.Fresh + time.Second)
			return x
		}, "statement_stale", true},
		"one from the future": {operators.Officer, func(w *world, p person) *operators.Warrant {
			st := w.statement(p, activate)
			st.At = w.now.Add(operators.Fresh + time.Second)
			return &operators.Warrant{Act: activate, Signed: []operators.Signed{w.signed(p, st)}, User: "x"}
		}, "statement_stale", true},
		"a statement that was changed afterwards": {operators.Officer, func(w *world, p person) *operators.Warrant {
			x := w.warrant(p, activate)
			st := w.statement(p, activate)
			x.Signed[0].Statement = string(st.Line())
			return x
		}, "bad_signature", false},
		"somebody who was never named": {operators.Officer, func(w *world, _ person) *operators.Warrant {
			eve := newPerson(w.T, "eve")
			x := w.warrant(w.named("mallory", operators.Officer), activate)
			x.Signed[0].Fingerprint = eve.Fingerprint()
			return x
		}, "bad_signature", false},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			bob := w.named("bob", c.role)
			actor := nobody
			if c.proven {
				actor = title(w, bob)
			}
			w.refused(w.change(c.warp(w, bob)), c.code, actor)
		})
	}
}

func (w *world) operatorID(name string) int64 {
	for _, o := range w.operators() {
		if o.Name == name {
			return o.ID
		}
	}
	return 0
}

func TestAStatementIsGoodOnce(t *testing.T) {
	w := newWorld(t)
	alice := w.named("alice", operators.Daily)
	x := w.warrant(alice, activate)
	fill := func(w *world, x *operators.Warrant) error {
		return w.guard.Update(operators.With(w.ctx, x), func(tx store.Tx) error {
			return tx.Record(w.ctx, []store.AuditRow{{Action: "x", Result: store.ResultDone}})
		})
	}
	for range 2 { // an act of several transactions
		if err := fill(w, x); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.Add(time.Hour)
	if err := fill(w, x); err != nil {
		t.Errorf("an act that takes long is broken off: %v", err)
	}
	again := *x
	again.User = "somebody else"
	if err := fill(w, &again); fault.Code(err) != "statement_used" || !errors.Is(err, store.ErrRecorded) {
		t.Errorf("%v", err)
	}
}

func TestARefusalOfTheActItselfIsRecordedWithoutAWarrant(t *testing.T) {
	w := newWorld(t)
	w.named("alice", operators.Officer)
	err := w.guard.Update(w.ctx, func(tx store.Tx) error {
		return tx.Record(w.ctx, []store.AuditRow{{Actor: "x", Action: "wallet.create", Result: store.ResultRefused, Reason: "no"}})
	})
	if rows := w.audit(); err != nil || len(rows) != 1 || rows[0].Reason != "no" {
		t.Errorf("%v: %+v", err, rows)
	}
}

func TestWhatChangesSomethingAndRecordsNothingIsRefusedToo(t *testing.T) {
	w := newWorld(t)
	w.named("alice", operators.Officer)
	err := w.guard.Update(w.ctx, func(tx store.Tx) error {
		_, err := tx.AddWallet(w.ctx, store.Wallet{Address: "0xa", ChainType: "evm", ChainID: 1, WalletType: "hot"})
		return err
	})
	w.refused(err, "operator_required", nobody)
}

func TestWhatMustBeSoBesidesIsJudgedWithTheChange(t *testing.T) {
	w := newWorld(t)
	alice := w.named("alice", operators.Officer)
	x := w.warrant(alice, activate)
	x.Check = func(context.Context, store.Reader) error { return fault.New(fault.NotAllowed, "four_eyes", "", "no") }
	w.refused(w.change(x), "four_eyes", title(w, alice))
}

func TestWhatBelongsToTheActIsDoneInItsTransaction(t *testing.T) {
	w := newWorld(t)
	alice := w.named("alice", operators.Officer)
	x := w.warrant(alice, activate)
	x.Finish = func(ctx context.Context, tx store.Tx) error {
		return tx.Record(ctx, []store.AuditRow{{Action: "proposal.approve", Result: store.ResultDone}})
	}
	if err := w.change(x); err != nil {
		t.Fatal(err)
	}
	rows := w.audit()
	if len(rows) != 2 || rows[1].Action != "proposal.approve" || rows[1].Actor != title(w, alice) || rows[1].Signed != rows[0].Signed {
		t.Errorf("audit rows: %+v", rows)
	}
}
