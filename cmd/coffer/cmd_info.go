package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
)

func (a *app) infoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "info ADDRESS CHAIN_ID",
		Short: "Show one wallet: its row, its nonces, and how the chain sees it",
		Long: `Shows the wallet's row, how many nonces are reserved, asked and not yet in a block (unmined), asked and not
yet final (in flight), the gaps, the last use, and, where a node is configured, the chain's own count and
what coffer health says. A node that does not answer is said so; the rest is shown all the same.

The line available says whether the wallet can be chosen for the next payment, and if not, why: it is inactive, not a hot
wallet, its key is elsewhere, its signing machine does not answer or is locked, an alarm about it or its chain is a brake, or as
many payments are under way as max_unmined allows. Funds are judged for each payment. Where something is wrong, the next command stands
after hint.`,
		Example: "  coffer info 0xYourWallet… 1",
		Args:    exactly("ADDRESS", "CHAIN_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, chain, err := addressAndChain(args)
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				info, err := s.Nonces.Info(cmd.Context(), address, chain)
				if err != nil {
					return err
				}
				count := s.CountsOf(cmd.Context(), []wallet.Wallet{info.Wallet})
				healths, err := s.HealthOf(cmd.Context(), count)
				if err != nil {
					return err
				}
				available, err := s.Available(cmd.Context(), info)
				if err != nil {
					return err
				}
				open, err := s.Alarms(cmd.Context(), false)
				if err != nil {
					return err
				}
				return a.showInfo(info, available, chainView(count[0]), healths[0], coffer.AlarmsOf(open, info.Wallet))
			})
		},
	}
}

// chainView is how the nodes see a wallet, or why that is not known.
type chainView coffer.WalletCount

func (v chainView) String() string {
	switch {
	case !v.Configured:
		return "no node configured"
	case v.Err != nil:
		return "unknown: " + oneLine(v.Err.Error())
	case !v.Count.Agreed:
		return fmt.Sprintf("nodes disagree; the lowest says %d", v.Count.Latest)
	default:
		return fmt.Sprintf("latest %d, pending %d", v.Count.Latest, v.Count.Pending)
	}
}

// view is the chain's part in --json: null where nothing is known.
func (v chainView) view() map[string]any {
	if !v.Configured {
		return nil
	}
	if v.Err != nil {
		return map[string]any{"error": v.Err.Error()}
	}
	return map[string]any{"latest": v.Count.Latest, "pending": v.Count.Pending, "agreed": v.Count.Agreed}
}

func (a *app) showInfo(info nonce.Info, available nonce.Availability, chain chainView, health nonce.Health, alarms []coffer.Alarm) error {
	l := info.Load
	if a.json {
		return a.document(struct {
			walletView
			loadView
			External  []externalView `json:"external"`
			Available bool           `json:"available"`
			WhyNot    *string        `json:"why_not"`
			Hint      string         `json:"hint"`
			Chain     map[string]any `json:"chain"`
			Health    healthView     `json:"health"`
			Brake     *string        `json:"brake"`
			Alarms    []alarmView    `json:"alarms"`
		}{viewWallet(info.Wallet), viewLoad(info), viewExternals(info.Externals), available.OK(), null(available.Why), available.Hint,
			chain.view(), viewHealth(health), null(l.Brake), viewAlarms(alarms)})
	}
	judged := fmt.Sprintf("%s: %s", health.State, health.Why)
	if health.State == nonce.HealthOK {
		health.Hint = "" // which would be this command
	}
	gaps := "none"
	if len(l.Gaps) > 0 {
		gaps = strings.Trim(fmt.Sprint(l.Gaps), "[]")
	}
	can := "yes"
	if !available.OK() {
		can = withHint("no: "+available.Why, available.Hint)
	}
	fields(a.stdout, append(walletFields(info.Wallet), [][2]string{
		{"free", number(l.Free)}, {"reserved", number(l.Reserved)}, {"unmined", number(l.Unmined)},
		{"in_flight", number(l.InFlight)}, {"gaps", gaps}, {"external", externalText(info.Externals)},
		{"last_used", moment(info.LastUsed)}, {"available", can}, {"chain", chain.String()},
		{"health", withHint(judged, health.Hint)}, {"alarms", alarmsText(alarms)},
	}...))
	return nil
}

// withHint is a line about a wallet, with the next command if there is something to do.
func withHint(text, hint string) string {
	if hint == "" {
		return oneLine(text)
	}
	return oneLine(text) + "; hint: " + hint
}

// loadView is what a wallet's nonces add up to.
type loadView struct {
	Free     int      `json:"free"`
	Reserved int      `json:"reserved"`
	Unmined  int      `json:"unmined"`
	InFlight int      `json:"in_flight"`
	Gaps     []uint64 `json:"gaps"`
	LastUsed *string  `json:"last_used"`
}

func viewLoad(info nonce.Info) loadView {
	l, gaps := info.Load, info.Load.Gaps
	if gaps == nil {
		gaps = []uint64{}
	}
	return loadView{l.Free, l.Reserved, l.Unmined, l.InFlight, gaps, stamp(info.LastUsed)}
}

// externalView is a range of nonces spent by something that is not coffer's.
type externalView struct {
	From     uint64  `json:"from"`
	To       uint64  `json:"to"`
	Evidence string  `json:"evidence"`
	Reason   string  `json:"reason"`
	At       *string `json:"at"`
}

func viewExternals(es []store.External) []externalView {
	views := make([]externalView, len(es))
	for i, e := range es {
		views[i] = externalView{e.From, e.To, e.Evidence, e.Reason, stamp(e.At)}
	}
	return views
}

func externalText(es []store.External) string {
	if len(es) == 0 {
		return "none"
	}
	parts := make([]string, len(es))
	for i, e := range es {
		parts[i] = fmt.Sprintf("%d–%d (%s)", e.From, e.To, e.Evidence)
	}
	return strings.Join(parts, ", ")
}
