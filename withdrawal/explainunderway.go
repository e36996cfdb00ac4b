package withdrawal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/signing"
	"coffer.internal/wallet"
)

// live are the attempts that may still come to something, oldest first.
func (f explained) live() []store.Attempt {
	return slices.DeleteFunc(slices.Clone(f.attempts), func(a store.Attempt) bool { return !slices.Contains(open, a.State) })
}

func (f explained) underWay() bool {
	return f.row.State == store.WithdrawalAssigned && len(f.live()) > 0
}

// underWay explains a payment that has been asked for.
func (e *Explanation) underWay(f explained) {
	live := f.live()
	p := place{walletID: live[0].WalletID, nonce: live[0].Nonce, attempts: live}
	switch {
	case p.has(store.AttemptMined):
		e.mined(f, p)
	case p.unsigned():
		e.asked(f)
	default:
		e.unmined(f, p)
	}
}

// mined explains one that is in a block.
func (e *Explanation) mined(f explained, p place) {
	i := slices.IndexFunc(p.attempts, func(a store.Attempt) bool { return a.State == store.AttemptMined })
	a := p.attempts[i]
	if f.row.Reason != "" {
		e.say(CauseAllNodes, f.row.Reason, "it ends when every configured node shows the same; repair the one that does not, or take it out of rpc of "+
			f.section()+" and restart coffer run", "coffer health "+a.Address+" "+fmt.Sprint(a.ChainID))
		return
	}
	what := "its transaction"
	if a.Purpose == string(signing.PurposeCancel) {
		what = "its cancellation"
	}
	e.say(CauseDepth, fmt.Sprintf("%s is in block %d, which is not deep enough yet on most nodes", what, a.BlockNumber),
		"it ends when that block is as deep as "+f.section()+" asks for; if the chain leaves the block, it is sent again")
	if alarm, is := f.alarm("nodes_silent", "nodes_disagree", "head_old", "wrong_chain"); is {
		e.Why += "; " + alarm.Why
		e.Next += "; to do: " + alarm.ToDo
	}
}

// asked explains one that waits for the signing machine.
func (e *Explanation) asked(f explained) {
	if f.offline() {
		e.say(CauseOffline, fmt.Sprintf("machine %s, which holds the key of %s, is not reachable from here: what it is asked for travels in a file, and its answer is not imported yet",
			f.wallet.Device, f.wallet.Address), "nothing by itself: carry the file there, sign it (coffer-signer sign), and import the answers",
			"coffer tx export --request "+f.row.Payment+" --out FILE", "coffer tx import FILE")
		return
	}
	if alarm, is := f.alarm(string(AlarmLedgerBehind)); is {
		e.say(CauseLedgerBehind, "nothing is signed: "+alarm.Why, "it is asked for again, with the same intent, once that is mended", "coffer recover --dry-run", "coffer recover")
		return
	}
	if alarm, is := f.alarm(string(AlarmSignerRolledBack)); is {
		e.say(CauseSignerRolledBack, "nothing is signed: "+alarm.Why, "it is asked for again, with the same intent, once that is mended; to do: "+alarm.ToDo,
			"coffer signer export FILE")
		return
	}
	if f.Signer.signsNothing() {
		e.signer(f, "it answers, and the payment goes on at the same nonce")
		return
	}
	e.say(CauseAsked, "the signing machine was asked, and its answer is not written down yet", "it answers, or is asked the same again", "coffer-signer status")
}

// offline says whether a payment is signed for by a machine that files travel to.
func (f explained) offline() bool {
	return driven(f.wallet) && f.wallet.WalletType != string(wallet.Hot) && f.wallet.Device != f.Device
}

