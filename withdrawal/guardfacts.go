package withdrawal

import (
	"context"
	"slices"
	"strings"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

// guardFacts reads what the guard judges by: first the wallets there are, then what the chain and the signing machine say, then
// the ledger again.
func (l *lane) guardFacts(ctx context.Context) (guardFacts, error) {
	f := guardFacts{
		chainType: l.setup.Type, chainID: l.setup.ID, stuck: l.setup.stuckAfter(), headAge: l.setup.HeadMaxAge, streak: l.watch.streak,
	}
	err := l.db.View(ctx, func(r store.Reader) error { return l.guardWallets(ctx, r, &f) })
	if err != nil {
		return f, storefault.Of(err, "read the wallets to be guarded")
	}
	l.guardChain(ctx, &f)
	if err := ctx.Err(); err != nil {
		return f, err // a pass that was cut off has seen nothing
	}
	err = l.db.View(ctx, func(r store.Reader) error { return l.guardLedger(ctx, r, &f) })
	if err != nil {
		return f, storefault.Of(err, "read what is guarded")
	}
	l.guardMachine(ctx, &f)
	f.gate.agreed = l.gate.open(ctx) == nil
	f.gate.found, f.gate.known = l.gate.state()
	l.remember(f)
	return f, ctx.Err()
}

// DefaultStuckAfter is how long the lowest nonce may be in no block, where the setup does not say.
const DefaultStuckAfter = 10 * time.Minute

func (s ChainSetup) stuckAfter() time.Duration {
	if s.StuckAfter > 0 {
		return s.StuckAfter
	}
	return DefaultStuckAfter
}

// guardWallets finds the wallets that this daemon drives. Who drives the first of the chain judges what is about the chain, so
// that daemons whose nodes answer differently do not end each other's alarms.
func (l *lane) guardWallets(ctx context.Context, r store.Reader, f *guardFacts) error {
	all, err := r.Wallets(ctx, store.WalletFilter{ChainType: l.setup.Type, ChainID: &l.setup.ID})
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(w store.Wallet) bool { return !driven(w) })
	f.leads = len(all) == 0 || l.leases.has(all[0].ID)
	for _, w := range all {
		if l.leases.has(w.ID) {
			f.wallets = append(f.wallets, walletFacts{row: w})
		}
	}
	return nil
}

// guardChain asks the chain. What it does not offer, or does not answer, stays unknown.
func (l *lane) guardChain(ctx context.Context, f *guardFacts) {
	addresses := make([]string, len(f.wallets))
	for i, w := range f.wallets {
		addresses[i] = w.row.Address
	}
	if c, ok := l.chain.(chain.Nodes); ok {
		f.nodes = c.Nodes(ctx)
	}
	if c, ok := l.chain.(chain.Accounts); ok && len(addresses) > 0 {
		if counts, err := c.Counts(ctx, addresses); err == nil {
			for i := range counts {
				f.wallets[i].count = &counts[i]
			}
		}
	}
	if c, ok := l.chain.(chain.Delegates); ok && len(addresses) > 0 {
		if delegates, err := c.Delegates(ctx, addresses); err == nil {
			for i := range delegates {
				f.wallets[i].delegate = &delegates[i]
			}
		}
	}
	if funds, err := l.chain.Funds(ctx, nil, nil); err == nil {
		f.fees = &funds.Wait
	}
}

// guardLedger reads the ledger's part, in one snapshot that is newer than what the chain said.
func (l *lane) guardLedger(ctx context.Context, r store.Reader, f *guardFacts) (err error) {
	if f.now, err = r.Now(ctx); err != nil {
		return err
	}
	if f.open, err = r.Alarms(ctx, store.AlarmFilter{Open: true, ChainType: f.chainType, ChainID: &f.chainID}); err != nil {
		return err
	}
	if f.restored, err = r.Restored(ctx); err != nil {
		return err
	}
	if err := l.guardLifted(ctx, r, f); err != nil {
		return err
	}
	if err := l.guardRows(ctx, r, f); err != nil {
		return err
	}
	if err := l.guardQueue(ctx, r, f); err != nil {
		return err
	}
	return l.guardReview(ctx, r, f)
}

