package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
)

func (a *app) restoreCommand() *cobra.Command {
	var again bool
	var from coffer.RestoreSource
	c := &cobra.Command{
		Use:   "restore FILE --identity KEYFILE | restore --continue",
		Short: "Put a backup into an empty database, and make it fit to pay again",
		Long: `Fills an empty database, which coffer init or coffer migrate --apply made, with a backup that coffer backup wrote: every row, the ledger's id
included. --identity opens it; the audit key of --key, else that of this home, must have signed it. This home's coffer.toml stays as it is;
--settings writes that of the backup into another file. On PostgreSQL it takes the owner of the tables.

A ledger that was put back from a backup is paused: nothing is bound, asked for, signed or sent, and no nonce is reserved; what is out is
followed. What was queued in the backup is held until its caller submits it again, or coffer tx close ends it: it may have been
cancelled since.

Then the ledger is compared with the signing machine's journal and with the chain. What was signed after the backup is rebuilt, so it is
never paid again; keys that the machine has and the backup did not are registered; cursors are raised to the highest of the three; nonces
that were reserved and not signed are free, or a person's to look at where the key signs elsewhere. Each difference is in the report.
coffer restore accept lets the ledger go on.

--continue does the second part once more: after it was broken off, or when a node, a signing machine or a conflict is mended.

Refused (4), with nothing changed: a database that is not empty; a backup that is not whole or not ours; while a daemon runs; a signing machine
that is older than the backup, or whose keys are another ledger's. 5: it is sealed for others. 7: it is back, and something needs a person:
the report says what.`,
		Example: `  coffer restore ledger.age --identity officer.key --key "$(cat coffer-audit.pub)"
  coffer restore --continue
  coffer restore accept --reason "compared with the exchange's books"`,
		Args: between(0, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case again == (len(args) == 1):
				return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "either FILE or --continue: a backup, or what was restored already")
			case !again && from.Identity == "":
				return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "--identity is missing: the file of a recipient's key")
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				restored := s.ContinueRestore
				if !again {
					from.Path = args[0]
					restored = func(ctx context.Context) (coffer.RestoreReport, error) { return s.Restore(ctx, from) }
				}
				r, err := restored(cmd.Context())
				if err != nil {
					return err
				}
				return a.showExamined(r)
			})
		},
	}
	c.Flags().StringVar(&from.Identity, "identity", "", "the file of a recipient's key, readable to its owner alone")
	c.Flags().StringArrayVar(&from.Keys, "key", nil, "the public key of the audit log (coffer audit key); may be said several times; default: this home's own")
	c.Flags().StringVar(&from.Settings, "settings", "", "write the backup's coffer.toml into this file, which must not exist")
	c.Flags().BoolVar(&from.WithoutSigner, "without-signer", false, "bring the rows back without asking the signing machine; --continue compares later")
	c.Flags().BoolVar(&again, "continue", false, "compare a restored ledger with signing machine and chain, once more")
	c.AddCommand(a.restoreReportCommand(), a.restoreAcceptCommand())
	return c
}

func (a *app) restoreReportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "report",
		Short: "Show what differs between backup, signing machine and chain",
		Long: `Shows the newest restore of this ledger: the cut-off, and each difference with its kind (docs/restore.md), those that need a person first.

Whatever callers submitted after the cut-off, and whatever had not ended then, they submit again, with the same ids: what was paid is
found, and not paid again; what was held goes on.`,
		Example: "  coffer restore report\n  coffer restore report --json",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(s *coffer.System) error {
				r, err := s.RestoreReport(cmd.Context())
				if err != nil {
					return err
				}
				return a.showRestore(r)
			})
		},
	}
}

func (a *app) restoreAcceptCommand() *cobra.Command {
	var reason string
	var despite bool
	c := &cobra.Command{
		Use:   "accept --reason TEXT",
		Short: "Let a restored ledger go on",
		Long: `Ends the pause of a restored ledger: what is signed is sent, what was submitted again is paid, and nonces are given again, with higher fences
than any before the restore. Read coffer restore report first.

Refused (4): before the comparison came to its end (coffer restore --continue); while there are conflicts; and as long as a chain or a
signing machine could not be asked what was spent since the backup, unless --despite-unknown says that you know it from elsewhere.`,
		Example: `  coffer restore accept --reason "compared with the exchange's books"`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if strings.TrimSpace(reason) == "" {
				return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "--reason is missing: why, for the record")
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				r, err := s.RestoreReport(cmd.Context())
				if err != nil {
					return err
				}
				act := coffer.Act{Verb: operators.RestoreAccept, Restore: r.ID, Despite: despite}
				done, err := s.Do(cmd.Context(), act, a.by(reason))
				return a.showDone(cmd.Context(), s, act, done, err)
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why; it is recorded")
	c.Flags().BoolVar(&despite, "despite-unknown", false, "also if a chain or a signing machine could not be asked")
	return c
}
