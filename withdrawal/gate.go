package withdrawal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

// Journaling is what the engine asks of a signing machine beside signatures: which machine it is, and what it ever answered.
type Journaling interface {
	signing.Journal
	Status(ctx context.Context) (signing.Status, error)
}

// gate stands before everything that is asked for and signed. An attempt is committed before its intent is sent, so every entry of the
// signing machine's journal has its attempt in the database; unless the database is older than its machine (a restored backup, a
// fail-over that lost its tail). Then the ledger would hand out nonces that are signed, and take payments for new that were paid: the
// gate shuts, until `coffer recover` has rebuilt what is missing. It shuts as well when the machine is older than its ledger.
type gate struct {
	db      store.DB
	journal Journaling // nil: there is no gate
	take    func(context.Context, []store.Attempt, []signing.Answer) error
	halted  func(context.Context) error // EngineOptions.Halted
	now     func() time.Time
	log     *slog.Logger

	one sync.Mutex // one check at a time

	mu      sync.Mutex // guards what follows
	device  string     // the machine that was checked last; empty: none yet
	doubts  int        // reasons to check again before anything else is asked for
	checked int        // how many of them a check came after
	known   bool       // a check came to an end in this process
	found   *finding   // why it is shut; nil: it is open
	at      time.Time  // when that was found
	seen    uint64     // the highest receipt that was in the database
}

// finding is why the gate is shut.
type finding struct {
	kind AlarmKind
	why  string
}

// err is what is answered to whoever wants something signed. Nothing is known of the intent: it stays asked, if it is.
func (f finding) err() error {
	hint := "coffer recover --dry-run shows what is missing; coffer recover rebuilds it"
	if f.kind == AlarmSignerRolledBack {
		hint = "coffer signer export FILE, then at the machine: coffer-signer load FILE, and coffer-signer unfreeze"
	}
	return fault.Wrap(signing.ErrNoAnswer, fault.Refused, string(f.kind), hint, "%s", f.why)
}

func newGate(o EngineOptions) *gate {
	return &gate{db: o.DB, journal: o.Journal, halted: o.Halted, now: o.Now, log: o.Log}
}

// stepReceipts is the gate's own step.
const stepReceipts = "receipts"

// receiptsEvery is how often a running daemon compares. In between, its own answers show what is new.
const receiptsEvery = 3 * time.Second

// reopenEvery bounds how often a shut gate is looked at again by those who wait before it.
const reopenEvery = time.Second

func (g *gate) step() Step {
	return Step{Name: stepReceipts, Every: receiptsEvery, Pass: func(ctx context.Context) (bool, error) {
		if g.journal == nil {
			return false, nil
		}
		return false, g.check(ctx)
	}}
}

// open says whether something may be asked for and signed now. The first time in a process, and after a doubt, it compares before it
// answers. An error that is no finding wraps signing.ErrNoAnswer too: nothing is known.
func (g *gate) open(ctx context.Context) error {
	if err := g.unpaused(ctx); err != nil {
		return fmt.Errorf("%w: %w", signing.ErrNoAnswer, err)
	}
	if g.journal == nil {
		return nil
	}
	g.mu.Lock()
	known, found, recent := g.known && g.doubts == g.checked, g.found, g.now().Sub(g.at) < reopenEvery
	g.mu.Unlock()
	switch {
	case known && found == nil:
		return nil
	case known && recent:
		return found.err()
	}
	return g.check(ctx)
}

// unpaused is an error while nothing new is to be done, or a restore waits for its acceptance. That is read anew each time, after what is to be done was read: whoever saw rows
// of a restored ledger sees that it is paused.
func (g *gate) unpaused(ctx context.Context) error {
	if err := g.halted(ctx); err != nil {
		return err
	}
	var m store.RestoreMark
	err := g.db.View(ctx, func(r store.Reader) (err error) {
		m, err = r.Restored(ctx)
		return err
	})
	if err != nil {
		return storefault.Of(err, "see whether the ledger is paused")
	}
	return storefault.Paused(m)
}

// paused says whether a restore waits for its acceptance, in the transaction that reads what is to be done.
func paused(ctx context.Context, r store.Reader) (bool, error) {
	m, err := r.Restored(ctx)
	return m.Paused, err
}

// doubt has the next who comes compare first: the database may be another one than before, or an older one.
func (g *gate) doubt() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.doubts++
}

// lost is told what went wrong: a connection that broke may come back to a database that lost its tail.
func (g *gate) lost(err error) {
	if errors.Is(err, store.ErrUnreachable) || errors.Is(err, store.ErrOutcomeUnknown) {
		g.doubt()
	}
}

