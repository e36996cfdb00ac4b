package withdrawal

import (
	"context"
	"slices"
	"sync"

	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
	"coffer.internal/wallet"
)

// reachable knows which signing machine answers here: only wallets whose key it holds are anybody's to ask for online. What another
// machine's wallets were asked for waits for that machine (tx export, tx import): asked here, it would be refused for good.
type reachable struct {
	machine interface {
		Status(context.Context) (signing.Status, error)
	}

	mu     sync.Mutex
	device string // empty: it never answered
}

// newReachable asks a machine that says who it is. One that does not, holds every key.
func newReachable(s signing.Signer) *reachable {
	r := &reachable{}
	r.machine, _ = s.(interface {
		Status(context.Context) (signing.Status, error)
	})
	return r
}

// ask asks the machine now.
func (r *reachable) ask(ctx context.Context) error {
	if r.machine == nil {
		return nil
	}
	st, err := r.machine.Status(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.device = st.Device
	return nil
}

// holds says whether the machine that answered last holds the keys of a device. Of one that never answered nothing is known: then it
// holds none.
func (r *reachable) holds(device string) bool {
	if r.machine == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.device != "" && r.device == device
}

// known asks the machine if it never answered.
func (r *reachable) known(ctx context.Context) {
	if !r.answered() {
		_ = r.ask(ctx) // whoever needs the answer finds that there is none
	}
}

// signs says whether the machine that answers here signs for a wallet that this daemon drives.
func (l *lane) signs(walletID int64) bool { return l.reachable.holds(l.leases.device(walletID)) }

// here leaves only the attempts that the machine which answers now can be asked for.
func (l *lane) here(ctx context.Context, asked []store.Attempt) ([]store.Attempt, error) {
	if err := l.reachable.ask(ctx); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(asked, func(a store.Attempt) bool { return !l.signs(a.WalletID) }) {
		return asked, nil
	}
	f := l.attempts(store.AttemptAsked) // what others wait for may have taken up the whole first page
	f.WalletIDs, f.Limit = slices.DeleteFunc(f.WalletIDs, func(id int64) bool { return !l.signs(id) }), signAtOnce
	err := l.db.View(ctx, func(r store.Reader) (err error) {
		asked, err = r.Attempts(ctx, f)
		return err
	})
	return asked, storefault.Of(err, "read what is asked for here")
}

// driven says whether a daemon has to drive a wallet: one whose key a signing machine holds, reachable or not, because what is signed
// for it is sent and tracked here.
func driven(w store.Wallet) bool {
	return w.Device != "" && wallet.Type(w.WalletType) != wallet.Multisig
}

// offlineWish says how a wish ends about a payment whose machine is not reachable from here: nobody can carry it out. Empty: it is not
// known yet which machine is.
func (l *lane) offlineWish(w store.Wish) string {
	switch {
	case !l.reachable.answered():
		return ""
	case w.Kind == store.WishCancel:
		return "its signing machine is not reachable from here: coffer tx export --cancel --request " + w.Payment + " --out FILE"
	default:
		return "its signing machine is not reachable from here: coffer tx export --bump --request " + w.Payment + " --out FILE"
	}
}

// answered says whether it is known which machine is reachable.
func (r *reachable) answered() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.machine == nil || r.device != ""
}
