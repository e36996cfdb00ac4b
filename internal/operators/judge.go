package operators

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// Warrant is an act and what allows it.
type Warrant struct {
	Act    Act
	Signed []Signed // the last one is of who has it done; one before that is of who proposed it
	// User is who uses the warrant: one process, once. Several transactions of the same act have the same.
	User string
	// Check says what else must be so before the act has its first effect; nil: nothing. It may run again.
	Check func(ctx context.Context, r store.Reader) error
	// Finish is what the act does besides, in the transaction of its first effect; nil: nothing. It may run again.
	Finish func(ctx context.Context, tx store.Tx) error
}

// facts are what a warrant is judged by.
type facts struct {
	ledger string
	now    time.Time
	named  []store.Operator
}

// verdict is what a warrant comes to.
type verdict struct {
	actor  string // who signed; empty: nobody, or it is not proven
	signed string // for the audit row
	fresh  error  // why it may not be used for the first time
	no     error  // why it may not be used at all
}

// judge says whether a warrant is good. It has no effects.
func (f facts) judge(w *Warrant) (v verdict) {
	switch {
	case len(f.named) == 0:
		return v
	case w == nil || len(w.Signed) == 0:
		v.no = Required("nobody has")
		return v
	}
	st, o, err := w.Signed[len(w.Signed)-1].by(f.named)
	if err != nil {
		v.no = fault.Wrap(err, fault.NotAllowed, "bad_signature", hintKey, "an operator must sign this")
		return v
	}
	v.actor, v.signed = Title(o), Encode(w.Signed)
	v.no = f.allows(w, st, o)
	if age := f.now.Sub(st.At); age > Fresh || age < -Fresh {
		v.fresh = fault.New(fault.NotAllowed, "statement_stale", "say the command again: a statement is good for 5 minutes", "%s signed at %s, and it is %s",
			o.Name, st.At.Format(time.RFC3339), f.now.Format(time.RFC3339))
	}
	return v
}

func (f facts) allows(w *Warrant, st Statement, o store.Operator) error {
	switch {
	case st.Ledger != f.ledger:
		return fault.New(fault.NotAllowed, "other_ledger", "say the command again, for this ledger", "%s signed for ledger %s, and this is %s", o.Name, clipped(st.Ledger), f.ledger)
	case !bytes.Equal(st.Act, w.Act.Brief()):
		return fault.New(fault.NotAllowed, "statement_differs", "say the command again", "%s signed another act: %s", o.Name, clipped(string(st.Act)))
	}
	return Allowed(o, st.Purpose, w.Act.Verb)
}

func tooSmall(o store.Operator, p Purpose, v Verb) error {
	what, roles := string(v), forms[v].roles
	if p == Approve || p == BreakGlass {
		what, roles = string(p), officers
	}
	return fault.New(fault.NotAllowed, "role_too_small", fmt.Sprintf("have it done by one who is %s", oneOf(roles)), "%s is %s, and that is not enough for %s", o.Name, o.Role, what)
}

func oneOf(roles []Role) string {
	text := ""
	for i, r := range slices.Backward(roles) {
		text += string(r)
		if i > 0 {
			text += " or "
		}
	}
	return text
}

// gather reads the facts.
func gather(ctx context.Context, r store.Reader, ledger string) (f facts, err error) {
	f.ledger = ledger
	if f.named, err = r.Operators(ctx); err != nil {
		return f, err
	}
	f.now, err = r.Now(ctx)
	return f, err
}

// Allowed refuses a purpose of a verb to an operator whose role is not enough, or whose key was revoked.
func Allowed(o store.Operator, p Purpose, v Verb) error {
	switch {
	case !o.RevokedAt.IsZero():
		return fault.New(fault.NotAllowed, "operator_revoked", "`coffer operator list` shows which key is good", "the key %s of %s was revoked on %s",
			o.Fingerprint, o.Name, o.RevokedAt.Format(time.RFC3339))
	case !Role(o.Role).may(p, v):
		return tooSmall(o, p, v)
	}
	return nil
}

// Stamp puts into an audit row who signed, if he did.
func Stamp(row *store.AuditRow, signed []Signed, named []store.Operator) {
	if _, o, err := signed[len(signed)-1].by(named); err == nil {
		row.Actor, row.Signed = Title(o), Encode(signed)
	}
}
