package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/withdrawal"
)

func (a *app) recoverCommand() *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use:   "recover",
		Short: "Rebuild from the signing machine what an old database does not know",
		Long: `A database that was restored from a backup, or that lost its tail in a fail-over, is older than its signing machine: it
would hand out nonces that are signed, and pay a second time what was paid since. coffer run finds that out before it
asks for anything, and stops (alarm ledger_behind_signer). recover reads the machine's journal and rebuilds each answer that the
ledger has no attempt of: wallet, nonce and cursor, request and withdrawal, and the attempt with its bytes. Then coffer run sends
and follows them like any other.

Each is one transaction with its audit row, so it may be broken off and said again. With --dry-run nothing is written. What the old
database gave away since, and nothing was asked for, moves; what was asked for contradicts and is listed: nothing is signed before
a person has mended that (docs/runbook.md).

Refused (4): while a daemon drives the database; and when it is the signing machine that is older (coffer signer export). 7: there are
conflicts.`,
		Example: "  coffer recover --dry-run\n  coffer recover",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !dryRun {
				return a.act(cmd.Context(), coffer.Act{Verb: operators.Recover}, "")
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				r, err := s.Recover(cmd.Context(), true)
				return errors.Join(a.showRecovery(r, err), err)
			})
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show what would be rebuilt, and write nothing")
	return c
}

// showRecovery shows what was rebuilt, also if it ended early. Its error is that there are conflicts.
func (a *app) showRecovery(r withdrawal.Recovery, failed error) error {
	if failed != nil && len(r.Attempts) == 0 {
		return nil
	}
	if err := a.showRebuilt(r); err != nil || failed != nil || len(r.Conflicts) == 0 {
		return err
	}
	return fault.New(fault.Partly, "conflicts", "coffer tx show REQUEST of each; docs/runbook.md, A restored database",
		"%d of the machine's answers contradict what the ledger has", len(r.Conflicts))
}

func (a *app) showRebuilt(r withdrawal.Recovery) error {
	if a.json {
		return a.document(r)
	}
	would := ""
	if r.DryRun {
		would = " to be"
	}
	for _, w := range r.Wallets {
		a.note("%s on %s %d:%s registered again", w.Address, w.ChainType, w.ChainID, would)
	}
	if len(r.Attempts) > 0 {
		rows := make([][]string, len(r.Attempts))
		for i, x := range r.Attempts {
			rows[i] = []string{number(x.Receipt), dash(x.Request), x.Purpose, x.Wallet, number(x.ChainID), number(x.Nonce), x.State, dash(x.Hash), dash(x.Note)}
		}
		table(a.stdout, []string{"RECEIPT", "REQUEST", "PURPOSE", "WALLET", "CHAIN", "NONCE", "STATE", "HASH", "NOTE"}, rows)
	}
	for _, x := range r.Conflicts {
		a.note("receipt %d, %s at nonce %d of %s: %s", x.Receipt, dash(x.Request), x.Nonce, x.Wallet, x.Why)
	}
	switch {
	case len(r.Attempts)+len(r.Conflicts) == 0:
		a.note("nothing is missing: ledger and signing machine agree up to receipt %d", r.Highest)
	case r.DryRun:
		a.note("%d%s rebuilt; run it without --dry-run", len(r.Attempts), would)
	default:
		a.note("%s rebuilt; coffer run sends and follows them", fmt.Sprint(len(r.Attempts)))
	}
	return nil
}
