package main

import (
	"slices"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/nonce"
)

// syncFlags are what `sync` may be told beside its arguments.
type syncFlags struct {
	all, fromChain, force bool
	reason                string
}

func (a *app) syncCommand() *cobra.Command {
	var f syncFlags
	c := &cobra.Command{
		Use:   "sync ADDRESS CHAIN_ID NONCE | sync ADDRESS CHAIN_ID --from-chain | sync --all --from-chain [CHAIN_ID]",
		Short: "Set the next nonce to hand out",
		Long: `NONCE is the next nonce to hand out: what eth_getTransactionCount answers for "latest". What is passed
over is written down as spent by somebody else (external).

Refused: a number above what the nodes count, one that passes over nonces that are reserved or asked, and
every number below what has been handed out. --force with --reason overrides a disagreement with the nodes
and drops reservations that nothing was asked for. Nothing overrides a nonce that a signature was asked for.

--from-chain takes the number from the nodes of the chain, of which all must agree. It only ever raises the
cursor; free and reserved nonces that the chain has spent become external. --all --from-chain does so for
every EVM wallet, active or not, or for those of one CHAIN_ID, in a few requests and one transaction. A
wallet whose nodes do not agree, do not answer or are not configured stays as it is and is named: exit 7. No
node answered at all: exit 6; none is configured: exit 4. Bitcoin and Solana count no account nonces: give
their NONCE yourself.`,
		Example: `  coffer sync 0xYourWallet… 1 100
  coffer sync 0xYourWallet… 1 --from-chain
  coffer sync --all --from-chain 1
  coffer sync 0xYourWallet… 1 90 --force --reason "restored by hand, ticket 812"`,
		Args: f.arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.all {
				return a.syncAll(cmd, f, args)
			}
			return a.syncOne(cmd, f, args)
		},
	}
	c.Flags().BoolVar(&f.fromChain, "from-chain", false, "take the number from the chain's nodes; it only raises")
	c.Flags().BoolVar(&f.all, "all", false, "every EVM wallet, or those of CHAIN_ID; with --from-chain")
	c.Flags().BoolVar(&f.force, "force", false, "override what may be overridden; needs --reason")
	c.Flags().StringVar(&f.reason, "reason", "", "why, for the audit log")
	return c
}

// arguments checks flags and arguments against each other.
func (f *syncFlags) arguments(cmd *cobra.Command, args []string) error {
	wrong := func(hint, format string, values ...any) error {
		return fault.New(fault.Usage, "usage", hint, format, values...)
	}
	switch {
	case f.fromChain && f.force:
		return wrong("leave one of them out", "--from-chain only raises, and there is nothing to --force")
	case f.force && f.reason == "":
		return wrong("say why with --reason TEXT: it is kept in the audit log", "--force needs --reason")
	case f.all && !f.fromChain:
		return wrong("coffer sync --all --from-chain", "--all needs --from-chain")
	case f.all:
		return between(0, "CHAIN_ID")(cmd, args)
	case f.fromChain && len(args) == 3:
		return wrong("leave one of them out", "the number is %s or what the chain says, not both", args[2])
	case f.fromChain:
		return exactly("ADDRESS", "CHAIN_ID")(cmd, args)
	}
	return exactly("ADDRESS", "CHAIN_ID", "NONCE")(cmd, args)
}

func (a *app) syncOne(cmd *cobra.Command, f syncFlags, args []string) error {
	act := coffer.Act{Verb: operators.Sync, FromChain: f.fromChain, Force: f.force}
	address, chain, err := addressAndChain(args)
	if err != nil {
		return err
	}
	act.Address, act.ChainID = address, &chain
	if !f.fromChain {
		to, err := nonceNumber(args[2])
		if err != nil {
			return err
		}
		act.Nonce = &to
	}
	return a.act(cmd.Context(), act, f.reason)
}

func (a *app) showSync(report nonce.SyncReport) error {
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

// syncAll brings the cursors of all EVM wallets up to what their chains count.
func (a *app) syncAll(cmd *cobra.Command, f syncFlags, args []string) error {
	act := coffer.Act{Verb: operators.SyncAll}
	if len(args) > 0 {
		id, err := chainID(args[0])
		if err != nil {
			return err
		}
		act.ChainID = &id
	}
	return a.act(cmd.Context(), act, f.reason)
}

func (a *app) showSyncAll(d coffer.ChainSyncDone) (shown error, changed bool) {
	if d.LeftOut > 0 {
		a.note("left out: %d wallets of btc or solana, which have no account nonce; use `coffer sync ADDRESS CHAIN_ID NONCE`", d.LeftOut)
	}
	changed = slices.ContainsFunc(d.Rows, func(r coffer.ChainSyncRow) bool { return r.Changed })
	return a.showChainSync(d.Rows), changed
}
