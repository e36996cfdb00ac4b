package main

import (
	"fmt"
	"slices"
	"strings"

	"coffer.internal/nonce"
)

// healthView is one wallet's health in --json.
type healthView struct {
	Address   string      `json:"address"`
	ChainType string      `json:"chain_type"`
	ChainID   int64       `json:"chain_id"`
	IsActive  int         `json:"is_active"`
	State     string      `json:"state"`
	Verdict   string      `json:"verdict"`
	Cursor    uint64      `json:"cursor"`
	Chain     *uint64     `json:"chain"`
	Pending   *uint64     `json:"pending"`
	InFlight  int         `json:"in_flight"`
	Nonces    []rangeView `json:"nonces"`
	Brake     *string     `json:"brake"`
	Why       string      `json:"why"`
	Means     string      `json:"means"`
	Hint      string      `json:"hint"`
}

type rangeView struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

func viewHealth(h nonce.Health) healthView {
	v := healthView{
		Address: h.Wallet.Address, ChainType: string(h.Wallet.ChainType), ChainID: h.Wallet.ChainID, IsActive: bit(h.Wallet.Active), State: h.State.String(),
		Verdict: string(h.Verdict), Cursor: h.Wallet.Nonce, Chain: h.Chain, Pending: h.Pending, InFlight: h.InFlight,
		Nonces: make([]rangeView, len(h.Nonces)), Brake: null(h.Brake), Why: h.Why, Means: h.Means, Hint: h.Hint,
	}
	for i, r := range h.Nonces {
		v.Nonces[i] = rangeView{r.From, r.To}
	}
	return v
}

// showHealth shows one wallet: a status line with its figures, then what it means and what to do.
func (a *app) showHealth(h nonce.Health) error {
	if a.json {
		return a.document(viewHealth(h))
	}
	a.say("NONCE %s - %s | cursor=%d chain=%s inflight=%d", h.State, oneLine(h.Why), h.Wallet.Nonce, figure(h.Chain), h.InFlight)
	where := fmt.Sprintf("%s on %s %d: cursor %d", h.Wallet.Address, h.Wallet.ChainType, h.Wallet.ChainID, h.Wallet.Nonce)
	if h.Chain != nil {
		where += fmt.Sprintf(", chain %d", *h.Chain)
	}
	if h.Pending != nil {
		where += fmt.Sprintf(", with the nodes' pools %d", *h.Pending)
	}
	if !h.Wallet.Active {
		where += ", inactive"
	}
	a.say("%s", where)
	a.say("%s", h.Means)
	if len(h.Nonces) > 0 {
		a.say("nonces: %s", h.Ranges())
	}
	a.say("hint: %s", h.Hint)
	return nil
}

// showHealths shows the worst of all wallets, then a line for each that is not OK, the worst first.
func (a *app) showHealths(all []nonce.Health, inactive int) (nonce.HealthState, error) {
	worst, inFlight := nonce.HealthOK, 0
	count := map[nonce.HealthState]int{}
	for _, h := range all {
		count[h.State]++
		inFlight += h.InFlight
		if h.State.Worse(worst) {
			worst = h.State
		}
	}
	if a.json {
		views := make([]healthView, len(all))
		for i, h := range all {
			views[i] = viewHealth(h)
		}
		return worst, a.document(map[string]any{"state": worst.String(), "wallets": views, "inactive": inactive})
	}
	states := []nonce.HealthState{nonce.HealthCritical, nonce.HealthUnknown, nonce.HealthWarning}
	var parts []string
	for _, s := range states {
		if count[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[s], strings.ToLower(s.String())))
		}
	}
	why := fmt.Sprintf("all %d wallets", len(all))
	if parts != nil {
		why = fmt.Sprintf("%s of %d wallets", strings.Join(parts, ", "), len(all))
	}
	a.say("NONCE %s - %s | wallets=%d ok=%d warning=%d critical=%d unknown=%d inflight=%d", worst, why, len(all),
		count[nonce.HealthOK], count[nonce.HealthWarning], count[nonce.HealthCritical], count[nonce.HealthUnknown], inFlight)
	for _, s := range states {
		for h := range slices.Values(all) {
			if h.State == s {
				a.say("%s %s %s %d: %s; hint: %s", s, h.Wallet.Address, h.Wallet.ChainType, h.Wallet.ChainID, oneLine(h.Why), h.Hint)
			}
		}
	}
	if inactive > 0 {
		a.say("left out: %d inactive, with nothing in flight", inactive)
	}
	return worst, nil
}

// figure is a number among a monitoring plugin's figures, U if it is not known.
func figure(n *uint64) string {
	if n == nil {
		return "U"
	}
	return number(*n)
}

// oneLine makes a text fit before the bar of a status line.
func oneLine(s string) string {
	return strings.NewReplacer("\n", "; ", "|", "/").Replace(s)
}
