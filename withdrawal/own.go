package withdrawal

import (
	"context"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// ownWallets finds which recipients are wallets of the exchange's own, by chain and address: a customer's withdrawal to one is a
// mistake or a fraud, and would count as paid though nobody outside got anything.
func ownWallets(ctx context.Context, r store.Reader, recipients []recipient) (map[recipient]bool, error) {
	byChain := map[recipient][]string{}
	for _, one := range recipients {
		on := recipient{chainType: one.chainType, chainID: one.chainID}
		byChain[on] = append(byChain[on], one.address)
	}
	own := map[recipient]bool{}
	for on, addresses := range byChain {
		ws, err := r.Wallets(ctx, store.WalletFilter{ChainType: on.chainType, ChainID: &on.chainID, Addresses: addresses})
		if err != nil {
			return nil, err
		}
		for _, w := range ws {
			own[recipient{on.chainType, on.chainID, w.Address}] = true
		}
	}
	return own, nil
}

// recipient is an address on a chain.
type recipient struct {
	chainType string
	chainID   int64
	address   string
}

func (o order) recipient() recipient { return recipient{o.chain.Type, o.chain.ID, o.to} }

const reasonOwn = "the recipient is a wallet of coffer's own"

func toOwnWallet(o order) error {
	return fault.New(fault.Refused, "own_wallet", "check the recipient: `coffer list` shows your own wallets",
		"withdrawal %s to %s is refused: %s", o.payment, o.to, reasonOwn)
}