// held is the highest receipt that the database holds, for the batch that is asked for next. One lower than before shows that the
// database went back, so that nothing of it may be asked for before it is compared.
func (g *gate) held(ctx context.Context, r store.Reader, ledger string) (signing.Held, error) {
	g.mu.Lock()
	device, seen := g.device, g.seen
	g.mu.Unlock()
	if device == "" {
		return signing.Held{}, nil
	}
	d, err := r.Device(ctx, device)
	if err != nil {
		return signing.Held{}, err
	}
	if d.Held < seen {
		g.doubt()
	}
	return signing.Held{Ledger: ledger, Device: device, Seq: d.Held}, nil
}

// kept is told of answers that are written down.
func (g *gate) kept(answers []signing.Answer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range answers {
		g.seen = max(g.seen, a.Receipt.Seq)
	}
}

// machine is which signing machine answers; empty: that is not known yet. Nothing is asked of it for wallets whose key another one holds.
func (g *gate) machine() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.device
}

// receipt is that of an answer as it is stored.
func (g *gate) receipt(a signing.Answer) store.Receipt {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.device == "" || a.Receipt.Seq == 0 {
		return store.Receipt{}
	}
	return store.Receipt{Device: g.device, Seq: a.Receipt.Seq, Signature: a.Receipt.Signature}
}

// shut is told of something that no check has to find any more.
func (g *gate) shut(f finding) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.found, g.known, g.at = &f, true, g.now()
	return f.err()
}

// state is what the guard judges by.
func (g *gate) state() (found *finding, known bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.found, g.known
}

// check compares ledger and journal, and opens or shuts the gate. If it cannot compare, the gate stays as it is.
func (g *gate) check(ctx context.Context) error {
	g.one.Lock()
	defer g.one.Unlock()
	g.mu.Lock()
	doubts := g.doubts
	g.mu.Unlock()
	c := comparison{db: g.db, journal: g.journal, take: g.take, of: g.of}
	found, err := c.run(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", signing.ErrNoAnswer, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case found != nil && (g.found == nil || *g.found != *found):
		g.log.Error("nothing is asked for or signed any more", "code", string(found.kind), "why", found.why)
	case found == nil && g.found != nil:
		g.log.Info("ledger and signing machine agree again")
	}
	g.checked, g.known, g.found, g.at, g.seen = doubts, true, found, g.now(), c.held.Held
	if found != nil {
		return found.err()
	}
	return nil
}

// of is told which machine it is that answers.
func (g *gate) of(device string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.device != device {
		g.device, g.seen = device, 0
	}
}

// comparison holds the ledger against the journal of the machine that answers now.
type comparison struct {
	db      store.DB
	journal Journaling
	take    func(context.Context, []store.Attempt, []signing.Answer) error // writes answers down; nil: they are left to whoever asks
	of      func(device string)                                            // is told which machine it is, before all else; nil: nobody is
	dry     bool                                                           // nothing is written

	device string
	ledger string
	held   store.Device
	// missing is told of each entry without an attempt; nil: the first one ends the comparison.
	missing func(signing.Entry) error
}

// run compares all above the mark, and raises the mark.
func (c *comparison) run(ctx context.Context) (*finding, error) {
	st, err := c.journal.Status(ctx)
	if err != nil {
		return nil, err
	}
	if c.device = st.Device; c.of != nil {
		c.of(c.device)
	}
	if c.ledger, err = ledgerID(ctx, c.db); err != nil {
		return nil, err
	}
	var above int
	err = c.db.View(ctx, func(r store.Reader) (err error) {
		if c.held, err = r.Device(ctx, c.device); err == nil {
			above, err = r.ReceiptsAbove(ctx, c.device, c.held.Verified)
		}
		return err
	})
	if err != nil {
		return nil, storefault.Of(err, "read the receipts that are held")
	}
	highest, err := c.journal.Highest(ctx, c.ledger)
	if err != nil {
		return nil, err
	}
	if highest < c.held.Held {
		return rolledBack("it gave %d answers to this ledger, and number %d of them is held here", highest, c.held.Held), nil
	}
	whole := c.held.Verified
	if uint64(above) == c.held.Held-c.held.Verified { // all between are held: numbers are given once
		whole = c.held.Held
	}
	whole, found, err := c.entries(ctx, whole, highest)
	if err != nil {
		return nil, err
	}
	return found, c.raise(ctx, whole)
}

