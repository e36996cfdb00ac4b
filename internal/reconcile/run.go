package reconcile

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/withdrawal"
)

// Options say what is compared with what.
type Options struct {
	DB     store.DB
	Chains []withdrawal.ChainSetup // those with nodes
	Verify Verify

	Since, Until time.Time // see Report; a zero Until is now
	ChainID      *int64    // only chains with this id

	// Patience is how long a daemon gets to write down what the chain shows, before that is a difference.
	Patience time.Duration
	Progress func(looked int)      // is told how many payments and fills were looked at; may be nil
	Line     func(line Line) error // is given each transaction; may be nil. Its error ends the run.
}

const (
	atOnce        = 500 // payments, or fills, of one page
	walletsAtOnce = 100 // accounts that are counted in one go
	mostReasons   = 100 // kinds of what could not be looked at, told apart
)

// Run compares everything. An error is the database's, Line's, or the context's; what the chains do not answer is in the report.
func Run(ctx context.Context, o Options) (Report, error) {
	w := &walk{o: o, silent: map[Place]string{}, reasons: map[reason]int{}, reported: map[place]bool{}, paid: map[paidOf]int{}, fees: map[feeOf]int{}}
	for _, step := range []func(context.Context) error{w.begin, w.ended, w.open, w.orphans, w.again, w.nonces} {
		if err := step(ctx); err != nil {
			return w.report, err
		}
		if err := ctx.Err(); err != nil {
			return w.report, err
		}
	}
	return w.report, nil
}

// walk is one run.
type walk struct {
	o      Options
	report Report
	looked int

	wallets []store.Wallet
	silent  map[Place]string // chains that are asked for nothing any more, and why
	later   []string         // payments of which the chain is ahead of the ledger

	reasons  map[reason]int // where in report.Unchecked
	reported map[place]bool // nonces that a difference is about already
	paid     map[paidOf]int // where in report.Paid
	fees     map[feeOf]int  // where in report.Fees
}

type (
	reason struct {
		Place
		why string
	}
	place struct {
		Place
		address string
		nonce   uint64
	}
	feeOf struct {
		Place
		address string
	}
	paidOf struct {
		feeOf
		contract string
	}
)

// begin reads the clock and the wallets, and asks every node which chain it is on.
func (w *walk) begin(ctx context.Context) error {
	w.report.Since, w.report.Until = w.o.Since, w.o.Until
	err := w.o.DB.View(ctx, func(r store.Reader) error {
		now, err := r.Now(ctx)
		if err != nil {
			return err
		}
		if w.report.Until.IsZero() {
			w.report.Until = now
		}
		w.wallets, err = r.Wallets(ctx, store.WalletFilter{ChainID: w.o.ChainID})
		return err
	})
	if err != nil {
		return err
	}
	named := map[Place]bool{}
	for _, x := range w.wallets {
		at := Place{x.ChainType, x.ChainID}
		if _, ok := w.setup(at); !ok && !named[at] {
			named[at] = true
			w.report.NoNodes = append(w.report.NoNodes, at)
		}
	}
	for _, c := range w.o.Chains {
		if at := (Place{c.Type, c.ID}); w.wanted(at.ChainID) {
			if err := c.Chain.Identify(ctx); err != nil {
				w.silent[at] = err.Error()
			}
		}
	}
	return nil
}

func (w *walk) wanted(chainID int64) bool { return w.o.ChainID == nil || *w.o.ChainID == chainID }

func (w *walk) setup(at Place) (withdrawal.ChainSetup, bool) {
	for _, c := range w.o.Chains {
		if c.Type == at.ChainType && c.ID == at.ChainID {
			return c, true
		}
	}
	return withdrawal.ChainSetup{}, false
}

// ended looks at the payments that ended in the span. It asks by that alone: by their state, each page would sort all there are.
func (w *walk) ended(ctx context.Context) error {
	return w.pages(ctx, store.WithdrawalFilter{ChainID: w.o.ChainID, EndedFrom: w.o.Since, EndedUntil: w.report.Until, Limit: atOnce}, &w.report.Ended)
}

