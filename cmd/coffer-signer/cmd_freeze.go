package main

import (
	"github.com/spf13/cobra"

	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/wire"
)

func (a *app) freezeCommand() *cobra.Command {
	var req wire.FreezeRequest
	c := &cobra.Command{
		Use:   "freeze --reason TEXT",
		Short: "Sign nothing more, also after a restart, until officers unfreeze it",
		Long: `One person is enough, the user that the machine runs as; it needs no passphrase, and works whether the machine is served or not.
Payments wait: nothing that was asked for is lost, and it is asked again after the freeze. No new keys are made either. Who, when and
why are kept in the journal.

The machine freezes itself when it finds that it went back to an older state, after a restore or an import of words, when a load
begins, and when too many requests are refused as conflicts (serve --freeze-after-conflicts).`,
		Example: `  coffer-signer freeze --reason "the wallet service behaves oddly"`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			done, err := keep(cmd.Context(), a, wire.PathFreeze, req, signer.Keeping.Freeze)
			if err != nil {
				return err
			}
			if a.json {
				return a.document(done)
			}
			if done.AlreadyFrozen {
				a.say("already frozen")
			} else {
				a.say("frozen")
			}
			a.say("freeze  %s", done.Freeze)
			a.say("why     %s", done.Why)
			a.note("to go on: coffer-signer unfreeze")
			return nil
		},
	}
	c.Flags().StringVar(&req.Reason, "reason", "", "why; kept in the journal")
	_ = c.MarkFlagRequired("reason") // the flag is there
	return c
}
