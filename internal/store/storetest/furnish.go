package storetest

import (
	"slices"
	"testing"
	"time"

	"coffer.internal/internal/store"
)

// Furnish fills a ledger with a bit of everything that one can hold: attempts in each state, fee replacements and gap fills, external
// ranges, payments that wait and payments that ended, alarms, wishes, receipts, authorizations, audit rows, and text that is hard to write
// down. Its audit rows are not sealed.
func Furnish(t *testing.T, db store.DB) {
	t.Helper()
	(&world{T: t, ctx: t.Context(), db: db}).furnish()
}

const hardText = "\"quoted\" \\ <b>&amp;</b> 汉字 é \u2028 \U0001F4B0 tab\t line\n end"

func (w *world) furnish() {
	w.Helper()
	a, b := w.hot(), w.hot()
	other := elsewhere("0xelsewhere")
	other.WalletType, other.ChainID = "cold", 1<<53
	cold := w.add(other)
	w.update(func(tx store.Tx) error { return tx.SetActive(w.ctx, b.ID, false) })
	w.furnishAttempts(a.ID, b.ID)
	w.furnishNonces(b.ID, cold.ID)
	w.furnishPayments()

	braked := braking(alarm("foreign_use", a))
	braked.Sticky, braked.Why, braked.Payment = true, hardText, "mined"
	w.raiseAlarms(braked, onChain("nodes_disagree"))
	w.endAlarms("nodes_disagree")
	w.wish("mined", store.WishBump)
	ended := w.wish("signed", store.WishCancel)
	w.update(func(tx store.Tx) error { return tx.EndWishes(w.ctx, []int64{ended.ID}, "too late") })
	w.verified(2)
	w.furnishRestore(a)
	w.furnishOperators()
	w.update(func(tx store.Tx) error {
		return tx.Record(w.ctx, []store.AuditRow{
			{Actor: "ann@host 1", Action: "wallet.create", Subject: a.Address, After: hardText, Result: store.ResultDone},
			{Actor: "bob@host 2", Action: "sync", Subject: b.Address, Before: "1", After: "2", Result: store.ResultRefused, Reason: hardText},
		})
	})
}

// furnishOperators makes one that is good and one that is not, a proposal of each kind, a statement that was used, and settings of which
// one is in force.
func (w *world) furnishOperators() {
	w.Helper()
	w.nameOperators(operator("ann", "officer", "SHA256:ann"), operator("bob", "viewer", "SHA256:bob"))
	w.revoke(w.operators()[1].ID)
	w.accept(settings("a"), settings("b"))
	w.revokeSettings(w.accepted()[0].ID)
	w.update(func(tx store.Tx) error {
		var last store.Proposal
		for _, act := range []string{"one", "two"} {
			p := store.Proposal{Act: act, Reason: hardText, Preview: hardText, Digest: "d", Maker: "ann", MakerKey: "SHA256:ann", Signed: hardText}
			var err error
			if last, err = tx.AddProposal(w.ctx, p, time.Hour); err != nil {
				return err
			}
		}
		if _, err := tx.UseStatement(w.ctx, "00112233445566778899aabbccddeeff", "one"); err != nil {
			return err
		}
		return tx.MoveProposal(w.ctx, store.ProposalMove{ID: last.ID, To: store.ProposalDone, By: "bob"})
	})
}

