package operators

import (
	"cmp"
	"context"
	"errors"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

type warrantKey struct{}

// With gives a context whose changes, made through a guarded database, are allowed by a warrant.
func With(ctx context.Context, w *Warrant) context.Context {
	return context.WithValue(ctx, warrantKey{}, w)
}

// ByItself gives a context for what coffer does by itself and that needs no operator, such as raising the cursors of a ledger that was just
// restored to what the chain has spent.
func ByItself(ctx context.Context) context.Context { return context.WithValue(ctx, itselfKey{}, true) }

type itselfKey struct{}

// Guard is a database for administrative work: as soon as operators are named, it changes nothing without a good warrant in the context. That
// is judged in the transaction of the change. Audit rows say who signed, and hold what he signed; actor is who, where nobody did.
//
// A change that is refused leaves the audit rows that it would have made, as refused ones; the error is marked store.ErrRecorded. What only
// records refusals needs no warrant.
func Guard(db store.DB, actor string) store.DB { return guarded{db, actor} }

type guarded struct {
	store.DB
	actor string
}

// denied is a refusal that was recorded.
type denied struct{ error }

func (d denied) Is(target error) bool { return target == store.ErrRecorded }
func (d denied) Unwrap() error        { return d.error }

// Update runs fn as store.DB does, if the warrant allows what it does.
func (g guarded) Update(ctx context.Context, fn func(store.Tx) error) error {
	if itself, _ := ctx.Value(itselfKey{}).(bool); itself {
		return g.DB.Update(ctx, fn)
	}
	w, _ := ctx.Value(warrantKey{}).(*Warrant)
	ledger, err := g.DB.Ledger(ctx)
	if err != nil {
		return err
	}
	var t *guardedTx
	var no error
	err = g.DB.Update(ctx, func(tx store.Tx) error {
		f, err := gather(ctx, tx, ledger)
		if err != nil {
			return err
		}
		t = &guardedTx{Tx: tx, verdict: f.judge(w), otherwise: g.actor}
		no, err = t.run(ctx, w, fn)
		return errors.Join(err, no)
	})
	if no == nil || !errors.Is(err, no) {
		return err
	}
	return g.deny(ctx, w, t, no)
}

// deny records that something was refused, and gives the refusal back.
func (g guarded) deny(ctx context.Context, w *Warrant, t *guardedTx, no error) error {
	rows := t.rows
	if len(rows) == 0 {
		row := store.AuditRow{Actor: t.who(), Action: "act", Signed: t.signed}
		if w != nil {
			row.Action, row.Subject = w.Act.Action(), w.Act.Subject()
		}
		rows = []store.AuditRow{row}
	}
	for i := range rows {
		rows[i].Result, rows[i].Reason = store.ResultRefused, no.Error()
	}
	if err := g.DB.Update(ctx, func(tx store.Tx) error { return tx.Record(ctx, rows) }); err != nil {
		return fault.Wrap(no, nil, fault.Code(no), fault.Hint(no), "refused, and the refusal could not be recorded (%v)", err)
	}
	return denied{no}
}

// guardedTx is a transaction whose records say who signed.
type guardedTx struct {
	store.Tx
	verdict
	otherwise string // who, if nobody signed
	rows      []store.AuditRow
	effects   bool // something was recorded that is no refusal
}

// run runs fn. no is why it must not stand.
func (t *guardedTx) run(ctx context.Context, w *Warrant, fn func(store.Tx) error) (no, err error) {
	first := false
	if t.signed != "" && t.no == nil {
		switch first, err = t.Tx.UseStatement(ctx, w.id(), w.User); {
		case errors.Is(err, store.ErrExists):
			return fault.New(fault.NotAllowed, "statement_used", "say the command again: each is signed anew", "what was signed was used before"), nil
		case err != nil:
			return nil, err
		}
	}
	if first && t.no == nil {
		t.no = t.fresh
	}
	if first && t.no == nil && w.Check != nil {
		if t.no, err = apart(w.Check(ctx, t.Tx)); err != nil {
			return nil, err
		}
	}
	if err := fn(t); err != nil {
		if t.no != nil { // it shows what would have been recorded, no more
			return t.no, nil
		}
		return nil, err
	}
	if len(t.rows) > 0 && !t.effects {
		return nil, nil
	}
	if t.no == nil && first && w.Finish != nil {
		err = w.Finish(ctx, t)
	}
	return t.no, err
}

// apart tells a refusal from a failure.
func apart(err error) (no, failed error) {
	for _, kind := range []error{fault.Refused, fault.NotAllowed, fault.NotFound, fault.Usage} {
		if errors.Is(err, kind) {
			return err, nil
		}
	}
	return nil, err
}

// id is that of the statement that has the act done.
func (w *Warrant) id() string {
	st, _ := ParseStatement([]byte(w.Signed[len(w.Signed)-1].Statement)) // judged before
	return st.ID
}

// Record appends audit rows that say who signed.
func (t *guardedTx) Record(ctx context.Context, rows []store.AuditRow) error {
	stamped := make([]store.AuditRow, len(rows))
	for i, row := range rows {
		row.Actor, row.Signed = t.who(), t.signed
		t.effects = t.effects || row.Result != store.ResultRefused
		stamped[i] = row
	}
	t.rows = append(t.rows, stamped...)
	return t.Tx.Record(ctx, stamped)
}

// EndAlarms ends alarms in the name of who signed.
func (t *guardedTx) EndAlarms(ctx context.Context, keys []string, _ string) error {
	return t.Tx.EndAlarms(ctx, keys, t.who())
}

// AddWish writes a wish of who signed.
func (t *guardedTx) AddWish(ctx context.Context, wish store.Wish) (store.Wish, error) {
	wish.Actor = t.who()
	return t.Tx.AddWish(ctx, wish)
}

// AcceptRestore accepts in the name of who signed.
func (t *guardedTx) AcceptRestore(ctx context.Context, id int64, _, reason string) error {
	return t.Tx.AcceptRestore(ctx, id, t.who(), reason)
}

// AcceptSettings accepts in the name of who signed.
func (t *guardedTx) AcceptSettings(ctx context.Context, s store.Settings) error {
	s.AcceptedBy = t.who()
	return t.Tx.AcceptSettings(ctx, s)
}

func (t *guardedTx) who() string { return cmp.Or(t.actor, t.otherwise) }
