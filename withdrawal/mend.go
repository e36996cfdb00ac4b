package withdrawal

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

// mend asks for further attempts at nonces that have one: a replacement with higher fees for what no block takes, and what
// operators wish. It repairs one nonce at a time and frees none: whichever attempt is mined, the others are dead (F07, F08).
func (l *lane) mend(ctx context.Context) (again bool, err error) {
	m, err := l.mending(ctx)
	if err != nil || len(m.places)+len(m.wishes) == 0 {
		return false, err
	}
	l.reachable.known(ctx)
	head, err := l.head(ctx, m)
	if err != nil {
		return false, err
	}
	repairs, ended := l.repairs(m, head)
	n, err := l.repair(ctx, repairs)
	if n > 0 {
		l.wake(stepSign)
	}
	return false, errors.Join(err, l.endWishes(ctx, ended), l.cancelUnasked(ctx, m))
}

// mending is what the mend step looks at.
type mending struct {
	places  []place // where something is asked for and not settled, with the refused attempts there
	gaps    map[int64]uint64
	wishes  []store.Wish
	unasked map[string]store.Withdrawal // payments with a wish that have no attempt under way
	now     time.Time
}

// mending reads it.
func (l *lane) mending(ctx context.Context) (m mending, err error) {
	err = l.db.View(ctx, func(r store.Reader) error {
		if is, err := paused(ctx, r); err != nil || is {
			return err
		}
		if m.wishes, err = r.Wishes(ctx, store.WishFilter{Open: true, ChainType: l.setup.Type, ChainID: &l.setup.ID}); err != nil {
			return err
		}
		if m.now, err = r.Now(ctx); err != nil {
			return err
		}
		if aged, err := l.aged(ctx, r, m.now); err != nil || !aged && len(m.wishes) == 0 {
			return err
		}
		out, err := r.Attempts(ctx, l.attempts(open...))
		if err != nil {
			return err
		}
		if m.gaps, err = lowestGaps(ctx, r, out); err != nil {
			return err
		}
		if m.places, err = l.mendable(ctx, r, out); err != nil {
			return err
		}
		return l.wished(ctx, r, &m)
	})
	return m, storefault.Of(err, "read what is to be mended")
}

// aged says whether something is on its way to being stuck: until then nobody needs to look at all that is out.
func (l *lane) aged(ctx context.Context, r store.Reader, now time.Time) (bool, error) {
	f := l.attempts(open...)
	f.Bare = true
	out, err := r.Attempts(ctx, f)
	return slices.ContainsFunc(out, func(a store.Attempt) bool { return l.ageing(a, now) }), err
}

// ageing says whether an attempt was signed half the time ago after which its fees are to be raised.
func (l *lane) ageing(a store.Attempt, now time.Time) bool {
	return l.setup.BumpAfter > 0 && !a.SignedAt.IsZero() && over(l.setup.BumpAfter/2, a.SignedAt, now)
}

// mendable are the places at which a further attempt can help: not those of payments in review, because something else has their
// nonces, and would be outbid for ever.
func (l *lane) mendable(ctx context.Context, r store.Reader, out []store.Attempt) ([]place, error) {
	rows, err := l.inReview(ctx, r)
	return slices.DeleteFunc(places(out), func(p place) bool {
		return slices.ContainsFunc(rows, func(w store.Withdrawal) bool { return w.Payment == p.payment() })
	}), err
}

// wished reads what the wishes are about.
func (l *lane) wished(ctx context.Context, r store.Reader, m *mending) error {
	if len(m.wishes) == 0 {
		return nil
	}
	ids := make([]string, len(m.wishes))
	for i, w := range m.wishes {
		ids[i] = w.Payment
	}
	rows, err := r.Withdrawals(ctx, store.WithdrawalFilter{Payments: ids, Unasked: true})
	if err != nil {
		return err
	}
	m.unasked = make(map[string]store.Withdrawal, len(rows))
	for _, w := range rows {
		m.unasked[w.Payment] = w
	}
	refused, err := r.Attempts(ctx, store.AttemptFilter{Payments: ids, States: []string{store.AttemptRefused}})
	for i := range m.places {
		p := &m.places[i]
		for _, a := range refused {
			if a.WalletID == p.walletID && a.Nonce == p.nonce {
				p.refused = append(p.refused, a)
			}
		}
	}
	return err
}

