package wallet

import (
	"context"
	"errors"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

// newKey asks the signing machine for a key bound to this ledger.
func (r *Registry) newKey(ctx context.Context, w *Wallet, ref string) error {
	if r.keys == nil {
		return fault.New(fault.Unreachable, "signer_unreachable", "name it with --signer or COFFER_SIGNER; `coffer-signer serve` starts one",
			"a new key needs a signing machine, and none is configured")
	}
	ledger, err := r.db.Ledger(ctx)
	if err != nil {
		return storefault.Of(err, "read the ledger's id")
	}
	k, err := r.keys.NewKey(ctx, signing.KeyRequest{Ledger: ledger, ChainType: string(w.ChainType), ChainID: w.ChainID, Ref: ref})
	if err != nil {
		return signerFault(err, "make a new key")
	}
	return w.take(k)
}

// findKey takes device and path from the signing machine, if it answers and holds the key of the address for this ledger.
func (r *Registry) findKey(ctx context.Context, w *Wallet) error {
	if r.keys == nil {
		return nil
	}
	ledger, err := r.db.Ledger(ctx)
	if err != nil {
		return storefault.Of(err, "read the ledger's id")
	}
	k, ok, err := r.keys.FindKey(ctx, ledger, string(w.ChainType), w.Address)
	switch {
	case err != nil && ctx.Err() == nil && (errors.Is(err, signing.ErrNoAnswer) || errors.Is(err, fault.Unreachable)):
		return nil
	case err != nil:
		return signerFault(err, "look for the key of "+w.Address)
	case !ok:
		return nil
	}
	return w.take(k)
}

// sameKey takes address, device and path from a registered wallet. A machine holds them: another chain of the same type needs
// nothing new of it.
func (r *Registry) sameKey(ctx context.Context, w *Wallet, address string) error {
	canonical, err := ParseAddress(w.ChainType, w.ChainID, address)
	if err != nil {
		return err
	}
	w.Address = canonical
	var same []store.Wallet
	err = r.db.View(ctx, func(tx store.Reader) error {
		same, err = tx.Wallets(ctx, store.WalletFilter{ChainType: string(w.ChainType), Address: canonical})
		return err
	})
	if err != nil {
		return storefault.Of(err, "find wallet "+canonical)
	}
	if len(same) == 0 {
		return fault.New(fault.NotFound, "wallet_not_found", "coffer list", "no wallet %s on any chain, so its key is not known", canonical)
	}
	for _, s := range same {
		if s.Device != "" {
			w.Device, w.Path = s.Device, s.Path
			return nil
		}
	}
	return fault.New(fault.Refused, "key_elsewhere", "leave --same-key-as out: a new key is made", "no signing machine holds the key of %s (wallet %d)", canonical, same[0].ID)
}

// take takes over a key that the signing machine named. What it says is checked: a wrong address would be paid into.
func (w *Wallet) take(k signing.Key) error {
	address, err := ParseAddress(w.ChainType, w.ChainID, k.Address)
	if err == nil && (address != k.Address || w.Address != "" && address != w.Address || k.ChainType != string(w.ChainType) || k.Device == "" || k.Path == "") {
		err = errors.New("it is incomplete, or another than was asked for")
	}
	if err != nil {
		return fault.Wrap(err, nil, "signer_answer", "coffer-signer status", "the signing machine answered with a key that cannot be used")
	}
	w.Address, w.Device, w.Path = k.Address, k.Device, k.Path
	return nil
}

// name takes the key that the request names. What the reachable machine said before has to be the same.
func (w *Wallet) name(device, path string) error {
	if w.Device != "" && (w.Device != device || w.Path != path) {
		return fault.New(fault.Refused, "key_differs", "leave --device and --path out: the machine that is reachable has the key",
			"the machine %s holds the key of %s at %s, not %s at %s", w.Device, w.Address, w.Path, device, path)
	}
	w.Device, w.Path = device, path
	return nil
}

// signerFault says what an error of the signing machine means, unless that says so itself.
func signerFault(err error, doing string) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	if errors.Is(err, signing.ErrNoAnswer) {
		return fault.Wrap(err, fault.Unreachable, "signer_unreachable", "`coffer-signer status` shows whether it runs", "%s", doing)
	}
	return fault.Wrap(err, nil, "signer_failed", "coffer-signer status", "%s", doing)
}
