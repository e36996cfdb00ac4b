package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

func operator(name, role, fingerprint string) store.Operator {
	return store.Operator{Name: name, Role: role, Key: "ssh-ed25519 key-of-" + fingerprint, Fingerprint: fingerprint}
}

func (w *world) nameOperators(os ...store.Operator) {
	w.Helper()
	for _, o := range os {
		w.update(func(tx store.Tx) error { return tx.AddOperator(w.ctx, o) })
	}
}

func (w *world) operators() []store.Operator {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Operator, error) { return r.Operators(w.ctx) })
}

func (w *world) revoke(id int64) {
	w.Helper()
	w.update(func(tx store.Tx) error { return tx.RevokeOperator(w.ctx, id) })
}

func testOperators(t *testing.T, h Harness) {
	unstored := cmpopts.IgnoreFields(store.Operator{}, "ID", "AddedAt", "RevokedAt")
	ann, bob := operator("ann", "officer", "SHA256:a"), operator("bob", "viewer", "SHA256:b")
	tests(t, h, map[string]func(*world){
		"those that are named are listed, with the store's time": func(w *world) {
			w.nameOperators(ann, bob)
			got := w.operators()
			w.same("operators", []store.Operator{ann, bob}, got, unstored)
			for _, o := range got {
				if o.ID == 0 || o.AddedAt.IsZero() || o.AddedAt.Location() != time.UTC || !o.RevokedAt.IsZero() {
					w.Errorf("operator: %+v", o)
				}
			}
		},

		"one that is revoked stays, and is revoked once": func(w *world) {
			w.nameOperators(ann)
			id := w.operators()[0].ID
			w.revoke(id)
			if got := w.operators(); len(got) != 1 || got[0].RevokedAt.IsZero() {
				w.Errorf("operators: %+v", got)
			}
			w.updateFails(func(tx store.Tx) error { return tx.RevokeOperator(w.ctx, id) }, store.ErrStale)
			w.updateFails(func(tx store.Tx) error { return tx.RevokeOperator(w.ctx, 4711) }, store.ErrStale)
		},

		"a key is never named again, a name not while it is good": func(w *world) {
			w.nameOperators(ann)
			add := func(o store.Operator) func(store.Tx) error {
				return func(tx store.Tx) error { return tx.AddOperator(w.ctx, o) }
			}
			w.updateFails(add(operator("ann", "viewer", "SHA256:c")), store.ErrExists)
			w.updateFails(add(operator("eve", "viewer", "SHA256:a")), store.ErrExists)
			w.revoke(w.operators()[0].ID)
			w.updateFails(add(operator("eve", "viewer", "SHA256:a")), store.ErrExists)
			w.nameOperators(operator("ann", "officer", "SHA256:d"))
		},

		"nobody changes, deletes or restores a row": func(w *world) {
			w.nameOperators(ann, bob)
			w.revoke(w.operators()[1].ID)
			before := w.operators()
			for _, statement := range []string{
				"UPDATE operators SET role = 'officer' WHERE name = 'bob'",
				"UPDATE operators SET name = 'eve' WHERE name = 'ann'",
				"UPDATE operators SET revoked_at = NULL WHERE name = 'bob'",
				"UPDATE operators SET key = 'ssh-ed25519 of-eve', revoked_at = added_at WHERE name = 'ann'",
				"DELETE FROM operators",
			} {
				if err := w.exec(statement); err == nil {
					w.Errorf("%s was done", statement)
				}
			}
			w.same("operators", before, w.operators())
		},

		"whoever locks them sees what the last holder of the lock left, and of two who revoke each other one comes second": func(w *world) {
			w.nameOperators(ann, operator("bob", "officer", "SHA256:b"))
			ids := w.operators()
			done := w.race(2, func(i int) error {
				return w.db.Update(w.ctx, func(tx store.Tx) error {
					now, err := tx.LockOperators(w.ctx)
					if err != nil {
						return err
					}
					for _, o := range now {
						if !o.RevokedAt.IsZero() {
							return fmt.Errorf("%s is revoked: %w", o.Name, store.ErrStale)
						}
					}
					return tx.RevokeOperator(w.ctx, ids[i].ID)
				})
			})
			w.same("how many were revoked", 1, done)
		},
	})
}