// furnishAttempts makes a payment of each state that an attempt can be in, a replaced one, a refused one and a gap fill.
func (w *world) furnishAttempts(a, b int64) {
	w.Helper()
	path := []string{store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined, store.AttemptFinal}
	for i, state := range path {
		n := w.assign(a, state, w.future())
		w.move(w.ask(n), path[:i+1]...)
	}
	w.update(func(tx store.Tx) error {
		return tx.MoveWithdrawals(w.ctx, []store.WithdrawalMove{
			{Payment: store.AttemptFinal, From: store.WithdrawalAssigned, To: store.WithdrawalEnded, Outcome: store.OutcomePaid},
			{Payment: store.AttemptMined, From: store.WithdrawalAssigned, To: store.WithdrawalNeedsReview, Reason: hardText},
		})
	})

	n := w.assign(b, "replaced", w.future())
	first := w.ask(n)
	w.move(first, path[:3]...)
	again := w.askFor(n)
	again.Again, again.Purpose = true, "fee_replacement"
	second := w.asks(again)[0]
	w.move(second, path...)
	w.move(first, store.AttemptSent, store.AttemptSuperseded)

	refused := w.ask(w.assign(b, "refused", w.future()))
	w.update(moveAttempts(w, answer(refused, store.AttemptRefused, receipt(1))))
	gap := w.reserve(b, "given-back", w.future())
	above := w.ask(w.reserve(b, "above", w.future()))
	w.update(moveAttempts(w, answer(above, store.AttemptSigned, receipt(3))))
	w.release(gap)
	w.asks(w.fill(w.nonce(b, gap.Nonce)))
}

// furnishNonces makes nonces of each state.
func (w *world) furnishNonces(b, cold int64) {
	w.Helper()
	w.reserve(b, "reserved", w.future())
	w.reserve(b, "expired", w.past())
	w.release(w.reserve(b, "free", w.future()))
	kept := w.reserve(cold, "cold-1", time.Time{})
	w.update(func(tx store.Tx) error { return tx.MarkSentElsewhere(w.ctx, cold, kept.Nonce, kept.Fence, "0xtold") })
	w.reserve(cold, "cold-2", time.Time{})
	w.update(func(tx store.Tx) error {
		at := w.now()
		if err := tx.MoveCursors(w.ctx, moves(cold, 2, 1<<52)); err != nil {
			return err
		}
		return tx.AddExternals(w.ctx, []store.External{{WalletID: cold, From: 2, To: 1<<52 - 1, Evidence: "operator", Reason: hardText, At: at}})
	})
}

// furnishRestore makes a restore that is accepted.
func (w *world) furnishRestore(of store.Wallet) {
	w.Helper()
	r, seven := w.beginRestore(), uint64(7)
	w.update(func(tx store.Tx) error {
		ds := []store.Difference{
			{Kind: "external_chain", Subject: "nonce 7", ChainType: of.ChainType, ChainID: of.ChainID, Address: of.Address, Nonce: &seven, Payment: "mined", Detail: hardText},
			{Kind: "signer_unknown", Subject: hardText, Detail: "x"},
		}
		if err := tx.NoteDifferences(w.ctx, r.ID, ds); err != nil {
			return err
		}
		if err := tx.FinishExamination(w.ctx, r.ID); err != nil {
			return err
		}
		return tx.AcceptRestore(w.ctx, r.ID, "ann", hardText)
	})
}

// furnishPayments makes payments that have no nonce.
func (w *world) furnishPayments() {
	w.Helper()
	w.withdraw("queued")
	with := newWithdrawal("authorized")
	with.Authorized = store.Authorized{Tokens: []string{"t-1", "t-2"}, Until: w.future().Truncate(time.Second), MaxFee: "100000000000000000000"}
	w.update(func(tx store.Tx) error {
		return tx.AddWithdrawals(w.ctx, []store.NewWithdrawal{with, newWithdrawal("cancelled")})
	})
	w.update(func(tx store.Tx) error {
		return tx.MoveWithdrawals(w.ctx, []store.WithdrawalMove{
			{Payment: "cancelled", From: store.WithdrawalQueued, To: store.WithdrawalEnded, Outcome: store.OutcomeCancelled, Reason: "by its caller"},
			{Payment: "authorized", From: store.WithdrawalQueued, To: store.WithdrawalQueued, Unauthorized: "too old", Against: []string{"t-1", "t-2"}},
		})
	})
}

// contents is every row of every table.
func contents(w *world) map[string][][]any {
	w.Helper()
	return read(w, func(r store.Reader) (map[string][][]any, error) {
		all := map[string][][]any{}
		for _, t := range store.Tables() {
			err := r.ReadTable(w.ctx, t, func(row []any) error {
				all[t.Name] = append(all[t.Name], slices.Clone(row))
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
		return all, nil
	})
}
