package withdrawal

import (
	"fmt"
	"slices"
	"strings"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
)

// waiting explains a payment for which nothing is asked for yet. What is looked for first is what is in the way of all of them.
func (e *Explanation) waiting(f explained) {
	if why := unauthorized(f.row, f.now); why != "" {
		e.say(CauseAuthorization, why, "it goes on when it is submitted again, with the same request id, with authorizations that do", f.submitAgain())
		return
	}
	on := fmt.Sprintf("%s %d", f.row.ChainType, f.row.ChainID)
	active, free, roomy := f.fit()
	if brake, is := f.chainBrake(); is {
		e.say(CauseChainBraked, "no wallet of "+on+" gets new payments: "+brake.Why, "it goes on when that is over; to do: "+brake.ToDo, liftCommand(brake)...)
		return
	}
	switch {
	case len(f.wallets) == 0:
		e.say(CauseNoWallet, "there is no hot wallet on "+on+" whose key the signing machine holds", "the next one that is made, and has funds, pays it",
			fmt.Sprintf("coffer create-hot %d %s", f.row.ChainID, f.row.ChainType))
	case len(active) == 0:
		w := f.wallets[0]
		e.say(CauseAllInactive, fmt.Sprintf("all %d hot wallets on %s are inactive", len(f.wallets), on), "the first that is activated, and has funds, pays it",
			fmt.Sprintf("coffer activate %s %d", w.Address, w.ChainID))
	case f.Signer == SignerSilent:
		e.signer(f, "it is asked for then")
	case (f.Signer == SignerLocked || f.Signer == SignerFrozen) && f.row.Reason == "":
		e.signer(f, "it is signed then")
	case len(free) == 0:
		e.allBraked(f, active)
	case strings.HasPrefix(f.row.Reason, reasonFees+chain.AboveAuthorized):
		e.say(CauseFees, f.row.Reason, "it goes on when fees have fallen; or submit it again with an authorization of a higher max_fee", f.submitAgain())
	case strings.HasPrefix(f.row.Reason, reasonFees):
		e.say(CauseFees, f.row.Reason, "it goes on when fees have fallen; or raise the caps of "+f.section()+" in coffer.toml and restart coffer run")
	case f.row.Reason == noFunds || strings.Contains(f.row.Reason, "no funds"):
		e.say(CauseNoFunds, f.row.Reason, "it goes on when a hot wallet has amount and fee; others are paid meanwhile. Send it to "+richest(free).Address,
			fmt.Sprintf("coffer info %s %d", richest(free).Address, f.row.ChainID))
	case len(roomy) == 0:
		e.say(CauseNoRoom, fmt.Sprintf("all %d wallets that may pay have max_unmined = %d payments under way", len(free), f.setup.MaxUnmined),
			"it goes on when one of those is in a block", fmt.Sprintf("coffer create-hot %d %s", f.row.ChainID, f.row.ChainType))
	case strings.HasPrefix(f.row.Reason, refusedBy):
		e.say(CauseRefusedForNow, f.row.Reason, "it is asked again, at another nonce: after a minute, then less and less often")
	case f.row.Reason == reasonLimit:
		e.say(CauseRefusedForNow, f.row.Reason, "it is asked for when what is asked before it is signed; see `coffer-signer policy explain`")
	case f.row.Reason != "":
		e.say(CauseOther, f.row.Reason, "it is tried again every few seconds")
	case f.row.State == store.WithdrawalAssigned:
		e.say(CauseTurn, "it has its nonce, and is asked for in a moment", "the signing machine is asked")
	default:
		e.say(CauseTurn, fmt.Sprintf("its turn has not come; it waits %s", f.ago(f.row.CreatedAt)), "a wallet with room and funds takes it")
	}
}

// fit are the wallets that are active, those of them without a brake, and those of these with room.
func (f explained) fit() (active, free, roomy []store.Wallet) {
	for _, w := range f.wallets {
		if !w.Active {
			continue
		}
		active = append(active, w)
		load := f.loads[w.ID]
		if load.Brake != "" {
			continue
		}
		free = append(free, w)
		if f.setup == nil || load.Unmined+load.ReservedForWithdrawals < f.setup.MaxUnmined {
			roomy = append(roomy, w)
		}
	}
	return active, free, roomy
}

// richest is the wallet to send to: nobody knows here which one has most, so it is the first.
func richest(ws []store.Wallet) store.Wallet { return ws[0] }

func (f explained) chainBrake() (store.Alarm, bool) {
	for _, a := range f.alarms {
		if a.Brake && a.WalletID == 0 && a.Payment == "" {
			return a, true
		}
	}
	return store.Alarm{}, false
}

func (e *Explanation) allBraked(f explained, active []store.Wallet) {
	var whys []string
	for _, w := range active {
		whys = append(whys, w.Address+": "+f.loads[w.ID].Brake)
	}
	run := []string{"coffer alarms"}
	for _, a := range f.alarms {
		if a.Brake && slices.ContainsFunc(active, func(w store.Wallet) bool { return w.ID == a.WalletID }) {
			run = append(run, liftCommand(a)...)
		}
	}
	e.say(CauseAllBraked, "every active wallet that could pay it is braked: "+strings.Join(whys, "; "),
		"it goes on when a brake is over, or another wallet is there", append(run, fmt.Sprintf("coffer create-hot %d %s", f.row.ChainID, f.row.ChainType))...)
}

// signer explains that the signing machine keeps a payment waiting.
func (e *Explanation) signer(f explained, then string) {
	const serve = "coffer-signer serve --passphrase-file FILE"
	if f.Signer == SignerLocked {
		e.say(CauseSignerLocked, "the signing machine is locked", "once its process is stopped and it is served again, "+then, serve)
		return
	}
	if f.Signer == SignerFrozen {
		e.say(CauseSignerFrozen, "the signing machine is frozen: "+f.Frozen, "once officers unfreeze it, "+then, "coffer-signer status", "coffer-signer unfreeze")
		return
	}
	e.say(CauseSignerSilent, "the signing machine does not answer", "once it does, "+then, "coffer-signer status", serve)
}