// race does something n times at once, and tells how often it succeeded.
func (w *world) race(n int, do func(i int) error) (succeeded int) {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	for _, err := range errs {
		if err == nil {
			succeeded++
		}
	}
	return succeeded
}

func testProposals(t *testing.T, h Harness) {
	one := store.Proposal{
		Act: `{"verb":"activate"}`, Reason: "why", Preview: "inactive → active", Digest: "d", Maker: "ann", MakerKey: "SHA256:a", Signed: "[]",
	}
	add := func(w *world) (added store.Proposal) {
		w.Helper()
		w.update(func(tx store.Tx) (err error) {
			added, err = tx.AddProposal(w.ctx, one, 90*time.Minute)
			return err
		})
		return added
	}
	list := func(w *world, f store.ProposalFilter) []store.Proposal {
		w.Helper()
		return read(w, func(r store.Reader) ([]store.Proposal, error) { return r.Proposals(w.ctx, f) })
	}
	move := func(w *world, id int64, to string) func(store.Tx) error {
		return func(tx store.Tx) error {
			return tx.MoveProposal(w.ctx, store.ProposalMove{ID: id, To: to, By: "bob"})
		}
	}
	tests(t, h, map[string]func(*world){
		"one that is new is open until its time is over": func(w *world) {
			got := add(w)
			want := one
			want.State = store.ProposalOpen
			w.same("proposal", want, got, cmpopts.IgnoreFields(store.Proposal{}, "ID", "MadeAt", "ExpiresAt"))
			if got.ID == 0 || got.MadeAt.Location() != time.UTC || got.ExpiresAt.Sub(got.MadeAt) != 90*time.Minute {
				w.Errorf("proposal: %+v", got)
			}
			w.same("all", []store.Proposal{got}, list(w, store.ProposalFilter{}))
		},

		"it ends once": func(w *world) {
			first, second := add(w), add(w)
			w.update(move(w, first.ID, store.ProposalDone))
			w.updateFails(move(w, first.ID, store.ProposalWithdrawn), store.ErrStale)
			w.updateFails(move(w, 4711, store.ProposalDone), store.ErrStale)
			got := list(w, store.ProposalFilter{ID: first.ID})
			if len(got) != 1 || got[0].State != store.ProposalDone || got[0].EndedBy != "bob" || got[0].EndedAt.IsZero() {
				w.Errorf("proposal: %+v", got)
			}
			w.same("open", []store.Proposal{second}, list(w, store.ProposalFilter{State: store.ProposalOpen}))
		},
	})
}

func testStatements(t *testing.T, h Harness) {
	const id, other = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"
	use := func(w *world, id, user string) (first bool) {
		w.Helper()
		w.update(func(tx store.Tx) (err error) {
			first, err = tx.UseStatement(w.ctx, id, user)
			return err
		})
		return first
	}
	tests(t, h, map[string]func(*world){
		"a statement is good for one user of it, as often as he likes": func(w *world) {
			w.same("first", true, use(w, id, "me"))
			w.same("again", false, use(w, id, "me"))
			w.updateFails(func(tx store.Tx) error { _, err := tx.UseStatement(w.ctx, id, "you"); return err }, store.ErrExists)
			w.same("another", true, use(w, other, "you"))
		},

		"of two who use it at once one is refused": func(w *world) {
			done := w.race(2, func(i int) error {
				return w.db.Update(w.ctx, func(tx store.Tx) error {
					_, err := tx.UseStatement(w.ctx, id, fmt.Sprint("user ", i))
					return err
				})
			})
			w.same("how many used it", 1, done)
		},

		"nobody makes a used one good again": func(w *world) {
			use(w, id, "me")
			for _, statement := range []string{"DELETE FROM statements", "UPDATE statements SET used_by = 'you'"} {
				if err := w.exec(statement); err == nil {
					w.Errorf("%s was done", statement)
				}
			}
		},
	})
}
