package withdrawal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// Cause is why a payment is not final yet, or that it is. The list is closed; docs/explain.md says what each means.
type Cause string

// What speaks for itself, and what stands in the way of every payment.
const (
	CauseEnded       Cause = "ended"
	CauseHeld        Cause = "held"         // after a restore, until it is submitted again
	CausePaused      Cause = "paused"       // after a restore, until that is accepted
	CauseSettings    Cause = "settings"     // its turn may have come, and a daemon runs by settings that are not in force
	CauseNoNode      Cause = "no_node"      // its chain has no node in coffer.toml
	CauseNoDaemon    Cause = "no_daemon"    // no coffer run
	CauseChainBraked Cause = "chain_braked" // an alarm keeps all wallets of the chain from new payments
)

// Before anything is asked for.
const (
	CauseAuthorization Cause = "authorization" // its authorizations expired, or the signing machine wants other ones
	CauseNoWallet      Cause = "no_wallet"     // no hot wallet whose key a signing machine holds
	CauseAllInactive   Cause = "all_inactive"  // there are some, and all are inactive
	CauseAllBraked     Cause = "all_braked"    // all active ones have an alarm that is a brake
	CauseNoRoom        Cause = "no_room"       // all others have max_unmined under way
	CauseNoFunds       Cause = "no_funds"      // none has the funds
	CauseFees          Cause = "fees"          // fees are above the chain's caps
	CauseRefusedForNow Cause = "refused"       // the signing machine refused for now
	CauseOther         Cause = "other"         // what the engine wrote beside it, such as what a node answered
	CauseTurn          Cause = "turn"          // its turn has not come
	CauseSignerSilent  Cause = "signer_silent" // also of what is asked for
	CauseSignerLocked  Cause = "signer_locked" // also of what is asked for
	CauseSignerFrozen  Cause = "signer_frozen" // likewise

	CauseLedgerBehind     Cause = "ledger_behind_signer" // of what is asked for: the database is older than the signing machine
	CauseSignerRolledBack Cause = "signer_rolled_back"   // of what is asked for: the signing machine is older than the database
)

// Under way.
const (
	CauseAsked      Cause = "asked"       // the signing machine has not answered yet
	CauseOffline    Cause = "offline"     // its machine is not reachable: files travel
	CauseGap        Cause = "gap"         // a lower nonce is not signed
	CauseGapRefused Cause = "gap_refused" // and the signing machine refuses to fill it
	CauseLower      Cause = "lower"       // a lower nonce is in no block
	CauseNotSent    Cause = "not_sent"    // signed, and no node has been given it
	CauseNotTaken   Cause = "not_taken"   // nodes give no clean answer to it, or take nothing now
	CauseNoGas      Cause = "no_gas"      // the wallet cannot pay for it
	CauseOccupied   Cause = "occupied"    // something else stands at its nonce in a node's pool
	CauseRejected   Cause = "rejected"    // a node says that it can never take it
	CausePool       Cause = "pool"        // in the pools, waiting for a block
	CauseFeesRaised Cause = "fees_raised" // its fees should be raised, and the chain's caps leave no room
	CauseCancelling Cause = "cancelling"  // its cancellation is under way
	CauseWish       Cause = "wish"        // an operator wished something that the daemon has not carried out yet
	CauseDepth      Cause = "depth"       // in a block, not deep enough
	CauseAllNodes   Cause = "all_nodes"   // its end needs every node, and not all say so
)

// Waiting for a person.
const (
	CauseForeign        Cause = "foreign"         // something else spent its nonce, not finally
	CauseForeignFinal   Cause = "foreign_final"   // something else spent its nonce, finally
	CauseConflict       Cause = "conflict"        // ledger and signing machine contradict each other
	CauseNotTransferred Cause = "not_transferred" // its transaction succeeded and paid nobody
	CauseReview         Cause = "review"          // another reason, which stands beside it
)

// Explanation says why a payment is not final yet, and what comes next.
type Explanation struct {
	Request  string    `json:"request"`
	State    string    `json:"state"`
	Outcome  string    `json:"outcome"`
	Cause    Cause     `json:"cause"`
	Why      string    `json:"why"`
	Next     string    `json:"next"`     // what happens by itself
	Commands []string  `json:"commands"` // what a person runs to change it; TEXT and FILE are theirs. Empty: nothing is to be done
	Alarms   []Alarmed `json:"alarms"`   // what is open about the payment, its wallet or its chain; before it has a wallet, the brakes of all that may pay
}

// Alarmed is an open alarm, as far as it explains.
type Alarmed struct {
	ID   int64  `json:"id"`
	Kind string `json:"kind"`
	Why  string `json:"why"`
	ToDo string `json:"to_do"`
}

// SignerState is how the signing machine does, as far as it explains.
type SignerState string

const (
	SignerUnknown SignerState = ""       // it was not asked
	SignerReady   SignerState = "ready"  // it answers
	SignerLocked  SignerState = "locked" // it answers, and signs nothing
	SignerFrozen  SignerState = "frozen" // it answers, and signs nothing until officers unfreeze it
	SignerSilent  SignerState = "silent" // it does not answer
)

// signsNothing says whether what is asked for waits.
func (s SignerState) signsNothing() bool {
	return s == SignerLocked || s == SignerFrozen || s == SignerSilent
}

// Outside is what Explain needs to know that is not in the database.
type Outside struct {
	Signer   SignerState
	Frozen   string // why the signing machine is frozen
	Device   string // of the signing machine that answered; empty: none did
	NoDaemon bool   // it is known that none runs
}