// open looks at all payments that have not ended.
func (w *walk) open(ctx context.Context) error {
	return w.pages(ctx, store.WithdrawalFilter{
		States:  []string{store.WithdrawalQueued, store.WithdrawalAssigned, store.WithdrawalNeedsReview, store.WithdrawalHeld},
		ChainID: w.o.ChainID, Limit: atOnce,
	}, &w.report.Open)
}

func (w *walk) pages(ctx context.Context, f store.WithdrawalFilter, count *int) error {
	for {
		page, err := w.read(ctx, f)
		if err != nil {
			return err
		}
		*count += len(page)
		if err := w.payments(ctx, page, false); err != nil {
			return err
		}
		if len(page) < f.Limit {
			return nil
		}
		f.AfterSeq = page[len(page)-1].row.Seq
	}
}

// read reads a page of payments with all that the ledger has of them, in one snapshot.
func (w *walk) read(ctx context.Context, f store.WithdrawalFilter) (page []payment, err error) {
	err = w.o.DB.View(ctx, func(r store.Reader) error {
		page = nil
		rows, err := r.Withdrawals(ctx, f)
		if err != nil || len(rows) == 0 {
			return err
		}
		ids, requests := make([]string, len(rows)), make([]string, len(rows))
		for i, row := range rows {
			ids[i], requests[i] = row.Payment, row.Request
		}
		attempts, err := r.Attempts(ctx, store.AttemptFilter{Payments: ids})
		if err != nil {
			return err
		}
		asked, err := r.Requests(ctx, requests)
		if err != nil {
			return err
		}
		page = together(rows, attempts, asked)
		return nil
	})
	return page, err
}

func together(rows []store.Withdrawal, attempts []store.Attempt, asked []store.Request) []payment {
	of, by := map[string][]store.Attempt{}, map[string]*store.Request{}
	for _, a := range attempts {
		of[a.Payment] = append(of[a.Payment], a)
	}
	for i := range asked {
		by[asked[i].ID] = &asked[i]
	}
	page := make([]payment, len(rows))
	for i, row := range rows {
		page[i] = payment{row: row, request: by[row.Request], attempts: of[row.Payment]}
	}
	return page
}

// payments compares a page of payments.
func (w *walk) payments(ctx context.Context, page []payment, again bool) error {
	all := make([]compared, len(page))
	var look []looked
	for i, p := range page {
		all[i] = p.compare(w.o.Verify)
		look = append(look, all[i].look...)
	}
	seen, err := w.ask(ctx, look)
	if err != nil {
		return err
	}
	for _, c := range all {
		v := c.judge(seen, again)
		if v.later {
			w.later = append(w.later, c.row.Payment)
		}
		for _, l := range c.look {
			if _, asked := seen[l.ID]; !asked {
				v.unknown = append(v.unknown, w.whyNot(Place{l.ChainType, l.ChainID}))
				if l.State == store.AttemptFinal {
					v.lines = append(v.lines, l.line(chain.Sighting{}, c.row.Outcome, verdict{unknown: v.unknown}))
				}
			}
		}
		if err := w.take(v, Place{c.row.ChainType, c.row.ChainID}, "payment "+c.row.Payment); err != nil {
			return err
		}
	}
	return w.step(ctx, len(page))
}

// ask asks the chains about attempts. What is not in the result was not asked about.
func (w *walk) ask(ctx context.Context, look []looked) (map[int64]chain.Sighting, error) {
	on := map[Place][]looked{}
	for _, l := range look {
		at := Place{l.ChainType, l.ChainID}
		on[at] = append(on[at], l)
	}
	seen := make(map[int64]chain.Sighting, len(look))
	for _, c := range w.o.Chains {
		at := Place{c.Type, c.ID}
		if len(on[at]) == 0 || w.silent[at] != "" {
			continue
		}
		txs := make([]chain.Tx, len(on[at]))
		for i, l := range on[at] {
			txs[i] = l.tx
		}
		sightings, err := c.Chain.Watch(ctx, txs)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			w.silent[at] = err.Error()
			continue
		}
		silent := true
		for i, s := range sightings {
			seen[on[at][i].ID] = s
			silent = silent && s.Stage == chain.StageUnknown
		}
		if silent { // it would be the same for all that come after, each time with all time-outs
			w.silent[at] = sightings[0].Note
		}
	}
	return seen, nil
}

