package main

import (
	"errors"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/operators"
)

func (a *app) batchSyncCommand() *cobra.Command {
	var dryRun bool
	var reason string
	c := &cobra.Command{
		Use:   "batch-sync FILE",
		Short: "Set the next nonces of many wallets, all or none",
		Long: `Reads rows of address, chain_id and chain_nonce, the next nonce to hand out: a JSON array, NDJSON, or CSV with a header; "-" is
standard input. The guide's names (chainId, chainNonce) are taken too.

Every row is judged by the rules of sync, first against what the nodes count where a chain has nodes. If one row is refused,
no wallet is changed: each row's verdict is printed (4). Otherwise all are changed in one transaction. --dry-run judges
and prints, and changes nothing. There is no --force here: force one wallet at a time, with coffer sync.`,
		Example: `  coffer batch-sync nonces.json --dry-run
  coffer batch-sync nonces.json
  echo '[{"address":"0xYourWallet…","chain_id":1,"chain_nonce":100}]' | coffer batch-sync -`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := a.readRows(cmd.Context(), args[0], syncsFormat)
			if err != nil {
				return err
			}
			calls, err := syncRows(f, reason)
			if err != nil {
				return err
			}
			rows := make([]operators.Row, len(calls))
			for i, c := range calls {
				rows[i] = operators.Row{Line: f.rows[i].Line, Address: c.Address, ChainID: c.ChainID, Nonce: c.To}
			}
			if !dryRun {
				return a.act(cmd.Context(), coffer.Act{Verb: operators.BatchSync, Rows: rows}, reason)
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				report, err := s.SyncMany(cmd.Context(), calls, true)
				if report.Rows == nil {
					return err
				}
				return errors.Join(a.showSyncs(linesOf(rows), report, true), err)
			})
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "judge every row, change nothing")
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	return c
}
