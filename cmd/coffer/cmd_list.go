package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/wallet"
)

func (a *app) listCommand() *cobra.Command {
	var chainType, walletType string
	var active, inactive bool
	c := &cobra.Command{
		Use:   "list [CHAIN_ID]",
		Short: "List every wallet",
		Long:  "Lists every wallet by id, inactive ones too. CHAIN_ID alone may match several chain types.",
		Example: `  coffer list
  coffer list 1 --wallet-type hot --active
  coffer list --json`,
		Args: between(0, "CHAIN_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := listFilter(args, chainType, walletType, active, inactive)
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				ws, err := s.Wallets.List(cmd.Context(), f)
				if err != nil {
					return err
				}
				return a.showWallets(ws, f)
			})
		},
	}
	c.Flags().StringVar(&chainType, "chain-type", "", "only evm, btc or solana")
	c.Flags().StringVar(&walletType, "wallet-type", "", "only hot, multisig, cold or vault")
	c.Flags().BoolVar(&active, "active", false, "only active ones")
	c.Flags().BoolVar(&inactive, "inactive", false, "only inactive ones")
	return c
}

func listFilter(args []string, chainType, walletType string, active, inactive bool) (f wallet.Filter, err error) {
	if len(args) > 0 {
		id, err := chainID(args[0])
		if err != nil {
			return f, err
		}
		f.ChainID = &id
	}
	if chainType != "" {
		if f.ChainType, err = wallet.ParseChainType(chainType); err != nil {
			return f, err
		}
	}
	if walletType != "" {
		if f.Type, err = wallet.ParseType(walletType); err != nil {
			return f, err
		}
	}
	switch {
	case active && inactive:
		return f, fault.New(fault.Usage, "usage", "leave both out to see all", "--active and --inactive exclude each other")
	case active, inactive:
		f.Active = &active
	}
	return f, nil
}

func (a *app) showWallets(ws []wallet.Wallet, f wallet.Filter) error {
	if a.json {
		views := make([]walletView, len(ws))
		for i, w := range ws {
			views[i] = viewWallet(w)
		}
		return a.document(map[string]any{"wallets": views})
	}
	if len(ws) == 0 && f != (wallet.Filter{}) {
		a.note("no wallet matches; all of them: coffer list")
		return nil
	}
	if len(ws) == 0 {
		a.note("no wallets; make one with: coffer create-hot 1 evm")
		return nil
	}
	rows := make([][]string, len(ws))
	for i, w := range ws {
		rows[i] = walletRow(w)
	}
	table(a.stdout, walletHeadings, rows)
	return nil
}
