package wallet

import (
	"context"
	"errors"
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

const actionRebind = "device.rebind"

// Rebind moves every wallet of one signing machine to another, which holds the same keys: it was made anew from the same words. It asks
// that machine for each key, by address; one that it does not hold for this ledger, or at another path, is a fault.Refused, and no wallet
// moves. Whoever calls has seen to it that the machine that answers is the one named. Said again, it finds no wallet: fault.NotFound.
//
// The old machine must never sign for this ledger again: two journals know half each of what is signed.
func (r *Registry) Rebind(ctx context.Context, from, to, reason string) ([]Wallet, error) {
	switch {
	case from == to:
		return nil, fault.New(fault.Usage, "same_device", "coffer device rebind OLD NEW --reason TEXT", "the wallets of %s are its own already", from)
	case strings.TrimSpace(reason) == "":
		return nil, fault.New(fault.Usage, "usage", "coffer device rebind --help", "--reason is missing: why, for the record")
	}
	rows, err := r.ofDevice(ctx, from)
	if err != nil {
		return nil, err
	}
	if err := r.sameKeys(ctx, rows, to); err != nil {
		return nil, r.refusedRebind(ctx, from, to, reason, err)
	}
	moves := make([]store.Rebind, len(rows))
	audit := make([]store.AuditRow, len(rows))
	moved := make([]Wallet, len(rows))
	for i, row := range rows {
		moves[i] = store.Rebind{WalletID: row.ID, From: from, To: to}
		audit[i] = r.row(actionRebind, FromRow(row), store.ResultDone)
		audit[i].Before, audit[i].After, audit[i].Reason = from, to, reason
		row.Device = to
		moved[i] = FromRow(row)
	}
	err = r.db.Update(ctx, func(tx store.Tx) error {
		if err := tx.RebindWallets(ctx, moves); err != nil {
			return err
		}
		if _, err := tx.RaiseGeneration(ctx); err != nil {
			return err
		}
		return tx.Record(ctx, audit)
	})
	for _, w := range moved {
		r.changed(w)
	}
	return moved, storefault.Of(err, "move the wallets of "+from)
}

// ofDevice lists the wallets of a signing machine; none is a fault.NotFound.
func (r *Registry) ofDevice(ctx context.Context, device string) (rows []store.Wallet, err error) {
	devices := map[string]bool{}
	err = r.db.View(ctx, func(tx store.Reader) error {
		all, err := tx.Wallets(ctx, store.WalletFilter{})
		rows = nil
		for _, w := range all {
			if w.Device != "" {
				devices[w.Device] = true
			}
			if w.Device == device {
				rows = append(rows, w)
			}
		}
		return err
	})
	if err == nil && len(rows) == 0 {
		err = fault.New(fault.NotFound, "no_such_device", "coffer list --json shows the device of each wallet", "no wallet is signed for by %s", device)
	}
	return rows, storefault.Of(err, "list the wallets of "+device)
}

// sameKeys asks the machine for the key of each wallet.
func (r *Registry) sameKeys(ctx context.Context, rows []store.Wallet, to string) error {
	ledger, err := r.db.Ledger(ctx)
	if err != nil {
		return storefault.Of(err, "read the ledger's id")
	}
	for _, w := range rows {
		k, ok, err := r.keys.FindKey(ctx, ledger, w.ChainType, w.Address)
		switch {
		case err != nil:
			return signerFault(err, "look for the key of "+w.Address)
		case !ok:
			return fault.New(fault.Refused, "key_not_there", "at the machine: coffer-signer load FILE, with what coffer signer export FILE has written",
				"signing machine %s does not hold the key of %s for this ledger; no wallet was moved", to, w.Address)
		case k.Device != to || k.Path != w.Path:
			return fault.New(fault.Refused, "another_key", "coffer-signer status shows the device", "the key of %s is at %s of %s, and %s of %s was expected; no wallet was moved",
				w.Address, k.Path, k.Device, w.Path, to)
		}
	}
	return nil
}

// refusedRebind records a refusal.
func (r *Registry) refusedRebind(ctx context.Context, from, to, reason string, refusal error) error {
	if !errors.Is(refusal, fault.Refused) {
		return refusal
	}
	err := r.db.Update(ctx, func(tx store.Tx) error {
		return tx.Record(ctx, []store.AuditRow{{
			Actor: r.actor, Action: actionRebind, Subject: from, Before: from, After: to, Result: store.ResultRefused, Reason: refusal.Error() + "; asked for: " + reason,
		}})
	})
	if err != nil {
		return fault.Wrap(refusal, nil, fault.Code(refusal), fault.Hint(refusal), "refused, and the refusal could not be recorded (%v)", err)
	}
	return refusal
}