// guardRows reads the wallets' cursors, nonces and attempts.
func (l *lane) guardRows(ctx context.Context, r store.Reader, f *guardFacts) error {
	if len(f.wallets) == 0 {
		return nil
	}
	ids, of := make([]int64, len(f.wallets)), map[int64]*walletFacts{}
	for i := range f.wallets {
		w := &f.wallets[i]
		ids[i], of[w.row.ID] = w.row.ID, w
	}
	rows, err := r.Wallets(ctx, store.WalletFilter{IDs: ids})
	if err != nil {
		return err
	}
	for _, row := range rows {
		of[row.ID].row = row
	}
	open, err := r.Nonces(ctx, store.NonceFilter{WalletIDs: ids, States: []string{store.NonceFree, store.NonceReserved}})
	if err != nil {
		return err
	}
	for _, n := range open {
		of[n.WalletID].unasked = append(of[n.WalletID].unasked, n.Nonce)
	}
	out, err := r.Attempts(ctx, l.attempts(store.AttemptAsked, store.AttemptSigned, store.AttemptSent))
	if err != nil {
		return err
	}
	for _, a := range out {
		if w := of[a.WalletID]; w != nil {
			w.out = append(w.out, a)
		}
	}
	for i := range f.wallets {
		if err := f.guardOut(ctx, r, &f.wallets[i]); err != nil {
			return err
		}
		if err := f.guardForeign(ctx, r, &f.wallets[i]); err != nil {
			return err
		}
	}
	return l.guardFills(ctx, r, of)
}

// guardOut leaves out what can be in no block any more, because something else has spent the nonce: its payment waits for a person,
// and the wallet does not.
func (f *guardFacts) guardOut(ctx context.Context, r store.Reader, w *walletFacts) error {
	if len(w.out) == 0 {
		return nil
	}
	spent, err := r.Externals(ctx, w.row.ID)
	w.out = slices.DeleteFunc(w.out, func(a store.Attempt) bool { return covered(spent, a.Nonce) })
	return err
}

// guardForeign reads which used nonces are external: something else has spent what was asked for. What a person knows of, because
// the alarm is open or was lifted since, is not looked for again.
func (f *guardFacts) guardForeign(ctx context.Context, r store.Reader, w *walletFacts) error {
	key := subject(AlarmForeignSpend, f.chainType, f.chainID, w.row.Address)
	if slices.ContainsFunc(f.open, func(a store.Alarm) bool { return a.Key == key }) {
		return nil
	}
	all, err := r.Externals(ctx, w.row.ID)
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.Evidence != evidenceChain || e.From != e.To || !e.At.After(f.ended[key]) {
			continue
		}
		used, err := r.Nonces(ctx, store.NonceFilter{WalletID: w.row.ID, States: []string{store.NonceUsed}, From: e.From, Limit: 1})
		if err != nil {
			return err
		}
		if len(used) > 0 && used[0].Nonce == e.From {
			w.foreign = append(w.foreign, e)
		}
	}
	return nil
}

// guardFills reads the gaps that the signing machine refused to fill.
func (l *lane) guardFills(ctx context.Context, r store.Reader, of map[int64]*walletFacts) error {
	gaps, err := r.Fillable(ctx, l.setup.Type, l.setup.ID)
	if err != nil {
		return err
	}
	for _, n := range gaps {
		w := of[n.WalletID]
		if w == nil || n.State != store.NonceUsed {
			continue
		}
		as, err := r.Attempts(ctx, store.AttemptFilter{WalletID: n.WalletID, Nonce: &n.Nonce, States: []string{store.AttemptRefused}})
		if err != nil {
			return err
		}
		for _, a := range as {
			if a.Purpose == string(signing.PurposeGapFill) {
				w.unfilled = append(w.unfilled, a)
			}
		}
	}
	return nil
}

