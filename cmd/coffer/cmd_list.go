package main

import (
	"slices"

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
		Long: "Lists every wallet by id, inactive ones too. CHAIN_ID alone may match several chain types. A last column BRAKE says why a wallet\n" +
			"gets no new payment, if one of them is braked (coffer alarms).",
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
				open, err := s.Alarms(cmd.Context(), false)
				if err != nil {
					return err
				}
				return a.showWallets(ws, f, open)
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

func (a *app) showWallets(ws []wallet.Wallet, f wallet.Filter, open []coffer.Alarm) error {
	if a.json {
		type listed struct {
			walletView
			Brake *string `json:"brake"`
		}
		views := make([]listed, len(ws))
		for i, w := range ws {
			views[i] = listed{viewWallet(w), null(coffer.BrakeOf(open, w))}
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
	rows, braked := make([][]string, len(ws)), false
	for i, w := range ws {
		why := coffer.BrakeOf(open, w)
		braked = braked || why != ""
		rows[i] = append(walletRow(w), dash(oneLine(why)))
	}
	headings := append(slices.Clone(walletHeadings), "BRAKE")
	if !braked { // the usual: the guide's columns, and no other
		headings = walletHeadings
		for i := range rows {
			rows[i] = rows[i][:len(headings)]
		}
	}
	table(a.stdout, headings, rows)
	return nil
}
