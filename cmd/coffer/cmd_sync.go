package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/nonce"
)

func (a *app) syncCommand() *cobra.Command {
	var call nonce.SyncCall
	c := &cobra.Command{
		Use:   "sync ADDRESS CHAIN_ID NONCE",
		Short: "Set the next nonce to hand out",
		Long: `NONCE is the next nonce to hand out: what eth_getTransactionCount answers for "latest". What is passed
over is written down as spent by somebody else (external).

Refused: a number above what the nodes count, one that passes over nonces that are reserved or asked, and
every number below what has been handed out. --force with --reason overrides a disagreement with the nodes
and drops reservations that nothing was asked for. Nothing overrides a nonce that a signature was asked for.`,
		Example: `  coffer sync 0xYourWallet… 1 100
  coffer sync 0xYourWallet… 1 90 --force --reason "restored by hand, ticket 812"`,
		Args: exactly("ADDRESS", "CHAIN_ID", "NONCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if call.Address, call.ChainID, err = addressAndChain(args); err != nil {
				return err
			}
			if call.To, err = nonceNumber(args[2]); err != nil {
				return err
			}
			if call.Force && call.Reason == "" {
				return fault.New(fault.Usage, "usage", "say why with --reason TEXT: it is kept in the audit log",
					"--force needs --reason")
			}
			return a.with(cmd.Context(), func(s *coffer.System) error { return a.sync(cmd, s, call) })
		},
	}
	c.Flags().BoolVar(&call.Force, "force", false, "override what may be overridden; needs --reason")
	c.Flags().StringVar(&call.Reason, "reason", "", "why, for the audit log")
	return c
}

func (a *app) sync(cmd *cobra.Command, s *coffer.System, call nonce.SyncCall) error {
	w, err := s.Wallets.Find(cmd.Context(), call.Address, call.ChainID)
	if err != nil {
		return err
	}
	count, configured, err := s.Counts(cmd.Context(), w)
	switch {
	case configured && err != nil && !call.Force:
		return err
	case configured && err == nil && !count.Agreed && !call.Force:
		return fault.New(fault.Refused, "nodes_disagree", "ask again later, or --force with --reason",
			"the nodes do not agree on the next nonce of %s; the lowest says %d", w.Address, count.Latest)
	case configured && err == nil && count.Agreed:
		call.Latest = &count.Latest
	}
	report, err := s.Nonces.Sync(cmd.Context(), call)
	if err != nil {
		return err
	}
	if a.json {
		doc := map[string]any{
			"address": report.Wallet.Address, "chain_id": report.Wallet.ChainID, "before": report.Before, "after": report.After,
			"changed": !report.Same, "external": nil, "in_flight": report.Load.InFlight, "reserved": report.Load.Reserved,
		}
		if report.External != nil {
			doc["external"] = map[string]uint64{"from": report.External.From, "to": report.External.To}
		}
		return a.document(doc)
	}
	if report.Same {
		a.say("already at %d", report.After)
		return nil
	}
	a.say("%s on %s %d: %d → %d", report.Wallet.Address, report.Wallet.ChainType, report.Wallet.ChainID, report.Before, report.After)
	if e := report.External; e != nil {
		a.say("external: %d–%d", e.From, e.To)
	}
	a.say("in flight: %d", report.Load.InFlight)
	return nil
}
