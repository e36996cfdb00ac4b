package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// Options are what an examination works with; all are required.
type Options struct {
	DB      store.DB
	Machine Machine
	Chains  []withdrawal.ChainSetup
	Inbox   Inbox
	// Floor raises the cursors of EVM wallets to what their nodes agree on, and says of each that it could not be asked, with the reason.
	Floor func(ctx context.Context, ws []wallet.Wallet) (unknown map[int64]error, err error)
	Actor string // who, in audit rows
}

// Machine is what an examination asks of a signing machine.
type Machine interface {
	withdrawal.RecoverMachine
	signing.KeyList
}

// Inbox takes in what was put into the database by SQL; withdrawal.Desk does.
type Inbox interface {
	CollectHeld(ctx context.Context, r store.RestoreMark) (withdrawal.Collected, error)
}

// Examine compares a restored ledger with the signing machine's journal and with the chain:
//
//  1. What the machine answered and the ledger has no attempt of is rebuilt (withdrawal.Recover). Keys that it made and the ledger does not
//     know are registered again.
//  2. Cursors are raised to the highest of backup, signing machine and chain.
//  3. Each nonce below is classed. Journaled: its attempt is rebuilt, and its bytes are sent again after the acceptance. On the chain, and
//     in no attempt: external. Neither: free, or a person's to look at where the key signs elsewhere.
//
// Each step writes in transactions with their records, and can be broken off and said again. What cannot be known is no error: it is a
// difference that keeps the restore from being accepted. No daemon may run meanwhile: the caller sees to that.
func Examine(ctx context.Context, o Options) (Report, error) {
	e := &examination{o: o, reviews: map[int64][]store.Difference{}}
	for _, step := range []func(context.Context) error{e.begin, e.journal, e.keys, e.inbox, e.chain, e.nonces, e.finish} {
		if err := step(ctx); err != nil {
			return Report{}, err
		}
	}
	return Read(ctx, o.DB)
}

// examination is an Examine at work.
type examination struct {
	o       Options
	restore store.Restore
	ledger  string
	device  string // of the machine that answers
	found   []store.Difference
	before  []store.Difference           // what was found the last time
	reviews map[int64][]store.Difference // by wallet
}

// begin reads what was restored.
func (e *examination) begin(ctx context.Context) (err error) {
	if e.ledger, err = e.o.DB.Ledger(ctx); err != nil {
		return storefault.Of(err, "read the ledger's id")
	}
	var all []store.Restore
	err = e.o.DB.View(ctx, func(r store.Reader) (err error) {
		if all, err = r.Restores(ctx); err == nil && len(all) > 0 {
			e.before, err = r.Differences(ctx, all[0].ID)
		}
		return err
	})
	switch {
	case err != nil:
		return storefault.Of(err, "read what was restored")
	case len(all) == 0:
		return neverRestored()
	case !all[0].AcceptedAt.IsZero():
		return fault.New(fault.Refused, "restore_accepted", "coffer restore report", "restore %d was accepted, and the ledger goes on", all[0].ID)
	}
	e.restore = all[0]
	return nil
}

// journal rebuilds what the signing machine answered since.
func (e *examination) journal(ctx context.Context) error {
	r, err := withdrawal.Recover(ctx, withdrawal.RecoverOptions{DB: e.o.DB, Machine: e.o.Machine, Chains: e.o.Chains, Actor: e.o.Actor, Witness: e})
	if errors.Is(err, fault.Unreachable) {
		keyed, viewErr := e.keyed(ctx)
		if viewErr != nil || keyed {
			return errors.Join(err, viewErr)
		}
		return nil // nobody's key is with a machine
	}
	if err != nil {
		return err
	}
	e.device = r.Device
	for _, c := range r.Conflicts {
		e.found = append(e.found, ofAttempt(Conflict, c.RecoveredAttempt, fmt.Sprintf("receipt %d: %s", c.Receipt, c.Why)))
	}
	return nil
}

// keyed says whether a signing machine holds the key of some wallet.
func (e *examination) keyed(ctx context.Context) (keyed bool, err error) {
	ws, err := e.wallets(ctx)
	return slices.ContainsFunc(ws, func(w store.Wallet) bool { return w.Device != "" }), err
}

func (e *examination) wallets(ctx context.Context) (ws []store.Wallet, err error) {
	err = e.o.DB.View(ctx, func(r store.Reader) (err error) {
		ws, err = r.Wallets(ctx, store.WalletFilter{})
		return err
	})
	return ws, storefault.Of(err, "read the wallets")
}

