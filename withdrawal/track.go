package withdrawal

import (
	"context"
	"fmt"
	"slices"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// track looks on the chain for everything that may be out, and ends what is final.
func (l *lane) track(ctx context.Context) (again bool, err error) {
	var out []store.Attempt
	review := map[string]bool{} // payments that wait for a person
	err = l.db.View(ctx, func(r store.Reader) (err error) {
		if out, err = r.Attempts(ctx, l.attempts(open...)); err != nil || len(out) == 0 {
			return err
		}
		rows, err := l.inReview(ctx, r)
		for _, w := range rows {
			review[w.Payment] = true
		}
		return err
	})
	if err != nil || len(out) == 0 {
		return false, storefault.Of(err, "read what is out")
	}
	seen, err := l.look(ctx, out)
	if err != nil {
		return false, err
	}
	out, beaten, err := l.setBeatenApart(ctx, out, seen)
	if err != nil {
		return false, err
	}
	fates, err := l.news(ctx, append(l.fates(ctx, places(out), seen, review), afterFinal(places(beaten))...))
	if err != nil || len(fates) == 0 {
		return false, err
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	err = settle(len(fates), func(from, to int) error { return l.apply(ctx, fates[from:to]) })
	if err != nil {
		return false, storefault.Of(err, "write down what the chain shows")
	}
	l.wake(stepBind, stepSend)
	return slices.ContainsFunc(fates, func(f fate) bool { return f.again }), nil
}

// look asks the chain about every attempt that has bytes.
func (l *lane) look(ctx context.Context, out []store.Attempt) (map[int64]chain.Sighting, error) {
	withBytes := slices.DeleteFunc(slices.Clone(out), func(a store.Attempt) bool { return a.State == store.AttemptAsked })
	txs, err := txsOf(withBytes)
	if err != nil {
		return nil, err
	}
	sightings, err := l.chain.Watch(ctx, txs)
	if err != nil {
		return nil, err
	}
	seen := make(map[int64]chain.Sighting, len(sightings))
	for i, s := range sightings {
		seen[withBytes[i].ID] = s
	}
	return seen, nil
}

// setBeatenApart finds what was asked for while another attempt at its nonce became final. It can be in no block any more. Most often there is
// none, so only those are looked up of which a node said that the nonce is too low, or all nodes that it is spent.
func (l *lane) setBeatenApart(ctx context.Context, out []store.Attempt, seen map[int64]chain.Sighting) (others, beaten []store.Attempt, err error) {
	f := store.AttemptFilter{States: open, Beaten: true}
	for _, a := range out {
		if s := seen[a.ID]; verdictOf(a) == chain.NonceTooLow || s.Stage == chain.StageAbsent && s.Spent {
			f.IDs = append(f.IDs, a.ID)
		}
	}
	if f.IDs == nil {
		return out, nil, nil
	}
	err = l.db.View(ctx, func(r store.Reader) (err error) {
		beaten, err = r.Attempts(ctx, f)
		return err
	})
	is := byID(beaten)
	return slices.DeleteFunc(out, func(a store.Attempt) bool { _, there := is[a.ID]; return there }), beaten, storefault.Of(err, "read what became final")
}

// fates decides about every place, and keeps those with which something happens.
func (l *lane) fates(ctx context.Context, ps []place, seen map[int64]chain.Sighting, review map[string]bool) []fate {
	var fates []fate
	spent := make(map[spot]int, len(l.spent))
	for _, p := range ps {
		at := spot{p.walletID, p.nonce}
		switch spentElsewhere(p, seen) {
		case yes:
			spent[at] = l.spent[at]
			if l.gate.open(ctx) == nil { // what an old database does not know of is not somebody else's
				spent[at]++
			}
		case unclear:
			spent[at] = l.spent[at]
		}
		f := afterWatch(p, seen, spent[at])
		f.ours = f.ours && review[p.payment()]
		if len(f.moves) > 0 || f.to != "" || f.elsewhere || f.alarm != "" || f.ours {
			fates = append(fates, f)
		}
	}
	l.spent = spent
	return fates
}

// spot is a nonce of a wallet.
type spot struct {
	walletID int64
	nonce    uint64
}

// answer is what can be said of a question.
type answer int

const (
	no answer = iota
	yes
	unclear
)

// spentElsewhere says whether all nodes say that a nonce is spent and that they have none of its attempts in a block.
func spentElsewhere(p place, seen map[int64]chain.Sighting) answer {
	said := yes
	for _, a := range p.attempts {
		s, looked := seen[a.ID]
		switch {
		case !looked || s.Stage == chain.StageUnknown || s.Stage == chain.StageAbsent && !s.All:
			said = unclear
		case s.Stage != chain.StageAbsent || !s.Spent:
			return no
		}
	}
	return said
}

// news drops the fates with which nothing is to be written: what is said there already.
func (l *lane) news(ctx context.Context, fates []fate) (out []fate, err error) {
	if len(fates) == 0 {
		return nil, nil
	}
	var rows map[string]store.Withdrawal
	err = l.db.View(ctx, func(r store.Reader) (err error) {
		rows, err = payments(ctx, r, fates)
		return err
	})
	for _, f := range fates {
		if m, _ := f.end(rows[f.place.payment()]); len(f.moves) > 0 || m != nil {
			out = append(out, f)
		}
	}
	return out, storefault.Of(err, "read what is out")
}

// apply writes what was decided, the ends of the payments in the same transaction.
func (l *lane) apply(ctx context.Context, fates []fate) error {
	var rows map[string]store.Withdrawal
	var attempts []store.AttemptMove
	var ends []store.WithdrawalMove
	err := l.update(ctx, walletsOf(fates), func(tx store.Tx) (err error) {
		if rows, err = payments(ctx, tx, fates); err != nil {
			return err
		}
		attempts, ends = nil, nil
		var audit []store.AuditRow
		for _, f := range fates {
			attempts = append(attempts, f.moves...)
			m, row := f.end(rows[f.place.payment()])
			if m != nil {
				ends = append(ends, *m)
			}
			if row.Action != "" {
				audit = append(audit, row)
			}
			if err := l.nonceOf(ctx, tx, f, m); err != nil {
				return err
			}
		}
		if len(attempts) > 0 {
			if err := tx.MoveAttempts(ctx, attempts); err != nil {
				return err
			}
			audit = append(audit, store.AuditRow{
				Action: actionTrack, Subject: l.batch(len(attempts), "transaction"), After: summary(attempts), Result: store.ResultDone,
			})
		}
		if len(ends) > 0 {
			if err := tx.MoveWithdrawals(ctx, ends); err != nil {
				return err
			}
		}
		if err := endWishes(ctx, tx, ends); err != nil {
			return err
		}
		return record(ctx, tx, l.actor, audit)
	})
	if err != nil {
		return err
	}
	var of []store.Attempt
	for _, f := range fates {
		of = append(of, f.place.attempts...)
	}
	l.observeMoves(attempts, byID(of))
	l.observeEnds(ends, rows)
	for _, f := range fates {
		if a := f.place.newest(); f.alarm != "" {
			l.log.Error(f.alarm, "wallet", a.Address, "nonce", a.Nonce, "payment", a.Payment, "hash", a.Hash)
		}
	}
	return nil
}

// nonceOf writes whose the nonce is: something else's, or ours again.
func (l *lane) nonceOf(ctx context.Context, tx store.Tx, f fate, m *store.WithdrawalMove) error {
	p := f.place
	switch {
	case f.elsewhere && (m != nil || p.payment() == ""):
		return tx.SpendElsewhere(ctx, store.External{
			WalletID: p.walletID, From: p.nonce, To: p.nonce, Evidence: "chain", Reason: "final on all nodes, and no transaction of coffer's",
		})
	case f.ours && m != nil && m.From == store.WithdrawalNeedsReview:
		return tx.WinBack(ctx, p.walletID, p.nonce)
	}
	return nil
}

func walletsOf(fates []fate) []int64 {
	ids := make([]int64, len(fates))
	for i, f := range fates {
		ids[i] = f.place.walletID
	}
	return ids
}

// payments reads the withdrawals of the fates that end something.
func payments(ctx context.Context, r store.Reader, fates []fate) (map[string]store.Withdrawal, error) {
	var ids []string
	for _, f := range fates {
		if id := f.place.payment(); id != "" && (f.to != "" || f.ours) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := r.Withdrawals(ctx, store.WithdrawalFilter{Payments: ids})
	by := make(map[string]store.Withdrawal, len(rows))
	for _, w := range rows {
		by[w.Payment] = w
	}
	return by, err
}

// summary counts moves by the state they lead to.
func summary(moves []store.AttemptMove) string {
	n := map[string]int{}
	for _, m := range moves {
		n[m.To]++
	}
	return fmt.Sprintf("%d mined, %d final, %d back in no block, %d superseded",
		n[store.AttemptMined], n[store.AttemptFinal], n[store.AttemptSent], n[store.AttemptSuperseded])
}