// guardQueue reads what is not asked for yet. What no wallet has the funds for lets the others pass, so it is among the oldest.
func (l *lane) guardQueue(ctx context.Context, r store.Reader, f *guardFacts) error {
	q := l.withdrawals(store.WithdrawalQueued, store.WithdrawalAssigned)
	q.Limit = pageSize
	oldest, err := r.Withdrawals(ctx, q)
	if err != nil || len(oldest) == 0 {
		return err
	}
	f.waiting = &oldest[0]
	seen := map[string]bool{}
	for _, w := range oldest {
		if w.Reason == noFunds && !seen[w.Asset] {
			seen[w.Asset] = true
			f.poor = append(f.poor, w)
		}
	}
	return nil
}

// guardReview reads the payments that wait for a person, and why.
func (l *lane) guardReview(ctx context.Context, r store.Reader, f *guardFacts) error {
	rows, err := l.inReview(ctx, r)
	if err != nil || len(rows) == 0 {
		return err
	}
	payments := make([]string, len(rows))
	for i, w := range rows {
		payments[i] = w.Payment
	}
	attempts, err := r.Attempts(ctx, store.AttemptFilter{Payments: payments, States: []string{store.AttemptRefused}})
	if err != nil {
		return err
	}
	conflicts := map[string]*store.Attempt{}
	for i, a := range attempts {
		if a.Refusal == string(signing.RefusedAsConflict) {
			conflicts[a.Payment] = &attempts[i]
		}
	}
	for _, w := range rows {
		f.review = append(f.review, reviewFacts{row: w, conflict: conflicts[w.Payment], foreign: becauseOfOthers(w.Reason)})
	}
	return nil
}

// becauseOfOthers says whether a payment waits for a person because something else has spent its nonce: by its reason, which is
// where that is written.
func becauseOfOthers(reason string) bool {
	return strings.Contains(reason, byOthers) && strings.HasPrefix(reason, "nonce ")
}

// guardLifted reads when a person ended alarms of the kinds that rest on what stays written.
func (l *lane) guardLifted(ctx context.Context, r store.Reader, f *guardFacts) error {
	f.ended = map[string]time.Time{}
	all, err := r.Alarms(ctx, store.AlarmFilter{
		ChainType: f.chainType, ChainID: &f.chainID, Kinds: []string{string(AlarmForeignSpend), string(AlarmSignerConflict)},
	})
	for _, a := range all {
		if a.EndedAt.After(f.ended[a.Key]) {
			f.ended[a.Key] = a.EndedAt
		}
	}
	return err
}

// guardMachine asks the signing machine about itself, if something waits for it.
func (l *lane) guardMachine(ctx context.Context, f *guardFacts) {
	m, ok := l.signer.(interface {
		Status(context.Context) (signing.Status, error)
	})
	waits := f.waiting != nil || slices.ContainsFunc(f.wallets, func(w walletFacts) bool {
		return l.signs(w.row.ID) && slices.ContainsFunc(w.out, func(a store.Attempt) bool { return a.State == store.AttemptAsked })
	})
	if !ok || !waits {
		return
	}
	st, err := m.Status(ctx)
	if ctx.Err() == nil {
		f.signer = signerFacts{known: true, silent: err != nil, locked: err == nil && st.Locked}
		if err == nil {
			f.signer.frozen = st.Frozen
		}
	}
}

// remember fills in since when each wallet's lowest nonce is that, and keeps what was seen.
func (l *lane) remember(f guardFacts) {
	now := map[int64]lowest{}
	for i := range f.wallets {
		w := &f.wallets[i]
		if len(w.out) == 0 {
			now[w.row.ID] = lowest{nonce: w.row.Nonce} // what comes next is the lowest from its signature on
			continue
		}
		is := lowest{nonce: w.out[0].Nonce}
		switch was, known := l.watch.lowest[w.row.ID]; {
		case known && was.nonce == is.nonce:
			is.since = was.since
		case known:
			is.since = f.now
		}
		w.lowest, w.lowestFor = is.nonce, is.since
		now[w.row.ID] = is
	}
	l.watch.lowest = now
	l.watch.mu.Lock()
	defer l.watch.mu.Unlock()
	l.watch.last = Watched{At: f.now, Nodes: f.nodes}
}
