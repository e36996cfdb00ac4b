package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/withdrawal"
)

// waitPoll is how often --wait looks again.
const waitPoll = 100 * time.Millisecond

func (a *app) withdrawCommand() *cobra.Command {
	var req withdrawal.Request
	var file, wait string
	c := &cobra.Command{
		Use:   "withdraw --chain-id N --to ADDRESS --amount A --request ID | withdraw --file FILE",
		Short: "Accept a withdrawal, or a file of them; the daemon pays it",
		Long: `Accepts a payment to a customer. Once it is printed it is accepted, and will be paid exactly once by the
daemon (coffer run), whatever happens to this command. The same request id with the same content answers
"already accepted"; with other content it is refused. Amounts are decimal, or whole base units with
--base-units.

--file reads CSV, NDJSON or a JSON array ("-" is standard input) and answers each line once it is committed, while it goes on
reading, so a program of any language can keep it open. The columns are request, chain_id, to, amount, asset, authorizations. A bad line is
refused where it stands, the others are accepted (7).

A withdrawal brings the authorizations that the signing machine's policy asks for: --authorization, once for each, or
authorizations in a file (coffer authorize makes them). Where it brings none, the key in service_key (coffer.toml) signs one. The
same request id may bring newer ones while nothing is asked for.

--wait stays until the payment is signed, mined or final; one that ends otherwise, or waits for a person, is an error then.
Ctrl-C stops the waiting, never the payment.`,
		Example: `  coffer withdraw --chain-id 1 --to 0xCustomer… --amount 1.25 --request w-4711
  coffer withdraw --chain-id 1 --to 0xCustomer… --amount 20 --asset USDT --request w-2 --wait final
  coffer withdraw --file withdrawals.ndjson --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			until, err := parseUntil(wait)
			if err != nil {
				return err
			}
			if file != "" {
				return a.withdrawFile(cmd, file, until, req.BaseUnits)
			}
			if err := complete(cmd); err != nil {
				return err
			}
			return a.with(cmd.Context(), func(s *coffer.System) error { return a.withdraw(cmd, s, req, until) })
		},
	}
	c.Flags().Int64Var(&req.ChainID, "chain-id", 0, "chain id, such as 1; required without --file")
	c.Flags().StringVar(&req.To, "to", "", "the customer's address; required without --file")
	c.Flags().StringVar(&req.Amount, "amount", "", "how much, decimal: 1.25; required without --file")
	c.Flags().StringVar(&req.Asset, "asset", "", "token symbol in coffer.toml; left out: the chain's own coin")
	c.Flags().StringVar(&req.ID, "request", "", "request id, yours: one id, one payment; required without --file")
	c.Flags().BoolVar(&req.BaseUnits, "base-units", false, "amounts are whole base units: wei, or the token's smallest unit")
	c.Flags().StringArrayVar(&req.Authorizations, "authorization", nil, "a token of coffer authorize; may be given several times")
	c.Flags().StringVar(&wait, "wait", "", "stay until signed, mined or final (default: do not wait)")
	c.Flags().StringVar(&file, "file", "", "a file of withdrawals, CSV or NDJSON; - is standard input")
	c.MarkFlagsMutuallyExclusive("file", "request")
	c.MarkFlagsMutuallyExclusive("file", "authorization")
	return c
}

// complete says which flag of a single withdrawal is missing.
func complete(cmd *cobra.Command) error {
	for _, name := range []string{"chain-id", "to", "amount", "request"} {
		if !cmd.Flags().Changed(name) {
			return fault.New(fault.Usage, "usage", "coffer withdraw --help", "--%s is missing", name)
		}
	}
	return nil
}

func parseUntil(s string) (withdrawal.Until, error) {
	switch u := withdrawal.Until(s); u {
	case "", withdrawal.Signed, withdrawal.Mined, withdrawal.Final:
		return u, nil
	default:
		return "", fault.New(fault.Usage, "usage", "--wait signed, --wait mined or --wait final", "--wait %q is none of its values", s)
	}
}

func (a *app) withdraw(cmd *cobra.Command, s *coffer.System, req withdrawal.Request, until withdrawal.Until) error {
	w, already, err := s.Withdrawals.Submit(cmd.Context(), req)
	if err != nil {
		return err
	}
	if !a.json && w.State != store.WithdrawalEnded {
		a.noteDaemon(cmd.Context(), s)
	}
	if until != "" {
		if w, err = s.Withdrawals.Wait(cmd.Context(), w.Request, until, waitPoll); err != nil {
			a.note("%s is accepted; look at it with: coffer tx show %s", req.ID, req.ID)
			return err
		}
	}
	if a.json {
		return errors.Join(a.document(accepted{w, already}), waited(w, until))
	}
	if already {
		a.note("already accepted")
	}
	table(a.stdout, withdrawalHeadings, [][]string{withdrawalRow(w)})
	return waited(w, until)
}

// noteDaemon says so if nothing is there to pay: --wait would wait for ever.
func (a *app) noteDaemon(ctx context.Context, s *coffer.System) {
	if runs, err := s.DaemonRuns(ctx); err == nil && !runs { // an error says nothing about what was accepted
		a.note("no daemon is running; what is accepted is paid once one does: coffer run")
	}
}

// waited is the error of a payment that was waited for and did not get there.
func waited(w withdrawal.Withdrawal, until withdrawal.Until) error {
	switch hint := "coffer tx show " + w.Request; {
	case until == "":
		return nil
	case w.Outcome == store.OutcomeRefused:
		return fault.New(fault.Refused, "payment_refused", hint, "payment %s ended refused: %s", w.Request, w.Reason)
	case w.Outcome == store.OutcomeFailed || w.Outcome == store.OutcomeCancelled:
		return fault.New(nil, "payment_"+w.Outcome, hint, "payment %s ended %s: %s", w.Request, w.Outcome, w.Reason)
	case w.State == store.WithdrawalNeedsReview || w.State == store.WithdrawalHeld:
		return fault.New(nil, "payment_waits", hint, "payment %s waits for a person: %s", w.Request, w.Reason)
	}
	return nil
}

// accepted is what withdraw prints with --json.
type accepted struct {
	withdrawal.Withdrawal
	AlreadyAccepted bool `json:"already_accepted"`
}

var withdrawalHeadings = []string{"REQUEST", "STATE", "AMOUNT", "ASSET", "TO", "WALLET", "NONCE", "HASH", "REASON"}

func withdrawalRow(w withdrawal.Withdrawal) []string {
	n := "-"
	if w.Nonce != nil {
		n = number(*w.Nonce)
	}
	state := w.State
	if w.Outcome != "" {
		state = w.Outcome
	}
	return []string{w.Request, state, w.Decimal, w.Asset, w.To, dash(w.Wallet), n, dash(w.Hash), dash(w.Reason)}
}