// repair is one further attempt to be asked for.
type repair struct {
	place     place
	purpose   signing.Purpose
	wish      int64 // the wish it fulfils; 0: none
	outpriced bool  // only if nothing that stands there can be in the next block
	why       string
}

// repairs decides which nonces get a further attempt, and which wishes have come to their end without one. head is the height of
// the latest block, 0 if nobody knows.
func (l *lane) repairs(m mending, head uint64) (all []repair, ended map[int64]string) {
	ended = map[int64]string{}
	byPayment := map[string]place{}
	for _, p := range m.places {
		byPayment[p.payment()] = p
	}
	done := map[spot]bool{}
	for _, w := range m.wishes {
		p, there := byPayment[w.Payment]
		if !there {
			continue
		}
		if !l.signs(p.walletID) {
			if end := l.offlineWish(w); end != "" {
				ended[w.ID] = end
			}
			continue
		}
		r, end := wish(w, p)
		if end != "" {
			ended[w.ID] = end
		}
		if r != nil && !done[p.spot()] {
			done[p.spot()] = true
			all = append(all, *r)
		}
	}
	m.places = slices.DeleteFunc(slices.Clone(m.places), func(p place) bool { return !l.signs(p.walletID) })
	stuck, above := l.stuck(m, head)
	for i, p := range append(stuck, above...) {
		if !done[p.spot()] {
			all = append(all, repair{
				place: p, purpose: signing.Purpose(p.newest().Purpose), outpriced: i >= len(stuck), why: "in no block for " + l.setup.BumpAfter.String(),
			})
		}
	}
	return all, ended
}

// wish decides what becomes of a wish about a payment that is under way: a repair now, or its end; neither: it waits.
func wish(w store.Wish, p place) (*repair, string) {
	switch {
	case !p.unmined():
		return nil, "" // in a block: it ends with the payment, or goes on after a reorganisation
	case w.Kind == store.WishCancel && p.cancelling() != nil:
		return nil, ""
	case w.Kind == store.WishCancel && len(p.refused) > 0 && p.refused[len(p.refused)-1].Purpose == string(signing.PurposeCancel):
		return nil, p.refused[len(p.refused)-1].Note
	case w.Kind == store.WishCancel:
		return &repair{place: p, purpose: signing.PurposeCancel, why: "cancelled by " + w.Actor}, ""
	case p.has(store.AttemptAsked):
		return nil, "" // first the answer to what is asked for
	}
	return &repair{place: p, purpose: signing.Purpose(p.newest().Purpose), wish: w.ID, why: "bumped by " + w.Actor}, ""
}

// blocksBeforeABump is how many blocks have to pass a transaction by before it is called stuck: none do when the chain stands still,
// and then no fee helps.
const blocksBeforeABump = 2

// stuck are the nonces whose fees are to be raised: of each wallet the lowest, if blocks passed by what was asked for there, for
// longer than the chain's bump_after. What stands above it waits for it (F20), and is stuck itself only if it is as old and the
// chain has become too dear for it.
func (l *lane) stuck(m mending, head uint64) (stuck, above []place) {
	if l.setup.BumpAfter == 0 {
		return nil, nil
	}
	seen := make(map[int64]uint64, len(m.places))
	var wallet int64
	var waits bool // the wallet's lowest is no reason to raise anything
	for _, p := range contiguous(m.places, m.gaps) {
		old := !p.has(store.AttemptAsked) && p.feesHelp() && over(l.setup.BumpAfter, p.newest().SignedAt, m.now)
		switch {
		case p.walletID != wallet:
			wallet = p.walletID
			if waits = !l.passedBy(p, head, seen) || !old; !waits {
				stuck = append(stuck, p)
			}
		case old && !waits:
			above = append(above, p)
		}
	}
	l.heads = seen
	return stuck, above
}

