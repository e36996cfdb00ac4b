package operators_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"coffer.internal/internal/operators"
	"coffer.internal/internal/operators/operatortest"
	"coffer.internal/internal/store"
	"coffer.internal/internal/store/sqlite"
)

type (
	person  = operatortest.Person
	keyring = operatortest.Keyring
)

var newPerson = operatortest.New

// world is a ledger with operators.
type world struct {
	*testing.T
	ctx    context.Context
	now    time.Time
	db     store.DB
	guard  store.DB
	ledger string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, ctx: t.Context(), now: time.Date(2026, 11, 28, 6, 0, 0, 0, time.UTC)}
	db, err := sqlite.Open(w.ctx, filepath.Join(t.TempDir(), "coffer.db"), sqlite.Options{Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(w.ctx); err != nil {
		t.Fatal(err)
	}
	w.db, w.guard = db, operators.Guard(db, "root@here 1")
	if w.ledger, err = db.Ledger(w.ctx); err != nil {
		t.Fatal(err)
	}
	return w
}

// named names somebody.
func (w *world) named(name string, role operators.Role) person {
	w.Helper()
	p := newPerson(w.T, name)
	kept, fingerprint, err := operators.ParseKey(p.Public())
	if err != nil {
		w.Fatal(err)
	}
	w.update(func(tx store.Tx) error {
		return tx.AddOperator(w.ctx, store.Operator{Name: name, Role: string(role), Key: kept, Fingerprint: fingerprint})
	})
	return p
}

func (w *world) update(fn func(store.Tx) error) {
	w.Helper()
	if err := w.db.Update(w.ctx, fn); err != nil {
		w.Fatal(err)
	}
}

func (w *world) operators() (all []store.Operator) {
	w.Helper()
	if err := w.db.View(w.ctx, func(r store.Reader) (err error) {
		all, err = r.Operators(w.ctx)
		return err
	}); err != nil {
		w.Fatal(err)
	}
	return all
}

func (w *world) audit() (rows []store.AuditRow) {
	w.Helper()
	if err := w.db.View(w.ctx, func(r store.Reader) (err error) {
		rows, err = r.Audit(w.ctx, store.AuditFilter{OldestFirst: true})
		return err
	}); err != nil {
		w.Fatal(err)
	}
	return rows
}

// signed has somebody sign an act.
func (w *world) signed(p person, st operators.Statement) operators.Signed {
	w.Helper()
	self, err := operators.Choose(w.ctx, w.operators(), p, p.Name)
	if err != nil {
		w.Fatal(err)
	}
	s, err := self.Sign(w.ctx, st)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

func (w *world) statement(p person, act operators.Act) operators.Statement {
	return operators.NewStatement(w.ledger, operators.Do, p.Name, act, "why", w.now)
}

// warrant is a good one.
func (w *world) warrant(p person, act operators.Act) *operators.Warrant {
	w.Helper()
	return &operators.Warrant{Act: act, Signed: []operators.Signed{w.signed(p, w.statement(p, act))}, User: "user of " + p.Name}
}

var chain = int64(1)

// activate is an act of every day.
var activate = operators.Act{Verb: operators.Activate, Address: "0xa", ChainID: &chain}
