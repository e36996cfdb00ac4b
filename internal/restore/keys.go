package restore

import (
	"context"
	"errors"
	"fmt"

	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

const actionRegister = "wallet.create"

// keys registers the wallets of keys that the signing machine made for this ledger and that the ledger does not know, and raises cursors above
// what is signed or marked there.
func (e *examination) keys(ctx context.Context) error {
	if e.device == "" {
		return nil
	}
	all, err := e.o.Machine.KeysOf(ctx, e.ledger)
	if err != nil {
		return err
	}
	ws, err := e.wallets(ctx)
	if err != nil {
		return err
	}
	for _, k := range all {
		if err := e.key(ctx, k, ws); err != nil {
			return err
		}
	}
	return nil
}

func (e *examination) key(ctx context.Context, k signing.KnownKey, ws []store.Wallet) error {
	known := false
	for _, w := range ws {
		known = known || w.ChainType == k.ChainType && w.Address == k.Address
	}
	for _, c := range k.Chains {
		if err := e.keyOn(ctx, k, c); err != nil {
			return err
		}
		known = true
	}
	if known {
		return nil
	}
	chains := e.chainsOf(k.ChainType, ws)
	if len(chains) == 1 {
		return e.keyOn(ctx, k, signing.KnownChain{ChainID: chains[0]})
	}
	e.found = append(e.found, store.Difference{
		Kind: KeyUnregistered, Subject: k.ChainType + " " + k.Address, ChainType: k.ChainType, Address: k.Address,
		Detail: fmt.Sprintf("a %s key at %s that never signed; if it is in use: coffer create-internal %s CHAIN_ID %s", k.Account, k.Path, k.Address, k.Account),
	})
	return nil
}

// chainsOf are the chains of a type that the ledger knows.
func (e *examination) chainsOf(chainType string, ws []store.Wallet) (ids []int64) {
	seen := map[int64]bool{}
	add := func(t string, id int64) {
		if t == chainType && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	for _, w := range ws {
		add(w.ChainType, w.ChainID)
	}
	for _, c := range e.o.Chains {
		add(c.Type, c.ID)
	}
	return ids
}

// keyOn sees to it that a key's wallet on a chain is registered, and its cursor not below what is signed or marked there.
func (e *examination) keyOn(ctx context.Context, k signing.KnownKey, c signing.KnownChain) error {
	w := store.Wallet{
		Address: k.Address, Device: k.Device, Path: k.Path, ChainType: k.ChainType, ChainID: c.ChainID, WalletType: k.Account, Nonce: c.Next, Active: true,
	}
	err := e.o.DB.Update(ctx, func(tx store.Tx) error {
		there, err := tx.LockWallets(ctx, store.WalletFilter{ChainType: w.ChainType, ChainID: &w.ChainID, Address: w.Address})
		if err != nil {
			return err
		}
		if len(there) > 0 {
			return tx.OpenNonces(ctx, there[0].ID, c.Next)
		}
		return e.register(ctx, tx, w)
	})
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return storefault.Of(err, "register wallet "+k.Address)
}

func (e *examination) register(ctx context.Context, tx store.Tx, w store.Wallet) error {
	w, err := tx.AddWallet(ctx, w)
	if err != nil {
		return err
	}
	if w.Nonce > 0 {
		err := tx.AddExternals(ctx, []store.External{{WalletID: w.ID, To: w.Nonce - 1, Evidence: "operator", Reason: "below all that its signing machine would sign"}})
		if err != nil {
			return err
		}
	}
	d := ofWallet(WalletRegistered, w, "made after the backup; its key is at %s", w.Path)
	if err := tx.NoteDifferences(ctx, e.restore.ID, []store.Difference{d}); err != nil {
		return err
	}
	return tx.Record(ctx, []store.AuditRow{{
		Actor: e.o.Actor, Action: actionRegister, Subject: nameOf(w.ChainType, w.ChainID, w.Address), Result: store.ResultDone,
		After: fmt.Sprintf("%s, device %s, path %s, cursor %d", w.WalletType, w.Device, w.Path, w.Nonce), Reason: "the signing machine has its key, and the backup did not",
	}})
}