// passedBy says whether enough blocks came since the newest attempt at a place was seen first, which it notes in seen.
func (l *lane) passedBy(p place, head uint64, seen map[int64]uint64) bool {
	a := p.newest()
	first, known := l.heads[a.ID]
	switch {
	case head == 0 && !known:
		return false // nobody knows when it was seen first
	case head == 0:
	case !known || head < first:
		first = head
	}
	seen[a.ID] = first
	return head > 0 && head >= first+blocksBeforeABump
}

// feesHelp says whether higher fees may get it into a block: not what the wallet cannot pay for, nor what finds something else's
// transaction at its nonce (F09).
func (p place) feesHelp() bool {
	a := p.newest()
	return !strings.HasPrefix(a.Note, string(chain.Unfunded)) && (!strings.HasPrefix(a.Note, string(chain.Occupied)) || p.has(store.AttemptSent))
}

// head is the height of the latest block that most nodes have, if something is old enough for it to matter.
func (l *lane) head(ctx context.Context, m mending) (uint64, error) {
	nodes, ok := l.chain.(chain.Nodes)
	if !ok || !slices.ContainsFunc(m.places, func(p place) bool { return l.ageing(p.newest(), m.now) }) {
		return 0, nil
	}
	var heads []uint64
	for _, n := range nodes.Nodes(ctx) {
		if n.Problem == "" && !n.WrongChain {
			heads = append(heads, n.Head)
		}
	}
	if len(heads) == 0 {
		return 0, nil
	}
	slices.Sort(heads)
	return heads[(len(heads)-1)/2], nil
}

// repair drafts the further attempts and writes them down as asked. It says how many.
func (l *lane) repair(ctx context.Context, all []repair) (int, error) {
	if len(all) == 0 {
		return 0, nil
	}
	caps, err := l.feeCaps(ctx, all)
	if err != nil {
		return 0, err
	}
	orders := make([]chain.Order, len(all))
	for i, r := range all {
		if orders[i], err = r.order(); err != nil {
			return 0, err
		}
		orders[i].FeeCap = caps[i]
	}
	drafts, errs := apart(orders, func(some []chain.Order) ([]chain.Drafted, error) { return l.chain.Draft(ctx, some) })
	if err := nobody(errs); err != nil {
		return 0, err
	}
	n := 0
	for i, r := range all {
		switch {
		case errs[i] != nil:
			l.log.Warn("no further attempt can be drafted now", "wallet", r.place.newest().Address, "nonce", r.place.nonce, "error", errs[i])
		case r.outpriced && !drafts[i].Outpriced:
		case drafts[i].Wait != "":
			if err := l.noteWait(ctx, r.place.payment(), reasonFees+drafts[i].Wait); err != nil {
				return n, err
			}
		default:
			asked, err := l.askAgain(ctx, r, drafts[i].Intent)
			if n += asked; err != nil {
				return n, err
			}
			if err := l.noteWait(ctx, r.place.payment(), ""); err != nil { // what it waited for is over
				return n, err
			}
		}
	}
	return n, nil
}

// feeCaps are what the payments of repairs were authorized with. A cancellation needs no authorization, and has no such cap.
func (l *lane) feeCaps(ctx context.Context, all []repair) ([]*big.Int, error) {
	var ids []string
	for _, r := range all {
		if r.purpose == signing.PurposePayment {
			ids = append(ids, r.place.payment())
		}
	}
	caps := make([]*big.Int, len(all))
	if len(ids) == 0 {
		return caps, nil
	}
	of := map[string]*big.Int{}
	err := l.db.View(ctx, func(r store.Reader) error {
		rows, err := r.Withdrawals(ctx, store.WithdrawalFilter{Payments: ids})
		for _, w := range rows {
			of[w.Payment] = feeCap(w)
		}
		return err
	})
	for i, r := range all {
		if r.purpose == signing.PurposePayment {
			caps[i] = of[r.place.payment()]
		}
	}
	return caps, storefault.Of(err, "read what fees are authorized")
}

