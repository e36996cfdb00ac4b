package nonce

import (
	"context"
	"fmt"

	"coffer.internal/internal/store"
	"coffer.internal/wallet"
)

// Availability says whether a wallet can be chosen for what is asked for next, by the rules that choosing itself has. What
// depends on a payment, its amount above all, is not in it.
type Availability struct {
	Why  string // why it cannot; empty: it can
	Hint string // the command that changes that
}

// OK: the wallet can be chosen.
func (a Availability) OK() bool { return a.Why == "" }

// Available judges a wallet that was read by Info. maxUnmined is its room; 0 means that nobody pays on its chain, so that room is
// no question. The signing machines are asked only when nothing else stands in the way.
func (l *Ledger) Available(ctx context.Context, i Info, maxUnmined int) (Availability, error) {
	chain := poolOf(i.row)
	o := unfit(i.row, chain, devices{any: true})
	if o.why == "" {
		o = unfit(i.row, chain, l.devices.get(ctx))
		if err := ctx.Err(); err != nil {
			return Availability{}, err // which says nothing about the machines
		}
	}
	if o.why == "" {
		o = braked(i.row, i.Load)
	}
	if o.why == "" && maxUnmined > 0 {
		if why := noRoom(i.Load, 0, maxUnmined); why != "" {
			o = obstacle{why, fmt.Sprintf("wait for blocks; see what is under way with coffer nonce list %s %d", i.row.Address, i.row.ChainID)}
		}
	}
	return Availability{Why: o.why, Hint: o.hint}, nil
}

// obstacle is why a wallet cannot be chosen, and the command that changes that. The zero value is none.
type obstacle struct{ why, hint string }

// unfit is why a wallet can never be chosen as it is, whatever is asked of it.
func unfit(w store.Wallet, chain pool, d devices) obstacle {
	this := fmt.Sprintf("%s %d", w.Address, w.ChainID)
	switch {
	case poolOf(w) != chain:
		return obstacle{"it is on " + poolOf(w).String(), fmt.Sprintf("coffer list %d", chain.chainID)}
	case w.WalletType != string(wallet.Hot):
		return obstacle{"it is a " + w.WalletType + " wallet",
			"only hot wallets are chosen; by its name: coffer nonce reserve " + this + " --request ID"}
	case !w.Active:
		return obstacle{"inactive", "coffer activate " + this}
	case w.Device == "":
		return obstacle{"its key is elsewhere",
			fmt.Sprintf("a wallet whose key is here: coffer create-hot %d %s", w.ChainID, w.ChainType)}
	case !d.reachable(w.Device):
		o := obstacle{"its signing machine " + w.Device + " does not answer", "coffer-signer serve --passphrase-file FILE"}
		if d.err == nil {
			o.hint = "another one answers, which has not this key; see it with coffer-signer status"
		}
		return o
	}
	return obstacle{}
}

// braked is why a wallet gets nothing new by itself: an alarm about it, or about its chain, is open that is a brake.
func braked(w store.Wallet, l store.Load) obstacle {
	if l.Brake == "" {
		return obstacle{}
	}
	return obstacle{"braked: " + l.Brake, fmt.Sprintf("coffer alarms shows what to do; others take over meanwhile (coffer list %d)", w.ChainID)}
}

// noRoom is why a wallet has no room for one more payment, claimed of which are not in its load yet; or nothing.
func noRoom(l store.Load, claimed, maxUnmined int) string {
	if taken := l.Unmined + l.ReservedForWithdrawals + claimed; taken >= maxUnmined {
		return fmt.Sprintf("no room: %d of %d unmined", taken, maxUnmined)
	}
	return ""
}
