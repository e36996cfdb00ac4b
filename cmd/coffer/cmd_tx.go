package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/withdrawal"
)

func (a *app) txCommand() *cobra.Command {
	return parent("tx", "Look at payments, and act on one",
		"Shows what became of accepted withdrawals: all of them, or one with everything that was signed and sent for it. Bumps, cancels\n"+
			"and queues again single payments.",
		"  coffer tx list --state queued\n  coffer tx show w-4711\n  coffer tx bump w-4711",
		a.txListCommand(), a.txShowCommand(), a.txBumpCommand(), a.txCancelCommand(), a.txRequeueCommand(), a.txCloseCommand(), a.txExportCommand(), a.txImportCommand())
}

func (a *app) txListCommand() *cobra.Command {
	var f withdrawal.ListFilter
	var stream changes
	var chain int64
	c := &cobra.Command{
		Use: "list",
		Long: `Lists payments with their state: queued (waits for a wallet), assigned (under way), ended (paid, failed, refused or
cancelled), needs_review or held (a person has to look). The last column says what a payment waits for, or why it ended.

With --since it prints what became of payments instead, oldest first, as NDJSON: one line for each change of a state, an
outcome or a reason. Each line has a cursor; --since CURSOR goes on after it, and --since 0 begins at the beginning. Nothing
is missed and nothing comes twice, whoever was stopped when. --follow goes on with what is new until Ctrl-C (130); when the
database is away it waits for it.`,
		Short: "List payments, newest first",
		Example: `  coffer tx list
  coffer tx list --state queued
  coffer tx list --state paid --chain-id 1 --limit 20
  coffer tx list --since 0 --follow
  coffer tx list --since 7351.92`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("chain-id") {
				f.ChainID, stream.chain = &chain, &chain
			}
			if stream.follow || cmd.Flags().Changed("since") {
				if err := stream.check(cmd.Flags().Changed); err != nil {
					return err
				}
				return a.with(cmd.Context(), func(s *coffer.System) error { return a.showChanges(cmd.Context(), s, stream) })
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				ws, err := s.Withdrawals.List(cmd.Context(), f)
				if err != nil {
					return err
				}
				if a.json {
					if ws == nil {
						ws = []withdrawal.Withdrawal{}
					}
					return a.document(map[string]any{"withdrawals": ws})
				}
				rows := make([][]string, len(ws))
				for i, w := range ws {
					rows[i] = withdrawalRow(w)
				}
				table(a.stdout, withdrawalHeadings, rows)
				return nil
			})
		},
	}
	c.Flags().StringVar(&f.State, "state", "", "only queued, assigned, needs_review, held, ended, or an outcome: paid, failed, refused, cancelled")
	c.Flags().Int64Var(&chain, "chain-id", 0, "only this chain (default: all)")
	c.Flags().IntVar(&f.Limit, "limit", 100, "how many at most; 0: all")
	c.Flags().StringVar(&stream.since, "since", "", "print what changed after this cursor, as NDJSON; 0: from the beginning")
	c.Flags().BoolVar(&stream.follow, "follow", false, "go on with what is new, until Ctrl-C")
	return c
}

func (a *app) txShowCommand() *cobra.Command {
	return &cobra.Command{
		Long: `Shows a payment, every attempt to make it (the nonce, the digest that was signed, the transaction's hash, the signing
machine's receipt, and when it was asked for, signed, sent, mined and final), and then its whole story in order: each state, attempt, fee, answer of a node and reason to
wait, and what operators did, with who and when.`,
		Use:     "show REQUEST_ID",
		Short:   "Show one payment with every attempt and its story",
		Example: "  coffer tx show w-4711",
		Args:    exactly("REQUEST_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(s *coffer.System) error {
				story, err := s.Withdrawals.Story(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.showStory(story)
			})
		},
	}
}

// reportPartly is the error of a file of which some lines were refused.
func reportPartly(done, refused int) error {
	switch {
	case refused == 0:
		return nil
	case done == 0:
		return fault.New(fault.Refused, "all_refused", "each line's reason stands beside it", "all %d withdrawals were refused", refused)
	default:
		return fault.New(fault.Partly, "partly", "each refused line's reason stands beside it; the others are accepted",
			"%d accepted, %d refused", done, refused)
	}
}