// order is what is to be drafted for a repair: the same payment again, or its cancellation, outbidding all that stands there.
func (r repair) order() (chain.Order, error) {
	var o chain.Order
	for _, a := range r.place.attempts {
		i, err := signing.Parse(a.Intent)
		if err != nil {
			return o, fmt.Errorf("attempt %d: %w", a.ID, err)
		}
		o.Replaces = append(o.Replaces, i)
		o.Ledger, o.Purpose, o.ChainID, o.From, o.Nonce = i.Ledger, r.purpose, i.ChainID, i.From, i.Nonce
		if r.purpose == signing.PurposeCancel {
			o.Payment = chain.Payment{ID: i.Payment, To: i.From, Amount: new(big.Int)}
		} else if i.Purpose == r.purpose {
			o.Payment = chain.Payment{ID: i.Payment, To: i.EVM.To, Contract: i.EVM.Contract, Amount: integer(i.EVM.Amount)}
		}
	}
	return o, nil
}

// askAgain writes a further attempt down as asked, with the end of the wish that it fulfils.
func (l *lane) askAgain(ctx context.Context, r repair, intent signing.Intent) (n int, err error) {
	ask := askOf(r.place.walletID, 0, intent, "", 0)
	ask.Again = true
	if err := l.gate.open(ctx); err != nil {
		return 0, err
	}
	err = l.update(ctx, []int64{r.place.walletID}, func(tx store.Tx) error {
		ids, err := tx.Ask(ctx, []store.Ask{ask})
		if err != nil || ids[0] == 0 {
			return err
		}
		n = 1
		if r.wish != 0 {
			if err := tx.EndWishes(ctx, []int64{r.wish}, fmt.Sprintf("asked for as attempt %d", ids[0])); err != nil {
				return err
			}
		}
		return record(ctx, tx, l.actor, []store.AuditRow{{
			Action: actionAsk, Subject: subjectOf(r.place), After: fmt.Sprintf("%s as attempt %d at nonce %d of wallet %d", r.purpose, ids[0], r.place.nonce, r.place.walletID),
			Result: store.ResultDone, Reason: r.why,
		}})
	})
	if errors.Is(err, store.ErrStale) {
		return 0, nil // it is another daemon's now
	}
	if err == nil && n > 0 {
		l.observer.Replaced(l.name, string(r.purpose))
	}
	return n, storefault.Of(err, "write down a further attempt")
}

func subjectOf(p place) string {
	if p.payment() != "" {
		return p.payment()
	}
	return fmt.Sprintf("gap fill of nonce %d of %s", p.nonce, p.newest().Address)
}

// noteWait writes beside a payment under way why it goes no further now.
func (l *lane) noteWait(ctx context.Context, payment, reason string) error {
	if payment == "" {
		return nil
	}
	err := l.db.Update(ctx, func(tx store.Tx) error {
		rows, err := tx.Withdrawals(ctx, store.WithdrawalFilter{Payments: []string{payment}, States: []string{store.WithdrawalAssigned}})
		if err != nil || len(rows) == 0 || rows[0].Reason == reason {
			return err
		}
		return tx.MoveWithdrawals(ctx, []store.WithdrawalMove{moveWithdrawal(payment, store.WithdrawalAssigned, store.WithdrawalAssigned, "", reason)})
	})
	if errors.Is(err, store.ErrStale) {
		return nil
	}
	return storefault.Of(err, "note why "+payment+" waits")
}
