package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/operators"
)

func (a *app) createBatchCommand() *cobra.Command {
	var example bool
	c := &cobra.Command{
		Use:   "create-batch FILE | create-batch --example",
		Short: "Register many wallets from a file (the guide's createHotWallets)",
		Long: `Reads rows of chain_type, chain_id, wallet_type (hot if left out), address or ref, and nonce: as CSV with a header, as NDJSON,
or as a JSON array; "-" is standard input. The guide's names (chainType, chainId, walletType, initialNonce) are taken too.

A row with an address is registered like create-internal does. A row without one gets a key of the signing machine like
create-hot does, and needs a ref, a name of your own: the same ref is the same wallet, so a file may be run again.

All rows are checked first. One that cannot be right, or stands twice, refuses the whole file, and nothing is applied (2). Then
each row is done by itself. Rows that fail do not stop the others (7); a signing machine or database that cannot be reached does
(6). Whatever happened, run the same file again: what is registered is found, not made twice.`,
		Example: `  coffer create-batch --example > wallets.csv
  coffer create-batch wallets.csv
  generate-wallets | coffer create-batch - --json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if example {
				return exactly()(cmd, args)
			}
			return exactly("FILE")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if example {
				_, err := a.stdout.Write([]byte(walletsExample))
				return err
			}
			return a.createBatch(cmd, args[0])
		},
	}
	c.Flags().BoolVar(&example, "example", false, "print a file that works as it is")
	return c
}

func (a *app) createBatch(cmd *cobra.Command, name string) error {
	f, err := a.readRows(cmd.Context(), name, walletsFormat)
	if err != nil {
		return err
	}
	rows, err := walletRows(f)
	if err != nil {
		return err
	}
	return a.act(cmd.Context(), coffer.Act{Verb: operators.CreateBatch, Rows: rows}, "")
}
