package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/operators"
	"coffer.internal/wallet"
)

func (a *app) activateCommand() *cobra.Command {
	return a.setActiveCommand(operators.Activate, "Let a wallet take new work again",
		`The wallet is chosen for payments again, and gives out nonces. An active wallet that is not chosen has another reason: see
coffer info. For a multisig, cold or vault wallet it takes two people (docs/operators.md).`)
}

func (a *app) deactivateCommand() *cobra.Command {
	return a.setActiveCommand(operators.Deactivate, "Give a wallet no new work; what is under way goes on",
		`The wallet is not chosen any more and gives out no nonces. What was signed before goes on: sending, following it on the
chain, filling its gaps.`)
}

func (a *app) setActiveCommand(verb operators.Verb, short, long string) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:     string(verb) + " ADDRESS CHAIN_ID",
		Short:   short,
		Long:    long,
		Example: "  coffer " + string(verb) + " 0xYourWallet… 1",
		Args:    exactly("ADDRESS", "CHAIN_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, chain, err := addressAndChain(args)
			if err != nil {
				return err
			}
			return a.act(cmd.Context(), coffer.Act{Verb: verb, Address: address, ChainID: &chain}, reason)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever approves it and for the audit log")
	return c
}

func (a *app) showActive(d coffer.WalletDone) error {
	if a.json {
		return a.document(struct {
			walletView
			Changed bool `json:"changed"`
		}{viewWallet(d.Wallet), d.Changed})
	}
	state := wallet.Activity(d.Wallet.Active)
	if !d.Changed {
		state = "already " + state
	}
	a.say("%s on %s %d: %s", d.Wallet.Address, d.Wallet.ChainType, d.Wallet.ChainID, state)
	return nil
}