// Rebuilt writes an entry of the journal down that had no attempt.
func (e *examination) Rebuilt(ctx context.Context, tx store.Tx, a withdrawal.RecoveredAttempt, registered *withdrawal.RecoveredWallet) error {
	kind, what := AttemptRebuilt, "signed as "+a.Hash
	if a.State == store.AttemptRefused {
		kind, what = RefusalRebuilt, "refused"
	}
	detail := fmt.Sprintf("%s, receipt %d, %s", a.Purpose, a.Receipt, what)
	if a.Note != "" {
		detail += "; " + a.Note
	}
	ds := []store.Difference{ofAttempt(kind, a, detail)}
	if registered != nil {
		ds = append(ds, store.Difference{
			Kind: WalletRegistered, Subject: nameOf(registered.ChainType, registered.ChainID, registered.Address), ChainType: registered.ChainType, ChainID: registered.ChainID,
			Address: registered.Address, Detail: "made after the backup; its key is at " + registered.Path,
		})
	}
	return tx.NoteDifferences(ctx, e.restore.ID, ds)
}

// Answered writes down that attempts have got their answers.
func (e *examination) Answered(ctx context.Context, tx store.Tx, asked []store.Attempt) error {
	ids := make([]int64, len(asked))
	for i, a := range asked {
		ids[i] = a.ID
	}
	now, err := tx.Attempts(ctx, store.AttemptFilter{IDs: ids})
	if err != nil {
		return err
	}
	ds := make([]store.Difference, len(now))
	for i, a := range now {
		ds[i] = store.Difference{
			Kind: AttemptAnswered, Subject: a.Digest, ChainType: a.ChainType, ChainID: a.ChainID, Address: a.Address, Nonce: &now[i].Nonce, Payment: a.Payment,
			Detail: fmt.Sprintf("attempt %d was asked for in the backup, and is %s %s", a.ID, a.State, a.Hash+a.Note),
		}
	}
	return tx.NoteDifferences(ctx, e.restore.ID, ds)
}

func ofAttempt(kind string, a withdrawal.RecoveredAttempt, detail string) store.Difference {
	nonce := a.Nonce
	return store.Difference{
		Kind: kind, Subject: fmt.Sprintf("receipt %d of %s", a.Receipt, nameOf(a.ChainType, a.ChainID, a.Wallet)), ChainType: a.ChainType, ChainID: a.ChainID,
		Address: a.Wallet, Nonce: &nonce, Payment: a.Request, Detail: detail,
	}
}

func nameOf(chainType string, chainID int64, address string) string {
	return fmt.Sprintf("%s:%d %s", chainType, chainID, address)
}

// ofWallet is a difference about a wallet.
func ofWallet(kind string, w store.Wallet, detail string, args ...any) store.Difference {
	return store.Difference{
		Kind: kind, Subject: nameOf(w.ChainType, w.ChainID, w.Address), ChainType: w.ChainType, ChainID: w.ChainID, Address: w.Address, Detail: fmt.Sprintf(detail, args...),
	}
}

// ofNonce is a difference about a nonce of a wallet.
func ofNonce(kind string, w store.Wallet, nonce uint64, detail string, args ...any) store.Difference {
	d := ofWallet(kind, w, detail, args...)
	d.Subject, d.Nonce = fmt.Sprintf("%s nonce %d", d.Subject, nonce), &nonce
	return d
}

// inbox takes in what stood in the inbox of the backup, and holds it.
func (e *examination) inbox(ctx context.Context) error {
	if !e.restore.ExaminedAt.IsZero() {
		return nil // what comes now was submitted after the restore
	}
	_, err := e.o.Inbox.CollectHeld(ctx, store.RestoreMark{ID: e.restore.ID, At: e.restore.At, TakenAt: e.restore.TakenAt})
	if errors.Is(err, withdrawal.ErrNoInbox) {
		return nil
	}
	return err
}

// compared says whether an earlier examination was with that machine: nothing was asked of it since.
func (e *examination) compared(device string) bool {
	return !e.restore.ExaminedAt.IsZero() && !slices.ContainsFunc(e.before, func(d store.Difference) bool { return d.Kind == SignerUnknown && d.Subject == device })
}

// chain raises cursors to what the chains have spent.
func (e *examination) chain(ctx context.Context) error {
	ws, err := e.wallets(ctx)
	if err != nil {
		return err
	}
	var counted []wallet.Wallet
	machines := map[string]int{}
	for _, w := range ws {
		if w.ChainType == string(wallet.EVM) { // the nonces of the others are the ledger's own numbers
			counted = append(counted, wallet.FromRow(w))
		}
		if w.Device != "" && w.Device != e.device && !e.compared(w.Device) {
			machines[w.Device]++
		}
	}
	for device, n := range machines {
		e.found = append(e.found, store.Difference{
			Kind: SignerUnknown, Subject: device, Detail: fmt.Sprintf("machine %s holds the keys of %d wallets, and does not answer here: what it signed since is not known", device, n),
		})
	}
	if len(counted) == 0 {
		return nil
	}
	unknown, err := e.o.Floor(ctx, counted)
	if err != nil {
		return err
	}
	for _, w := range ws {
		if why := unknown[w.ID]; why != nil {
			e.found = append(e.found, ofWallet(ChainUnknown, w, "%v", why))
		}
	}
	return nil
}
