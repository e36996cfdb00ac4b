package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
)

func (a *app) activateCommand() *cobra.Command {
	return a.setActiveCommand("activate", "Let a wallet take new work again",
		`The wallet is chosen for payments again, and gives out nonces. An active wallet that is not chosen has another reason: see
coffer info.`, true, "already active", "active")
}

func (a *app) deactivateCommand() *cobra.Command {
	return a.setActiveCommand("deactivate", "Give a wallet no new work; what is under way goes on",
		`The wallet is not chosen any more and gives out no nonces. What was signed before goes on: sending, following it on the
chain, filling its gaps.`, false,
		"already inactive", "inactive")
}

func (a *app) setActiveCommand(verb, short, long string, active bool, already, now string) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " ADDRESS CHAIN_ID",
		Short:   short,
		Long:    long,
		Example: "  coffer " + verb + " 0xYourWallet… 1",
		Args:    exactly("ADDRESS", "CHAIN_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, chain, err := addressAndChain(args)
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				w, changed, err := s.Wallets.SetActive(cmd.Context(), address, chain, active)
				if err != nil {
					return err
				}
				if a.json {
					return a.document(struct {
						walletView
						Changed bool `json:"changed"`
					}{viewWallet(w), changed})
				}
				if !changed {
					a.say("%s on %s %d: %s", w.Address, w.ChainType, w.ChainID, already)
					return nil
				}
				a.say("%s on %s %d: %s", w.Address, w.ChainType, w.ChainID, now)
				return nil
			})
		},
	}
}