// unmined explains one that is signed and in no block. What is below it comes first: nothing helps before that.
func (e *Explanation) unmined(f explained, p place) {
	a, load := p.newest(), f.loads[p.walletID]
	bump, cancel := "coffer tx bump "+f.row.Payment, "coffer tx cancel "+f.row.Payment+" --reason TEXT"
	where := fmt.Sprintf("%s %d", a.Address, a.ChainID)
	if len(load.Gaps) > 0 && load.Gaps[0] < p.nonce {
		e.gap(f, where, load.Gaps[0], p.nonce)
		return
	}
	if low := f.lower; low != nil && low.Nonce < p.nonce {
		e.say(CauseLower, fmt.Sprintf("it has nonce %d, and nonce %d below it is in no block yet (%s)", p.nonce, low.Nonce, whose(*low)),
			"it goes on with that one", explainOf(*low, where)...)
		return
	}
	if len(f.wishes) > 0 && p.cancelling() == nil { // the wish to cancel ends with the payment
		w := f.wishes[0]
		e.say(CauseWish, fmt.Sprintf("%s wished to %s it %s ago, which is not carried out yet", w.Actor, w.Kind, f.ago(w.At)), "the daemon that drives its wallet carries it out")
		return
	}
	text := strings.TrimSpace(strings.TrimPrefix(a.Note, string(saidBy(a.Note))+":"))
	switch verdict := saidBy(a.Note); {
	case p.cancelling() != nil:
		e.say(CauseCancelling, "its cancellation is out, beside the payment: whichever gets into a block decides", "it ends as cancelled, or as paid if the payment was faster")
	case verdict == chain.Unfunded:
		e.say(CauseNoGas, "the wallet cannot pay for it: "+text, "it is sent again by itself once "+a.Address+" has the coin for amount and fee", "coffer info "+where, cancel)
	case verdict == chain.Occupied:
		e.say(CauseOccupied, fmt.Sprintf("something that is not coffer's stands at nonce %d in a node's pool: %s", p.nonce, text),
			"whichever gets into a block decides; find out who else has the key", "coffer health "+where, bump)
	case verdict == chain.Rejected:
		e.say(CauseRejected, "a node says that it can never take it: "+text, "it is sent again by itself, to all nodes", cancel)
	case strings.HasPrefix(f.row.Reason, reasonFees):
		e.say(CauseFeesRaised, "it is in no block, and its fees cannot be raised: "+f.row.Reason,
			"it goes on when fees have fallen; or raise the caps of "+f.section()+" in coffer.toml and restart coffer run")
	case verdict == chain.Busy || verdict == chain.Unknown || verdict == chain.NonceTooLow:
		e.say(CauseNotTaken, "the nodes give no clean answer to it: "+text, "it is sent again by itself, and looked for on the chain", "coffer health "+where)
	case a.State == store.AttemptSigned:
		e.say(CauseNotSent, "it is signed, and on its way to the nodes", "it is sent in a moment")
	default:
		e.say(CausePool, fmt.Sprintf("it was sent %s ago, and waits for a block", f.ago(a.SentAt)), f.bumps(), bump, cancel)
	}
	if alarm, is := f.alarm("nodes_silent", "head_old", "wrong_chain", "stuck", "not_accepted"); is {
		e.Why += "; " + alarm.Why
		e.Next += "; to do: " + alarm.ToDo
	}
}

func (f explained) bumps() string {
	if f.setup.BumpAfter == 0 {
		return "it gets into one when fees allow; bump_after of " + f.section() + " is 0, so its fees are raised only by hand"
	}
	return fmt.Sprintf("its fees are raised by themselves when blocks pass it by for %s", span(f.setup.BumpAfter))
}

func (e *Explanation) gap(f explained, where string, gap, nonce uint64) {
	why := fmt.Sprintf("it has nonce %d, and nonce %d below it is not signed, so no node can take it", nonce, gap)
	if alarm, is := f.alarm("gap_refused"); is {
		e.say(CauseGapRefused, why+": "+alarm.Why, "to do: "+alarm.ToDo, "coffer audit list --action attempt.sign")
		return
	}
	if n := f.gap; n != nil {
		next := "it goes on when that is used"
		if !n.ExpiresAt.IsZero() {
			next = "it goes on when that is used, or runs out at " + n.ExpiresAt.UTC().Format(time.RFC3339)
		}
		e.say(CauseGap, fmt.Sprintf("%s: reservation %s holds it", why, n.Request), next, fmt.Sprintf("coffer nonce release %s %d --fence %d", where, n.Nonce, n.Fence))
		return
	}
	if f.Signer.signsNothing() {
		e.signer(f, fmt.Sprintf("nonce %d is signed, and this payment goes on", gap))
		e.Why = why + ": " + e.Why
		return
	}
	e.say(CauseGap, why, "the next payment takes that nonce, or a transfer of nothing fills it", "coffer nonce list "+where)
}

// saidBy is what a node said last of bytes, or nothing.
func saidBy(note string) chain.Verdict {
	word, _, ok := strings.Cut(note, ": ")
	if !ok {
		return ""
	}
	return chain.Verdict(word)
}

func whose(a store.Attempt) string {
	if a.Payment == "" {
		return "a gap fill"
	}
	return "payment " + a.Payment
}

func explainOf(a store.Attempt, where string) []string {
	if a.Payment == "" {
		return []string{"coffer nonce list " + where}
	}
	return []string{"coffer explain " + a.Payment}
}
