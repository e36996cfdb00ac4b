package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/withdrawal"
)

// operation is something that an operator does to a payment under way.
type operation struct {
	verb, short, long string
	needsReason       bool
	done, already     string // what is said to a person
	act               operators.Verb
}

// operations are those that there are.
var operations = map[operators.Verb]operation{
	operators.TxBump: {
		act:  operators.TxBump,
		verb: "bump", short: "Raise the fees of a payment under way now",
		long: `Has a payment that is in no block asked for once more at the same nonce, with higher fees, now instead of when it is called
stuck (bump_after). It is the same payment: whichever attempt gets into a block, it is paid once. The daemon that drives its wallet
does it; above the chain's caps it waits, and coffer explain says so.

Refused (4): what is not under way, is in a block, or has ended.`,
		done: "it is bumped by the daemon that drives its wallet", already: "already wished",
	},
	operators.TxCancel: {
		act:  operators.TxCancel,
		verb: "cancel", short: "Give a payment up, if that is still possible", needsReason: true,
		long: `Gives a payment up. One for which nothing was asked yet ends as cancelled at once. For one that was, the daemon has a transfer
of nothing signed at the same nonce, with higher fees: whichever of the two gets into a block decides, and the payment ends as
cancelled, or as paid if it was faster. One that waits for a person because something else spent its nonce ends as cancelled, once
that is final on all nodes.

Refund the customer when it has ended as cancelled, and not before. Refused (4): what has ended otherwise, or may still be paid.`,
		done: "its cancellation is on its way; refund only when it has ended as cancelled", already: "already cancelled, or on its way",
	},
	operators.TxRequeue: {
		act:  operators.TxRequeue,
		verb: "requeue", short: "Pay again, after review, with another nonce", needsReason: true,
		long: `Lets a payment that waits for a person be paid again, with another nonce. What was signed for it before must be dead: its nonce
was spent, finally and on all nodes, by something else, or its transaction is final and paid nobody. And the signing machine must
have been told so by a person: coffer-signer release REQUEST_ID --reason TEXT, at the machine's own home.

Refused (4): without that release, before that is final, or when it does not wait for a person.`,
		done: "it is queued again, and paid with another nonce", already: "already queued",
	},
	operators.TxClose: {
		act:  operators.TxClose,
		verb: "close", short: "End a payment that is held since the database was restored", needsReason: true,
		long: `After a restore, what was queued in the backup is held: it may have been cancelled since, and only its caller knows. Submitted again, it is
paid. This ends one whose caller does not want it any more: as cancelled, and its id stays bound, so it is never paid.

Refund the customer if that was not done before the restore. Refused (4): what is not held.`,
		done: "", already: "already closed, or cancelled",
	},
}

func (a *app) txBumpCommand() *cobra.Command { return a.operate(operations[operators.TxBump]) }

func (a *app) txCancelCommand() *cobra.Command { return a.operate(operations[operators.TxCancel]) }

func (a *app) txRequeueCommand() *cobra.Command { return a.operate(operations[operators.TxRequeue]) }

func (a *app) txCloseCommand() *cobra.Command { return a.operate(operations[operators.TxClose]) }

func (a *app) operate(o operation) *cobra.Command {
	var reason string
	use, example := o.verb+" REQUEST_ID", "  coffer tx "+o.verb+" w-4711"
	if o.needsReason {
		use += " --reason TEXT"
		example += ` --reason "the customer asked"`
	}
	c := &cobra.Command{
		Use: use, Short: o.short, Long: o.long, Example: example, Args: exactly("REQUEST_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.needsReason && strings.TrimSpace(reason) == "" {
				return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "--reason is missing: why, for the record")
			}
			return a.act(cmd.Context(), coffer.Act{Verb: o.act, Request: args[0]}, reason)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why; it is recorded")
	return c
}

// operated is what the verbs print with --json.
type operated struct {
	withdrawal.Withdrawal
	Already bool `json:"already"`
}

func (a *app) showOperated(ctx context.Context, s *coffer.System, o operation, w withdrawal.Withdrawal, already bool) error {
	if a.json {
		return a.document(operated{w, already})
	}
	switch {
	case already:
		a.note("%s", o.already)
	case w.State != withdrawal.Ended:
		a.note("%s", o.done)
		a.noteDaemon(ctx, s)
	}
	table(a.stdout, withdrawalHeadings, [][]string{withdrawalRow(w)})
	return nil
}
