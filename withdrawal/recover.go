package withdrawal

import (
	"context"
	"errors"
	"fmt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

// RecoverOptions are what Recover works with; all but DryRun are required.
type RecoverOptions struct {
	DB      store.DB
	Machine RecoverMachine
	Chains  []ChainSetup // their assets have the symbols that content names
	Actor   string       // who, in audit rows
	DryRun  bool         // nothing is written
	Witness RecoverWitness
}

// RecoverWitness is told in its transaction of each entry that is written down, so that a record of it is there with its effect. nil:
// nobody is. It may be told again of a transaction that was given up.
type RecoverWitness interface {
	// Rebuilt: an entry had no attempt. registered is its wallet, if that had to be put back.
	Rebuilt(ctx context.Context, tx store.Tx, a RecoveredAttempt, registered *RecoveredWallet) error
	// Answered: attempts were asked for, and their answers were not known here.
	Answered(ctx context.Context, tx store.Tx, asked []store.Attempt) error
}

// RecoverMachine is what Recover asks of a signing machine.
type RecoverMachine interface {
	Journaling
	signing.Keys
}

// Recovery is what Recover did, or would do.
type Recovery struct {
	Device   string             `json:"device"`
	Highest  uint64             `json:"highest_receipt"` // of the machine's journal
	DryRun   bool               `json:"dry_run"`
	Wallets  []RecoveredWallet  `json:"wallets"`  // registered again
	Attempts []RecoveredAttempt `json:"attempts"` // rebuilt, in the order in which the machine answered
	// Conflicts are entries that contradict what the ledger has: each needs a person. While there is one, nothing is signed.
	Conflicts []RecoverConflict `json:"conflicts"`
}

// RecoveredWallet is a wallet that was not registered any more.
type RecoveredWallet struct {
	Address   string `json:"address"`
	ChainType string `json:"chain_type"`
	ChainID   int64  `json:"chain_id"`
	Path      string `json:"path"`
	Nonce     uint64 `json:"nonce"` // its cursor at first: the lowest nonce that the journal knows
}

// RecoveredAttempt is an entry of the journal that had no attempt.
type RecoveredAttempt struct {
	Receipt   uint64 `json:"receipt"`
	Request   string `json:"request"` // payment id; empty: a gap fill
	Purpose   string `json:"purpose"`
	ChainType string `json:"chain_type"`
	ChainID   int64  `json:"chain_id"`
	Wallet    string `json:"wallet"`
	Nonce     uint64 `json:"nonce"`
	State     string `json:"state"` // signed, refused
	Hash      string `json:"hash"`
	To        string `json:"to"`
	Contract  string `json:"contract"`
	Amount    string `json:"amount"` // base units
	Note      string `json:"note"`   // what else was done, or cannot be known
}

// RecoverConflict is an entry that cannot be rebuilt.
type RecoverConflict struct {
	RecoveredAttempt
	Why string `json:"why"`
}

const actionRecover = "attempt.recover"

// Recover rebuilds from the signing machine's journal what the database does not know of it any more: it was restored from a backup, or
// a fail-over lost its tail (F26). For each entry without an attempt, in the order in which the machine answered: its wallet, its nonce
// and the cursor above it, its request and withdrawal, and the attempt, signed or refused. Each is one transaction with its audit row, so
// that it can be broken off and said again. What is rebuilt is sent and tracked like any other.
//
// A nonce that the old database gave to somebody else goes to whom it is signed for, as long as nothing was asked for at it. What was
// asked for contradicts: that is listed, and nothing is changed. No daemon may run meanwhile: the caller sees to that.
func Recover(ctx context.Context, o RecoverOptions) (Recovery, error) {
	r := &recovery{o: o, report: Recovery{DryRun: o.DryRun, Wallets: []RecoveredWallet{}, Attempts: []RecoveredAttempt{}, Conflicts: []RecoverConflict{}}}
	c := r.comparison()
	r.device = &c.device
	var missing []signing.Entry
	c.missing = func(e signing.Entry) error {
		if o.DryRun {
			missing = append(missing, e)
			return nil
		}
		return r.rebuild(ctx, e)
	}
	found, err := c.run(ctx)
	if err != nil {
		return r.report, err
	}
	if found != nil && found.kind == AlarmSignerRolledBack {
		return r.report, found.err()
	}
	r.report.Device = c.device
	if r.report.Highest, err = o.Machine.Highest(ctx, c.ledger); err != nil {
		return r.report, err
	}
	if o.DryRun {
		return r.report, r.rehearse(ctx, missing)
	}
	last := r.comparison() // which raises the mark
	_, err = last.run(ctx)
	return r.report, err
}

// recovery is a Recover at work.
type recovery struct {
	o      RecoverOptions
	device *string
	report Recovery
	lowest map[keyOf]uint64 // the lowest nonce of each key in the journal; nil: not looked for yet
}

// keyOf is a key on a chain.
type keyOf struct {
	chainType string
	chainID   int64
	address   string
}

func keyOfIntent(i signing.Intent) keyOf { return keyOf{i.ChainType, i.ChainID, i.From} }

func (r *recovery) comparison() *comparison {
	return &comparison{db: r.o.DB, journal: r.o.Machine, take: r.take, dry: r.o.DryRun}
}

// take writes down the answers of what is asked for and was answered.
func (r *recovery) take(ctx context.Context, asked []store.Attempt, answers []signing.Answer) error {
	err := settle(len(asked), func(from, to int) error {
		return r.o.DB.Update(ctx, func(tx store.Tx) error {
			s, err := conclude(ctx, tx, asked[from:to], answers[from:to], conclusion{receipt: r.receipt})
			if err != nil {
				return err
			}
			if r.o.Witness != nil {
				if err := r.o.Witness.Answered(ctx, tx, asked[from:to]); err != nil {
					return err
				}
			}
			return record(ctx, tx, r.o.Actor, s.refusals)
		})
	})
	return storefault.Of(err, "write down what the signing machine said")
}

func (r *recovery) receipt(a signing.Answer) store.Receipt {
	return store.Receipt{Device: *r.device, Seq: a.Receipt.Seq, Signature: a.Receipt.Signature}
}

// rebuild writes one entry down, in one transaction, or notes why it cannot.
func (r *recovery) rebuild(ctx context.Context, e signing.Entry) error {
	b, err := r.begin(ctx, e)
	if err != nil {
		return err
	}
	err = r.o.DB.Update(ctx, func(tx store.Tx) error {
		b.start()
		return b.write(ctx, tx)
	})
	return storefault.Of(r.note(b, err), "rebuild "+b.subject())
}

// rehearse does the same with all of them in one transaction, which is given up.
func (r *recovery) rehearse(ctx context.Context, missing []signing.Entry) error {
	var all []*rebuilding
	for _, e := range missing {
		b, err := r.begin(ctx, e)
		if err != nil {
			return err
		}
		all = append(all, b)
	}
	if len(all) == 0 {
		return nil
	}
	none := r.report
	err := r.o.DB.Update(ctx, func(tx store.Tx) error {
		r.report = none
		for _, b := range all {
			b.start()
			if err := r.note(b, b.write(ctx, tx)); err != nil {
				return err
			}
		}
		return errRehearsed
	})
	if errors.Is(err, errRehearsed) {
		return nil
	}
	return storefault.Of(err, "see what would be rebuilt")
}

var errRehearsed = errors.New("this was a rehearsal")

// note puts into the report what became of an entry. A contradiction is no error: the others go on.
func (r *recovery) note(b *rebuilding, err error) error {
	var no *contradiction
	switch {
	case errors.As(err, &no):
		r.report.Conflicts = append(r.report.Conflicts, RecoverConflict{b.row, no.why})
		return nil
	case err != nil:
		return err
	}
	if b.registered != nil {
		r.report.Wallets = append(r.report.Wallets, *b.registered)
	}
	r.report.Attempts = append(r.report.Attempts, b.row)
	return nil
}

// begin reads an entry, and asks for the key of a wallet that is not there.
func (r *recovery) begin(ctx context.Context, e signing.Entry) (*rebuilding, error) {
	intent, err := signing.Parse(e.Intent)
	if err != nil {
		return nil, fmt.Errorf("receipt %d: %w", e.Seq, err)
	}
	b := &rebuilding{recovery: r, entry: e, intent: intent}
	var ws []store.Wallet
	err = r.o.DB.View(ctx, func(tx store.Reader) (err error) {
		ws, err = tx.Wallets(ctx, walletOf(intent))
		return err
	})
	if err != nil || len(ws) > 0 {
		return b, storefault.Of(err, "find wallet "+intent.From)
	}
	k, ok, err := r.o.Machine.FindKey(ctx, intent.Ledger, intent.ChainType, intent.From)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.New(fault.Refused, "key_not_there", "coffer-signer status", "signing machine %s answered for %s, and does not know its key", *r.device, intent.From)
	}
	if r.lowest == nil {
		if err := r.readLowest(ctx, intent.Ledger); err != nil {
			return nil, err
		}
	}
	b.path = k.Path
	return b, nil
}

func walletOf(i signing.Intent) store.WalletFilter {
	return store.WalletFilter{ChainType: i.ChainType, ChainID: &i.ChainID, Address: i.From}
}

// readLowest reads the whole journal for the lowest nonce of each key: below it, nothing of coffer's was ever signed.
func (r *recovery) readLowest(ctx context.Context, ledger string) error {
	r.lowest = map[keyOf]uint64{}
	for after := uint64(0); ; {
		page, err := r.o.Machine.Entries(ctx, ledger, after, signing.MaxEntries)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			i, err := signing.Parse(e.Intent)
			if err != nil {
				return fmt.Errorf("receipt %d: %w", e.Seq, err)
			}
			if low, there := r.lowest[keyOfIntent(i)]; !there || i.Nonce < low {
				r.lowest[keyOfIntent(i)] = i.Nonce
			}
		}
		after = page[len(page)-1].Seq
	}
}
