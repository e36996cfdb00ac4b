package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/wire"
)

func (a *app) releaseCommand() *cobra.Command {
	var req wire.ReleaseRequest
	c := &cobra.Command{
		Use:   "release REQUEST_ID --reason TEXT",
		Short: "Let a payment be signed at one other nonce, because its own is lost",
		Long: `Closes the nonce that a payment is signed at, for ever: nothing more is signed there, not even a cancellation. Then the
payment may be signed at exactly one other nonce. Should that be lost as well, say it again.

Do this only when something else has spent the old nonce and that is final on every node (` + "`coffer explain REQUEST_ID`" + ` tells).
What is signed at the old nonce stays valid: if the chain can still take it, the customer is paid twice. coffer itself
cannot do this; it is done here, by the user that the signing machine runs as, needs no passphrase, and is kept in the
journal with time, user and reason. After it, ` + "`coffer tx requeue REQUEST_ID`" + ` has the payment made.

If the policy in force names officers, two of them approve it: the command tells what each of them runs, and takes what that prints
with --approval. Their approvals are kept in the journal.

A payment whose cancellation is signed is never released. EVM only. A row of a reservation is named "REQUEST_ID#row".`,
		Example: `  coffer-signer release w-1 --reason "nonce 7 was spent outside coffer, final on all nodes"`,
		Args:    oneRequest,
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Payment = args[0]
			done, err := keep(cmd.Context(), a, wire.PathRelease, req, signer.Keeping.Release)
			if err != nil {
				return err
			}
			return a.showRelease(done)
		},
	}
	c.Flags().StringVar(&req.Reason, "reason", "", "why; kept in the journal")
	c.Flags().StringVar(&req.Ledger, "ledger", "", "id of the ledger, if several have such a payment")
	approvalFlag(c, &req.Approvals)
	_ = c.MarkFlagRequired("reason") // the flag is there
	return c
}

func oneRequest(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "exactly one REQUEST_ID is needed, not %d", len(args))
}

func (a *app) showRelease(r wire.ReleaseAnswer) error {
	if a.json {
		return a.document(r)
	}
	if r.AlreadyReleased {
		a.say("already released")
	} else {
		a.say("released")
	}
	for _, f := range [][2]string{
		{"payment", r.Payment}, {"ledger", r.Ledger}, {"closed", nonceOf(r)}, {"at", r.ReleasedAt.Format(time.RFC3339)}, {"by", r.ReleasedBy}, {"reason", r.Reason},
	} {
		a.say("%-7s  %s", f[0], f[1])
	}
	a.note("next: coffer tx requeue %s", r.Payment)
	return nil
}

func nonceOf(r wire.ReleaseAnswer) string {
	return fmt.Sprintf("nonce %d of %s on %s %d", r.Nonce, r.Address, r.ChainType, r.ChainID)
}
