package wallet

import (
	"context"
	"errors"
	"fmt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// order is a wallet to be registered.
type order struct {
	Wallet
	keyed bool // the key itself was asked for, so device and path are part of the content
}

// initialReason is why the nonces below a wallet's first one are external.
const initialReason = "below the initial nonce"

// create registers the wallet, or finds that it is there already.
func (r *Registry) create(ctx context.Context, want order) (w Wallet, existed bool, err error) {
	insert := func(tx store.Tx) (err error) {
		w, existed, err = r.insert(ctx, tx, want)
		return err
	}
	err = r.db.Update(ctx, insert)
	if errors.Is(err, store.ErrExists) {
		err = r.db.Update(ctx, insert) // somebody registered it meanwhile: now it is there to be compared with
	}
	r.changed(want.Wallet)
	if err != nil {
		err = storefault.Of(err, "register wallet "+want.Address)
		return Wallet{}, false, r.refused(ctx, actionCreate, want.Wallet, want.content(), err)
	}
	return w, existed, nil
}

func (r *Registry) insert(ctx context.Context, tx store.Tx, want order) (w Wallet, existed bool, err error) {
	there, err := tx.Wallets(ctx, want.row())
	if err != nil {
		return Wallet{}, false, err
	}
	if len(there) > 0 {
		w = FromRow(there[0])
		return w, true, want.compare(ctx, tx, w)
	}
	row, err := tx.AddWallet(ctx, store.Wallet{
		Address: want.Address, Device: want.Device, Path: want.Path, ChainType: string(want.ChainType), ChainID: want.ChainID,
		WalletType: string(want.Type), Nonce: want.Nonce, Active: true,
	})
	if err != nil {
		return Wallet{}, false, err
	}
	w = FromRow(row)
	if want.Nonce > 0 {
		err = tx.AddExternals(ctx, []store.External{{
			WalletID: w.ID, From: 0, To: want.Nonce - 1, Evidence: "operator", Reason: initialReason, At: w.CreatedAt,
		}})
		if err != nil {
			return Wallet{}, false, err
		}
	}
	done := r.row(actionCreate, w, store.ResultDone)
	done.After = order{Wallet: w}.content()
	if _, err := tx.RaiseGeneration(ctx); err != nil {
		return Wallet{}, false, err
	}
	return w, false, tx.Record(ctx, []store.AuditRow{done})
}

// compare refuses the order if the registered wallet is not what it asks for. A nonce of 0 asks for nothing in particular;
// another must be the one that the wallet began with, or its cursor now.
func (o order) compare(ctx context.Context, tx store.Reader, w Wallet) error {
	same := w.Type == o.Type && (!o.keyed || w.Device == o.Device && w.Path == o.Path)
	if same && o.Nonce != 0 && o.Nonce != w.Nonce {
		spent, err := tx.Externals(ctx, w.ID)
		if err != nil {
			return err
		}
		same = len(spent) > 0 && spent[0].From == 0 && spent[0].Reason == initialReason && spent[0].To+1 == o.Nonce
	}
	if same {
		return nil
	}
	return fault.New(fault.Refused, "wallet_differs", fmt.Sprintf("coffer info %s %d", w.Address, w.ChainID),
		"%s is registered already, with other content: wallet %d is %s; asked for now: %s",
		w.Address, w.ID, order{Wallet: w}.content(), o.content())
}

// content says in words what is registered, or asked for.
func (o order) content() string {
	key := "key elsewhere"
	if o.Device != "" {
		key = "key " + o.Path + " on " + o.Device
	}
	return fmt.Sprintf("%s %s %d, nonce %d, %s", o.Type, o.ChainType, o.ChainID, o.Nonce, key)
}