// explained is what an explanation is made from.
type explained struct {
	Outside
	row      store.Withdrawal
	attempts []store.Attempt // of the payment, oldest first
	wallet   store.Wallet    // that pays it; zero: none is chosen
	setup    *ChainSetup     // nil: the chain has no node here
	wallets  []store.Wallet  // the chain's hot ones whose key a signing machine holds
	loads    map[int64]store.Load
	lower    *store.Attempt // at the lowest nonce of its wallet that is in no block
	gap      *store.Nonce   // what a reservation holds of its wallet's lowest gap
	alarms   []store.Alarm  // open, about the payment, its wallet or its chain; before it has a wallet, the brakes of all
	wishes   []store.Wish   // open, about the payment
	foreign  bool           // something else has spent its nonce, finally
	now      time.Time
	restored store.RestoreMark
	halted   string // why a daemon pays nothing new; empty: none is known to
}

// inBlock says whether something of the payment is in a block: that goes on whatever happens here.
func (f explained) inBlock() bool {
	return slices.ContainsFunc(f.attempts, func(a store.Attempt) bool { return a.State == store.AttemptMined || a.State == store.AttemptFinal })
}

// explain is the whole decision: facts in, words out.
func explain(f explained) Explanation {
	e := Explanation{Request: f.row.Payment, State: f.row.State, Outcome: f.row.Outcome, Commands: []string{}, Alarms: []Alarmed{}}
	for _, a := range f.alarms {
		e.Alarms = append(e.Alarms, Alarmed{a.ID, a.Kind, a.Why, a.ToDo})
	}
	switch {
	case f.row.State == store.WithdrawalEnded:
		e.ended(f)
	case f.row.State == store.WithdrawalHeld:
		e.say(CauseHeld, "held since the ledger was restored: "+f.row.Reason, "nothing by itself: submitted again with the same content it is paid; the second command ends it, and its id stays bound",
			f.submitAgain(), "coffer tx close "+f.row.Payment+" --reason TEXT")
	case f.row.State == store.WithdrawalNeedsReview:
		e.review(f)
	case f.restored.Paused && !f.inBlock():
		e.say(CausePaused, storefault.PausedWhy(f.restored), "it goes on when that is accepted", "coffer restore report", "coffer restore accept --reason TEXT")
	case f.setup == nil:
		e.say(CauseNoNode, fmt.Sprintf("chain %s %d has no node in this coffer.toml", f.row.ChainType, f.row.ChainID),
			"it goes on when a daemon runs whose coffer.toml names one: rpc of "+f.section())
	case f.NoDaemon:
		e.say(CauseNoDaemon, "no daemon runs, so nothing moves", "it goes on where it stands when one does", "coffer run")
	case f.underWay():
		e.underWay(f)
	default:
		e.waiting(f)
	}
	if f.halted != "" && slices.Contains([]Cause{CauseTurn, CauseAsked, CauseNotSent}, e.Cause) {
		e.say(CauseSettings, f.halted, "it goes on when the settings are accepted again, or that daemon is started with others; or another daemon takes it", "coffer config", "coffer config accept --reason TEXT")
	}
	return e
}

// say sets what was found.
func (e *Explanation) say(c Cause, why, next string, commands ...string) {
	e.Cause, e.Why, e.Next, e.Commands = c, why, next, append([]string{}, commands...)
}

func (e *Explanation) ended(f explained) {
	why := map[string]string{
		store.OutcomePaid:      "it is paid, and final",
		store.OutcomeFailed:    "the chain failed it, finally: nobody was paid",
		store.OutcomeRefused:   "it was refused, and nothing was signed for it",
		store.OutcomeCancelled: "it was cancelled: nobody was paid",
	}[f.row.Outcome]
	if f.row.Reason != "" {
		why += ": " + f.row.Reason
	}
	next := "refund the customer"
	if f.row.Outcome == store.OutcomePaid {
		next = "nothing"
	}
	e.say(CauseEnded, why, next)
}

// submitAgain is the command that hands the payment in again.
func (f explained) submitAgain() string {
	return "coffer withdraw --request " + f.row.Payment + " --chain-id " + fmt.Sprint(f.row.ChainID) + " --to " + f.row.To + " --amount " + f.row.Amount + " --base-units" +
		assetFlag(f.row)
}

// section names the chain's part of coffer.toml.
func (f explained) section() string {
	return fmt.Sprintf("[chain.%s.%d]", f.row.ChainType, f.row.ChainID)
}

func assetFlag(w store.Withdrawal) string {
	if w.Asset == "" {
		return ""
	}
	return " --asset " + w.Asset
}

// alarm is the first open alarm of one of the kinds.
func (f explained) alarm(kinds ...string) (store.Alarm, bool) {
	for _, a := range f.alarms {
		if slices.Contains(kinds, a.Kind) {
			return a, true
		}
	}
	return store.Alarm{}, false
}

// liftCommand is how a person ends an alarm that does not end by itself.
func liftCommand(a store.Alarm) []string {
	if !a.Sticky {
		return nil
	}
	return []string{fmt.Sprintf("coffer alarms lift %d --reason TEXT", a.ID)}
}

// ago shows how long something has been so.
func (f explained) ago(t time.Time) string {
	if t.IsZero() {
		return "a while"
	}
	d := max(0, f.now.Sub(t)).Round(time.Second)
	if d >= time.Hour {
		d = d.Round(time.Minute)
	}
	return span(d)
}

// span shows a duration without the units that are zero at its end.
func span(d time.Duration) string {
	s := d.String()
	for _, zero := range []struct{ after, unit string }{{"m", "0s"}, {"h", "0m"}} {
		if strings.HasSuffix(s, zero.after+zero.unit) {
			s = strings.TrimSuffix(s, zero.unit)
		}
	}
	return s
}
