package reconcile

import (
	"context"
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

func (w *walk) step(ctx context.Context, n int) error {
	w.looked += n
	if w.o.Progress != nil {
		w.o.Progress(w.looked)
	}
	return ctx.Err()
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
