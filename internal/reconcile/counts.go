package reconcile

import (
	"context"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
)

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
