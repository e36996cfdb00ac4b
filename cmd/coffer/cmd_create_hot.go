package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/operators"
	"coffer.internal/wallet"
)

func (a *app) createHotCommand() *cobra.Command {
	var req wallet.HotRequest
	var initial string
	c := &cobra.Command{
		Use:   "create-hot CHAIN_ID CHAIN_TYPE",
		Short: "Have the signing machine make a key, and register it as a hot wallet",
		Long: `Asks the signing machine for a new key bound to this ledger, and registers its address as an active
hot wallet. Prints address, device and path.

Said twice it makes two wallets. With --ref NAME the same name gets the same key again, so a script may
repeat it. With --same-key-as ADDRESS the key of an EVM wallet serves one more EVM chain.`,
		Example: `  coffer create-hot 1 evm
  coffer create-hot 1 evm --ref payouts-1
  coffer create-hot 56 evm --same-key-as 0xYourWallet…`,
		Args: exactly("CHAIN_ID", "CHAIN_TYPE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if req.ChainID, err = chainID(args[0]); err != nil {
				return err
			}
			if req.ChainType, err = wallet.ParseChainType(args[1]); err != nil {
				return err
			}
			if req.Nonce, err = nonceNumber(initial); err != nil {
				return err
			}
			return a.act(cmd.Context(), coffer.Act{
				Verb: operators.CreateHot, ChainID: &req.ChainID, ChainType: string(req.ChainType), SameKeyAs: req.SameKeyAs, Ref: req.Ref, Nonce: &req.Nonce,
			}, "")
		},
	}
	c.Flags().StringVar(&req.Ref, "ref", "", "name of your own; the same name gets the same key again")
	c.Flags().StringVar(&req.SameKeyAs, "same-key-as", "", "use the key of this EVM wallet instead of a new one")
	c.Flags().StringVar(&initial, "nonce", "0", "the first nonce to hand out (the guide's initialNonce)")
	return c
}

// created is what create-hot and create-internal print with --json.
type created struct {
	walletView
	AlreadyRegistered bool `json:"already_registered"`
}

func (a *app) showCreated(w wallet.Wallet, existed bool) error {
	if a.json {
		return a.document(created{viewWallet(w), existed})
	}
	if existed {
		a.note("already registered")
	}
	fields(a.stdout, [][2]string{
		{"id", number(w.ID)}, {"address", w.Address}, {"device", dash(w.Device)}, {"path", dash(w.Path)},
		{"chain", string(w.ChainType) + " " + number(w.ChainID)}, {"wallet_type", string(w.Type)}, {"nonce", number(w.Nonce)},
	})
	return nil
}
