package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/withdrawal"
)

func (a *app) txCommand() *cobra.Command {
	return parent("tx", "Look at payments, and act on one",
		"Shows what became of accepted withdrawals: all of them, or one with everything that was signed and sent for it. Bumps, cancels\n"+
			"and queues again single payments.",
		"  coffer tx list --state queued\n  coffer tx show w-4711\n  coffer tx bump w-4711",
		a.txListCommand(), a.txShowCommand(), a.txBumpCommand(), a.txCancelCommand(), a.txRequeueCommand())
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
		Long: `Shows a payment, and every attempt to make it: the nonce, the digest that was signed, the transaction's hash, and when it
was asked for, signed, sent, mined and final.`,
		Use:     "show REQUEST_ID",
		Short:   "Show one payment with every attempt",
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

// attemptView is one attempt in --json.
type attemptView struct {
	State       string  `json:"state"`
	Purpose     string  `json:"purpose"`
	Wallet      string  `json:"wallet"`
	Nonce       uint64  `json:"nonce"`
	Digest      string  `json:"digest"`
	Hash        *string `json:"hash"`
	Note        *string `json:"note"`
	Refusal     *string `json:"refusal"`
	BlockNumber *uint64 `json:"block_number"`
	BlockHash   *string `json:"block_hash"`
	Success     *bool   `json:"success"`
	Fee         *string `json:"fee"`
	AskedAt     *string `json:"asked_at"`
	SignedAt    *string `json:"signed_at"`
	SentAt      *string `json:"sent_at"`
	MinedAt     *string `json:"mined_at"`
	FinalAt     *string `json:"final_at"`
}

func viewAttempt(at store.Attempt) attemptView {
	v := attemptView{
		State: at.State, Purpose: at.Purpose, Wallet: at.Address, Nonce: at.Nonce, Digest: at.Digest, Hash: null(at.Hash),
		Note: null(at.Note), Refusal: null(at.Refusal), BlockHash: null(at.BlockHash), Fee: null(at.Fee),
		AskedAt: stamp(at.AskedAt), SignedAt: stamp(at.SignedAt), SentAt: stamp(at.SentAt), MinedAt: stamp(at.MinedAt),
		FinalAt: stamp(at.FinalAt),
	}
	if at.BlockHash != "" {
		v.BlockNumber, v.Success = &at.BlockNumber, &at.Success
	}
	return v
}

func (a *app) showStory(s withdrawal.Story) error {
	if a.json {
		views := make([]attemptView, len(s.Attempts))
		for i, at := range s.Attempts {
			views[i] = viewAttempt(at)
		}
		return a.document(struct {
			withdrawal.Withdrawal
			Attempts []attemptView `json:"attempts"`
		}{s.Withdrawal, views})
	}
	w := s.Withdrawal
	row := withdrawalRow(w)
	pairs := make([][2]string, 0, len(row)+3)
	for i, cell := range row {
		pairs = append(pairs, [2]string{lower(withdrawalHeadings[i]), cell})
	}
	fields(a.stdout, append(pairs, [][2]string{
		{"accepted", moment(w.CreatedAt)}, {"changed", moment(w.UpdatedAt)}, {"ended", ended(w)},
	}...))
	for _, at := range s.Attempts {
		a.say("")
		pairs := [][2]string{
			{"attempt", at.State}, {"nonce", number(at.Nonce)}, {"wallet", at.Address}, {"digest", at.Digest}, {"hash", dash(at.Hash)},
			{"asked", moment(at.AskedAt)}, {"signed", moment(at.SignedAt)}, {"sent", moment(at.SentAt)},
			{"mined", moment(at.MinedAt)}, {"final", moment(at.FinalAt)},
		}
		if at.BlockHash != "" {
			pairs = append(pairs, [2]string{"block", number(at.BlockNumber) + " " + at.BlockHash}, [2]string{"fee", at.Fee})
		}
		if at.Note != "" {
			pairs = append(pairs, [2]string{"note", at.Note})
		}
		fields(a.stdout, pairs)
	}
	return nil
}

func ended(w withdrawal.Withdrawal) string {
	if w.EndedAt == nil {
		return "-"
	}
	return moment(*w.EndedAt)
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