// entries compares entry by entry. whole is up to where each has its attempt.
func (c *comparison) entries(ctx context.Context, whole, highest uint64) (_ uint64, found *finding, err error) {
	for after := whole; after < highest; {
		page, err := c.journal.Entries(ctx, c.ledger, after, signing.MaxEntries)
		if err != nil {
			return whole, found, err
		}
		if len(page) == 0 { // the numbers above are those of answers that nobody knew when the machine was loaded
			if found == nil {
				whole = highest
			}
			return whole, found, nil
		}
		without, back, err := c.page(ctx, page)
		if err != nil || back != nil {
			return whole, back, err
		}
		for _, e := range page {
			if without[e.Digest] {
				if found == nil {
					found = behind(e)
				}
				if c.missing == nil {
					return whole, found, nil
				}
				if err := c.missing(e); err != nil {
					return whole, found, err
				}
			} else if found == nil {
				whole = e.Seq
			}
		}
		after = page[len(page)-1].Seq
	}
	return whole, found, nil
}

// page finds the attempts of entries. What is asked for and has its answer there gets it; a receipt that is missing here is kept.
func (c *comparison) page(ctx context.Context, page []signing.Entry) (without map[signing.Digest]bool, back *finding, err error) {
	digests := make([]string, len(page))
	for i, e := range page {
		digests[i] = e.Digest.String()
	}
	known := map[string]store.Attempt{}
	err = c.db.View(ctx, func(r store.Reader) error {
		found, err := r.Attempts(ctx, store.AttemptFilter{Digests: digests})
		for _, a := range found {
			known[a.Digest] = a
		}
		return err
	})
	if err != nil {
		return nil, nil, storefault.Of(err, "read the attempts of the journal's entries")
	}
	without = map[signing.Digest]bool{}
	var asked []store.Attempt
	var answers []signing.Answer
	var keep []store.AttemptReceipt
	for _, e := range page {
		a, is := known[e.Digest.String()]
		switch {
		case !is:
			without[e.Digest] = true
		case a.State == store.AttemptAsked:
			asked, answers = append(asked, a), append(answers, e.Answer())
		case a.Receipt.Seq == 0:
			keep = append(keep, store.AttemptReceipt{ID: a.ID, Receipt: store.Receipt{Device: c.device, Seq: e.Seq, Signature: e.Signature}})
		case a.Receipt.Device == c.device && a.Receipt.Seq != e.Seq:
			return nil, rolledBack("it numbers its answer to %s as %d, and gave it as %d", named(a), e.Seq, a.Receipt.Seq), nil
		}
	}
	return without, nil, c.keep(ctx, asked, answers, keep)
}

// keep writes down what the journal knew and the database did not.
func (c *comparison) keep(ctx context.Context, asked []store.Attempt, answers []signing.Answer, receipts []store.AttemptReceipt) error {
	if c.dry {
		return nil
	}
	if len(asked) > 0 && c.take != nil {
		if err := c.take(ctx, asked, answers); err != nil {
			return err
		}
	}
	if len(receipts) == 0 {
		return nil
	}
	err := settle(len(receipts), func(from, to int) error {
		return c.db.Update(ctx, func(tx store.Tx) error { return tx.KeepReceipts(ctx, receipts[from:to]) })
	})
	return storefault.Of(err, "keep receipts")
}

// raise writes the mark down, if it is higher.
func (c *comparison) raise(ctx context.Context, whole uint64) error {
	if c.dry || whole <= c.held.Verified {
		return nil
	}
	err := c.db.Update(ctx, func(tx store.Tx) error { return tx.RaiseVerified(ctx, c.device, whole) })
	c.held.Held = max(c.held.Held, whole)
	return storefault.Of(err, "write down up to where ledger and signing machine agree")
}

// behind is what an entry without an attempt shows.
func behind(e signing.Entry) *finding {
	what := "an intent"
	if i, err := signing.Parse(e.Intent); err == nil {
		what = fmt.Sprintf("nonce %d of %s", i.Nonce, i.From)
		if i.Payment != "" {
			what += " for payment " + i.Payment
		}
	}
	return &finding{AlarmLedgerBehind, fmt.Sprintf("the ledger is older than its signing machine: receipt %d, %s, has no attempt here", e.Seq, what)}
}

func rolledBack(why string, args ...any) *finding {
	return &finding{AlarmSignerRolledBack, "the signing machine is older than its ledger: " + fmt.Sprintf(why, args...)}
}

// named says which attempt it is.
func named(a store.Attempt) string {
	return fmt.Sprintf("nonce %d of %s, digest %s,", a.Nonce, a.Address, a.Digest)
}
