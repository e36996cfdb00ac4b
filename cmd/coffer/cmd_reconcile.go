package main

import (
	"encoding/csv"
	"errors"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/newfile"
	"coffer.internal/internal/reconcile"
	"coffer.internal/withdrawal"
)

func (a *app) reconcileCommand() *cobra.Command {
	var since, until, file string
	var chain int64
	c := &cobra.Command{
		Use:   "reconcile",
		Short: "Compare requests, attempts, chain and fees; say what is unexplained",
		Long: `Compares what was asked for, what the ledger says became of it, and what the nodes show: each payment that ended, with its request, intent,
signed bytes, transaction, block, outcome and fee; each wallet's nonces with the chain's count; and what has not ended here though it is
final there. What differs is listed with a code, what was expected, what is there, and what to do (docs/reconcile.md). Nothing is changed.

--since and --until select by when a payment ended. Without them everything is compared. --csv writes one line per transaction, for the
accountants: payments, cancellations and gap fills, with their fees. coffer run does the same by itself, as often as every of [reconcile] in
coffer.toml says, and raises an alarm on a difference.

It exits with 0 when nothing is unexplained, 1 when something is, and 7 when not everything could be looked at (6 when nothing could).`,
		Example: `  coffer reconcile
  coffer reconcile --since 2026-11-01 --until 2026-12-01 --csv november.csv
  coffer reconcile --chain-id 1 --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			var o coffer.ReconcileOptions
			if o.Since, err = momentFlag("--since", since); err != nil {
				return err
			}
			if o.Until, err = momentFlag("--until", until); err != nil {
				return err
			}
			if !o.Until.IsZero() && !o.Until.After(o.Since) {
				return fault.New(fault.Usage, "bad_time", "coffer reconcile --since EARLIER --until LATER", "--until %s is not after --since %s", until, since)
			}
			if cmd.Flags().Changed("chain-id") {
				if chain < 0 {
					return fault.New(fault.Usage, "bad_chain_id", "a whole number such as 1 (Ethereum) or 56 (BSC)", "chain id %d is below 0", chain)
				}
				o.ChainID = &chain
			}
			return a.with(cmd.Context(), func(s *coffer.System) error { return a.reconcile(cmd, s, o, file) })
		},
	}
	c.Flags().StringVar(&since, "since", "", "only payments that ended from this time on (RFC 3339, or a date)")
	c.Flags().StringVar(&until, "until", "", "only payments that ended before this time (RFC 3339, or a date)")
	c.Flags().Int64Var(&chain, "chain-id", 0, "only chains with this id")
	c.Flags().StringVar(&file, "csv", "", "write one line per transaction to this new file")
	return c
}

func (a *app) reconcile(cmd *cobra.Command, s *coffer.System, o coffer.ReconcileOptions, file string) (err error) {
	p := a.progress(0, "payments and fills looked at")
	o.Progress = func(looked int) {
		p.done = looked - 1
		p.step(false)
	}
	run := func() (r coffer.Reconciliation, err error) {
		r, err = s.Reconcile(cmd.Context(), o)
		p.end()
		if errors.Is(err, coffer.ErrNotAllowed) && !r.Until.IsZero() { // an auditor's role may look, and not write
			a.note("this comparison is in no audit row, and moves no alarm: %v", err)
			err = nil
		}
		return r, err
	}
	var r coffer.Reconciliation
	if file == "" {
		r, err = run()
	} else {
		r, err = reconcileInto(s, &o, file, run)
	}
	if err != nil {
		return err
	}
	if a.json {
		err = a.document(viewReconciliation(s, r))
	} else {
		a.showReconciliation(s, r)
	}
	return errors.Join(err, unexplained(r))
}

// reconcileInto writes each transaction to a new file, which there is only if all of them are in it.
func reconcileInto(s *coffer.System, o *coffer.ReconcileOptions, file string, run func() (coffer.Reconciliation, error)) (r coffer.Reconciliation, err error) {
	f, err := newfile.Create(file)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.Drop()) }()
	out := csv.NewWriter(f)
	o.Transaction = func(t coffer.Transaction) error { return out.Write(bookLine(s, t)) }
	if err := out.Write(bookColumns); err != nil {
		return r, err
	}
	if r, err = run(); err != nil {
		return r, err
	}
	if out.Flush(); out.Error() != nil {
		return r, out.Error()
	}
	return r, f.Keep()
}

// unexplained is what a reconciliation ends with that is not clean.
func unexplained(r coffer.Reconciliation) error {
	m := reconcile.MarkOf(r)
	switch {
	case m.Differences > 0:
		return fault.New(nil, "reconcile_differs", "each difference says what to do; docs/reconcile.md explains its code",
			"not all is explained: %d differences, and %d could not be looked at", m.Differences, m.Unchecked)
	case m.Unchecked > 0 && m.Transactions+m.Wallets == 0:
		return fault.New(fault.Unreachable, "reconcile_unchecked", "see what the nodes answer (coffer health), then say it again", "nothing could be looked at: %s", r.Unchecked[0].Why)
	case m.Unchecked > 0:
		return fault.New(fault.Partly, "reconcile_unchecked", "see what the nodes answer (coffer health), then say it again",
			"nothing differs in what could be looked at, and %d could not be", m.Unchecked)
	}
	return nil
}

// bookColumns are the columns of --csv (docs/reconcile.md); only ever added to, at the end.
var bookColumns = []string{
	"time", "chain_type", "chain_id", "kind", "request", "outcome", "asset", "amount", "amount_base_units", "contract", "fee_asset", "fee", "fee_base_units",
	"from", "to", "nonce", "hash", "block", "checked",
}

func bookLine(s *coffer.System, t coffer.Transaction) []string {
	asset, amount := amountOf(s, t.Place, t.Contract, t.Amount)
	coin, fee := amountOf(s, t.Place, "", t.Fee)
	at := ""
	if v := stamp(t.Time); v != nil {
		at = *v
	}
	return []string{
		at, t.Place.ChainType, number(t.Place.ChainID), t.Purpose, noFormula(t.Payment), t.Outcome, noFormula(asset), amount, t.Amount, t.Contract, coin, fee, t.Fee,
		t.From, t.To, number(t.Nonce), t.Hash, number(t.Block), t.Checked,
	}
}

// amountOf shows base units of an asset: its symbol, and whole coins; empty if its decimals are not known.
func amountOf(s *coffer.System, at reconcile.Place, contract, units string) (symbol, whole string) {
	symbol, decimals := s.AssetOf(at.ChainType, at.ChainID, contract)
	if decimals < 0 || units == "" {
		return symbol, ""
	}
	return symbol, withdrawal.FormatAmount(units, decimals)
}