// whyNot is why a chain was not asked.
func (w *walk) whyNot(at Place) string {
	if why := w.silent[at]; why != "" {
		return why
	}
	return fmt.Sprintf("[chain.%s.%d] has no nodes in coffer.toml", at.ChainType, at.ChainID)
}

// take adds to the report what a comparison came to.
func (w *walk) take(v verdict, at Place, what string) error {
	for _, d := range v.differences {
		w.differs(d)
	}
	if len(v.unknown) > 0 {
		w.unchecked(at, what, v.unknown[0])
	}
	for _, l := range v.lines {
		if l.Checked == CheckedYes {
			w.add(l)
		}
		if w.o.Line != nil {
			if err := w.o.Line(l); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) differs(d Difference) {
	if d.Nonce != nil {
		w.reported[place{Place{d.ChainType, d.ChainID}, d.Address, *d.Nonce}] = true
	}
	if len(w.report.Differences) >= MostDifferences {
		w.report.More++
		return
	}
	w.report.Differences = append(w.report.Differences, d)
}

func (w *walk) unchecked(at Place, what, why string) {
	key := reason{at, why}
	i, there := w.reasons[key]
	if !there && len(w.reasons) >= mostReasons {
		key = reason{at, "other reasons"}
		i, there = w.reasons[key]
	}
	if !there {
		i = len(w.report.Unchecked)
		w.reasons[key] = i
		w.report.Unchecked = append(w.report.Unchecked, Unchecked{ChainType: at.ChainType, ChainID: at.ChainID, First: what, Why: key.why})
	}
	w.report.Unchecked[i].Count++
}

// add counts a transaction that the chain shows as it is noted.
func (w *walk) add(l Line) {
	w.report.Transactions++
	of := feeOf{l.Place, l.From}
	i, there := w.fees[of]
	if !there {
		i = len(w.report.Fees)
		w.fees[of] = i
		w.report.Fees = append(w.report.Fees, Fee{Place: l.Place, Address: l.From, Amount: new(big.Int)})
	}
	w.report.Fees[i].Transactions++
	w.report.Fees[i].Amount.Add(w.report.Fees[i].Amount, units(l.Fee))
	if l.Outcome != store.OutcomePaid {
		return
	}
	what := paidOf{of, l.Contract}
	if i, there = w.paid[what]; !there {
		i = len(w.report.Paid)
		w.paid[what] = i
		w.report.Paid = append(w.report.Paid, Paid{Place: l.Place, Address: l.From, Contract: l.Contract, Amount: new(big.Int)})
	}
	w.report.Paid[i].Payments++
	w.report.Paid[i].Amount.Add(w.report.Paid[i].Amount, units(l.Amount))
}

// units reads a number of base units; what is none is none.
func units(s string) *big.Int {
	if n, ok := new(big.Int).SetString(s, 10); ok {
		return n
	}
	return new(big.Int)
}

func (w *walk) step(ctx context.Context, n int) error {
	w.looked += n
	if w.o.Progress != nil {
		w.o.Progress(w.looked)
	}
	return ctx.Err()
}

// orphans looks at the attempts that became final in the span and belong to no withdrawal.
func (w *walk) orphans(ctx context.Context) error {
	f := store.AttemptFilter{
		States: []string{store.AttemptFinal}, ChainID: w.o.ChainID, FinalFrom: w.o.Since, FinalUntil: w.report.Until, Orphan: true, Limit: atOnce,
	}
	for {
		var page []store.Attempt
		err := w.o.DB.View(ctx, func(r store.Reader) (err error) {
			page, err = r.Attempts(ctx, f)
			return err
		})
		if err != nil {
			return err
		}
		if err := w.fills(ctx, page); err != nil {
			return err
		}
		if len(page) < f.Limit {
			return nil
		}
		f.AfterID = page[len(page)-1].ID
	}
}

func (w *walk) fills(ctx context.Context, page []store.Attempt) error {
	var look []looked
	for _, a := range page {
		l, d := compareAttempt(a, w.o.Verify)
		switch {
		case a.Payment != "":
			w.differs(unknownPayment(a))
		case d != nil:
			w.differs(*d)
		default:
			look = append(look, l)
		}
	}
	seen, err := w.ask(ctx, look)
	if err != nil {
		return err
	}
	for _, l := range look {
		at := Place{l.ChainType, l.ChainID}
		s, asked := seen[l.ID]
		if !asked {
			s.Stage, s.Note = chain.StageUnknown, w.whyNot(at)
		}
		if err := w.take(judgeOrphan(l, s), at, "attempt "+number(l.ID)); err != nil {
			return err
		}
	}
	return w.step(ctx, len(page))
}

// again looks once more at the payments of which the chain was ahead of the ledger.
func (w *walk) again(ctx context.Context) error {
	if len(w.later) == 0 {
		return nil
	}
	wait := time.NewTimer(w.o.Patience)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	ids := w.later
	for len(ids) > 0 {
		some := ids[:min(len(ids), atOnce)]
		page, err := w.read(ctx, store.WithdrawalFilter{Payments: some})
		if err != nil {
			return err
		}
		if err := w.payments(ctx, page, true); err != nil {
			return err
		}
		ids = ids[len(some):]
	}
	return nil
}

// contractAccounts are wallets whose nonce is a contract's own, not the account's: the chain's count says nothing of it.
const contractAccounts = "multisig"

// nonces compares the wallets' nonces with what the chains count.
func (w *walk) nonces(ctx context.Context) error {
	on := map[Place][]store.Wallet{}
	var order []Place
	for _, x := range w.wallets {
		at := Place{x.ChainType, x.ChainID}
		if x.WalletType == contractAccounts {
			continue
		}
		if on[at] == nil {
			order = append(order, at)
		}
		on[at] = append(on[at], x)
	}
	for _, at := range order {
		for ws := on[at]; len(ws) > 0; ws = ws[min(len(ws), walletsAtOnce):] {
			if err := w.count(ctx, at, ws[:min(len(ws), walletsAtOnce)]); err != nil {
				return err
			}
		}
	}
	return nil
}

// count counts accounts on their chain first, and reads the ledger then: what the chain has spent of ours was asked for here before.
func (w *walk) count(ctx context.Context, at Place, ws []store.Wallet) error {
	setup, ok := w.setup(at)
	accounts, counts := chain.Accounts(nil), []chain.Count(nil)
	if ok {
		accounts, ok = setup.Chain.(chain.Accounts)
	}
	why := w.whyNot(at)
	if ok && w.silent[at] == "" {
		addresses := make([]string, len(ws))
		for i, x := range ws {
			addresses[i] = x.Address
		}
		var err error
		if counts, err = accounts.Counts(ctx, addresses); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			why = err.Error()
		}
	}
	for i, x := range ws {
		switch {
		case counts == nil && x.Nonce == 0 && w.silent[at] == "" && !ok: // no nodes, and nothing to ask them
		case counts == nil:
			w.unchecked(at, "wallet "+x.Address, why)
		case counts[i].Nodes == 0 || counts[i].Silent > 0:
			w.unchecked(at, "wallet "+x.Address, counts[i].Doubt)
		default:
			if err := w.account(ctx, x, counts[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) account(ctx context.Context, x store.Wallet, count chain.Count) error {
	var us []store.Unaccounted
	err := w.o.DB.View(ctx, func(r store.Reader) (err error) {
		us, err = r.Unaccounted(ctx, x.ID, count.Latest, MostDifferences)
		return err
	})
	if err != nil {
		return err
	}
	w.report.Wallets++
	for _, d := range judgeNonces(x, count, us) {
		if d.To != nil || !w.reported[place{Place{d.ChainType, d.ChainID}, d.Address, *d.Nonce}] {
			w.differs(d)
		}
	}
	return nil
}
