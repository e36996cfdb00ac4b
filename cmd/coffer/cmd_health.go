package main

import (
	"slices"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/helptext"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
)

// healthCodes stands under the help of health in place of the codes of all other commands.
// They are those of monitoring plugins.
const healthCodes = "0 OK · 1 WARNING · 2 CRITICAL · 3 UNKNOWN, and every error of health itself (docs/exit-codes.md)"

func (a *app) healthCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "health [ADDRESS CHAIN_ID [CHAIN_NONCE]]",
		Short: "Judge a wallet's nonces against the chain, for people and for monitoring",
		Long: `Compares the wallet's cursor, what is in flight, and the count that all nodes of the chain agree on.
CHAIN_NONCE is that count, what eth_getTransactionCount answers for "latest", told by you: then no node and
no configuration is needed. The pool's count ("pending") is shown and decides nothing by itself.

  OK        healthy: nothing is under way. In flight: all between chain and cursor is on its way.
  WARNING   a gap: a free nonce (or an expired reservation) with nothing signed above it.
  CRITICAL  a gap below a signed nonce: what is above cannot be mined. Behind the chain: it has
            spent what the ledger would hand out. Ahead: no node knows of nonces that are not ours.
            A braked wallet (coffer alarms) that would be OK is a WARNING.
  UNKNOWN   the nodes disagree or do not answer, or there is no node and no CHAIN_NONCE.

The first line is NONCE STATE - why | cursor=… chain=… inflight=…, the rest says what it means and what to
do. Without arguments all wallets are judged: the worst state wins (CRITICAL before UNKNOWN before WARNING),
with one line for each wallet that is not OK. Inactive ones with nothing in flight are left out and counted,
and judged when they are named. The nonce of a Bitcoin or Solana wallet is coffer's own sequence number:
there is no chain count, and a hole in it holds nothing up.`,
		Example: `  coffer health 0xYourWallet… 1
  coffer health 0xYourWallet… 1 100
  coffer health`,
		Annotations: map[string]string{helptext.ExitCodes: healthCodes},
		Args:        cobra.ArbitraryArgs, // checked below: wrong ones are UNKNOWN too
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if err := between(2, "ADDRESS", "CHAIN_ID", "CHAIN_NONCE")(cmd, args); err != nil {
					return a.unclear(err)
				}
			}
			worst := nonce.HealthUnknown
			err := a.with(cmd.Context(), func(s *coffer.System) (err error) {
				worst, err = a.health(cmd, s, args)
				return err
			})
			if err != nil {
				return a.unclear(err)
			}
			return spoken{int(worst)}
		},
	}
	c.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return a.unclear(helptext.FlagError(cmd, err))
	})
	return c
}

// spoken is a command that has said all there is to say, and its exit code.
type spoken struct{ code int }

// Error is never shown.
func (spoken) Error() string { return "spoken" }

// unclear shows an error of health itself, which is a state like others: UNKNOWN.
func (a *app) unclear(err error) error {
	if a.json {
		a.fail(err)
	} else {
		a.say("NONCE UNKNOWN - %s", oneLine(err.Error()))
		if hint := fault.Hint(err); hint != "" {
			a.say("hint: %s", hint)
		}
	}
	return spoken{int(nonce.HealthUnknown)}
}

func (a *app) health(cmd *cobra.Command, s *coffer.System, args []string) (nonce.HealthState, error) {
	if len(args) == 0 {
		return a.healthOfAll(cmd, s)
	}
	address, chain, err := addressAndChain(args)
	if err != nil {
		return nonce.HealthUnknown, err
	}
	w, err := s.Wallets.Find(cmd.Context(), address, chain)
	if err != nil {
		return nonce.HealthUnknown, err
	}
	var h nonce.Health
	if len(args) == 3 {
		var n uint64
		if n, err = nonceNumber(args[2]); err == nil {
			h, err = s.HealthAt(cmd.Context(), w, n)
		}
	} else {
		var all []nonce.Health
		if all, err = s.Health(cmd.Context(), []wallet.Wallet{w}); err == nil {
			h = all[0]
		}
	}
	if err != nil {
		return nonce.HealthUnknown, err
	}
	return h.State, a.showHealth(h)
}

func (a *app) healthOfAll(cmd *cobra.Command, s *coffer.System) (nonce.HealthState, error) {
	all, err := s.Wallets.List(cmd.Context(), wallet.Filter{})
	if err != nil {
		return nonce.HealthUnknown, err
	}
	healths, err := s.Health(cmd.Context(), all)
	if err != nil {
		return nonce.HealthUnknown, err
	}
	// An inactive wallet is of interest as long as something of it is on its way: that goes on.
	judged := slices.DeleteFunc(healths, func(h nonce.Health) bool { return !h.Wallet.Active && h.InFlight == 0 })
	if len(judged) == 0 {
		return nonce.HealthUnknown, fault.New(fault.NotFound, "wallet_not_found", "coffer list",
			"there is no wallet to judge: none is active or has anything in flight")
	}
	return a.showHealths(judged, len(all)-len(judged))
}
