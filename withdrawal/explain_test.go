package withdrawal

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/store"
)

// situation is a payment for which a daemon runs, a machine answers, and one wallet is ready.
func situation(change func(*explained)) explained {
	f := explained{
		Outside: Outside{Signer: SignerReady},
		row: store.Withdrawal{
			Payment: "w-1", Request: "w-1", ChainType: "evm", ChainID: 1, To: "0xc", Amount: "5", State: store.WithdrawalQueued,
			CreatedAt: time.Unix(1000, 0),
		},
		setup:   &ChainSetup{Type: "evm", ID: 1, MaxUnmined: 16, BumpAfter: time.Minute},
		wallets: []store.Wallet{{ID: 1, Address: "0xa", ChainType: "evm", ChainID: 1, Device: "d", Active: true}},
		loads:   map[int64]store.Load{1: {WalletID: 1}},
		now:     time.Unix(1090, 0),
	}
	change(&f)
	return f
}

// asked7 gives the payment nonce 7 and attempts there.
func asked7(f *explained, as ...store.Attempt) {
	seven := uint64(7)
	f.row.State, f.row.WalletID, f.row.Address, f.row.Nonce = store.WithdrawalAssigned, 1, "0xa", &seven
	for i := range as {
		as[i].ID, as[i].WalletID, as[i].Address, as[i].ChainID, as[i].Nonce = int64(i+1), 1, "0xa", 1, 7
		as[i].Payment = "w-1"
		if as[i].Purpose == "" {
			as[i].Purpose = "payment"
		}
		as[i].SentAt = time.Unix(1050, 0)
	}
	f.attempts = as
	f.row.Attempt = as[len(as)-1].State
	f.loads[1] = store.Load{WalletID: 1, LowestUnmined: &seven}
}

func tried(state, note string) store.Attempt { return store.Attempt{State: state, Note: note} }

func inReview(f *explained, reason string, as ...store.Attempt) {
	asked7(f, as...)
	f.row.State, f.row.Reason = store.WithdrawalNeedsReview, reason
}

func TestThePageListsEveryCause(t *testing.T) {
	source, err := os.ReadFile("explain.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/explain.md")
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`Cause = "([a-z_]+)"`).FindAllSubmatch(source, -1)
	if len(all) < 30 {
		t.Fatalf("only %d causes found: is the pattern right?", len(all))
	}
	rows := regexp.MustCompile("(?m)^\\| (`[a-z_]+`(?:, `[a-z_]+`)*) \\|").FindAllSubmatch(page, -1)
	listed := ""
	for _, r := range rows {
		listed += string(r[1]) + " "
	}
	for _, c := range all {
		if !strings.Contains(listed, "`"+string(c[1])+"`") {
			t.Errorf("docs/explain.md does not list %s", c[1])
		}
	}
	if n := strings.Count(listed, "`") / 2; n != len(all) {
		t.Errorf("the page lists %d causes, there are %d", n, len(all))
	}
}

func TestEachCauseIsExplainedWithWhatIsSeenAndWhatToRun(t *testing.T) {
	five := uint64(5)
	for name, c := range map[string]struct {
		facts func(*explained)
		cause Cause
		says  string // in why or next
		run   string // the commands
	}{
		"paid":                    {func(f *explained) { f.row.State, f.row.Outcome = "ended", "paid" }, CauseEnded, "it is paid", ""},
		"failed":                  {func(f *explained) { f.row.State, f.row.Outcome, f.row.Reason = "ended", "failed", "block 9" }, CauseEnded, "block 9", ""},
		"refused, to be refunded": {func(f *explained) { f.row.State, f.row.Outcome = "ended", "refused" }, CauseEnded, "refund", ""},
		"paused":                  {func(f *explained) { f.restored = store.RestoreMark{ID: 1, Paused: true} }, CausePaused, "is paused", "coffer restore report; coffer restore accept --reason TEXT"},
		"held": {func(f *explained) { f.row.State = "held" }, CauseHeld, "restored",
			"coffer withdraw --request w-1 --chain-id 1 --to 0xc --amount 5 --base-units; coffer tx close w-1 --reason TEXT"},
		"halted": {func(f *explained) { f.halted = "a daemon pays nothing new" }, CauseSettings, "pays nothing new", "coffer config; coffer config accept --reason TEXT"},
		"halted, and something else is in the way": {func(f *explained) { f.halted, f.wallets = "a daemon pays nothing new", nil }, CauseNoWallet, "no hot wallet", "coffer create-hot 1 evm"},
		"no node":              {func(f *explained) { f.setup = nil }, CauseNoNode, "[chain.evm.1]", ""},
		"no daemon":            {func(f *explained) { f.NoDaemon = true }, CauseNoDaemon, "no daemon", "coffer run"},
		"no daemon, under way": {func(f *explained) { asked7(f, tried("sent", "")); f.NoDaemon = true }, CauseNoDaemon, "no daemon", "coffer run"},
		"the chain is braked": {func(f *explained) {
			f.alarms = []store.Alarm{{ID: 4, Kind: "nodes_silent", Brake: true, Why: "1 of 1 nodes", ToDo: "repair them"}}
		}, CauseChainBraked, "repair them", ""},
		"its authorization expired": {func(f *explained) { f.row.AuthorizedUntil = time.Unix(1080, 0) }, CauseAuthorization,
			"expired at 1970-01-01T00:18:00Z", "coffer withdraw --request w-1 --chain-id 1 --to 0xc --amount 5 --base-units"},
		"not authorized, says the machine": {func(f *explained) { f.row.Unauthorized, f.wallets = "authorization_missing: 1 of risk", nil }, CauseAuthorization,
			"1 of risk", "coffer withdraw --request w-1 --chain-id 1 --to 0xc --amount 5 --base-units"},
		"no wallet":    {func(f *explained) { f.wallets = nil }, CauseNoWallet, "no hot wallet", "coffer create-hot 1 evm"},
		"all inactive": {func(f *explained) { f.wallets[0].Active = false }, CauseAllInactive, "inactive", "coffer activate 0xa 1"},
		"braked": {func(f *explained) { f.loads[1] = store.Load{Brake: "somebody else has the key"} }, CauseAllBraked, "0xa: somebody else has the key",
			"coffer alarms; coffer create-hot 1 evm"},
		"braked until a person lifts it": {func(f *explained) {
			f.loads[1] = store.Load{Brake: "somebody else has the key"}
			f.alarms = []store.Alarm{{ID: 9, WalletID: 1, Brake: true, Sticky: true}, {ID: 10, WalletID: 2, Brake: true, Sticky: true}}
		}, CauseAllBraked, "0xa: somebody else has the key", "coffer alarms; coffer alarms lift 9 --reason TEXT; coffer create-hot 1 evm"},
		"signer silent":     {func(f *explained) { f.Signer = SignerSilent }, CauseSignerSilent, "does not answer", "coffer-signer status; coffer-signer serve --passphrase-file FILE"},
		"signer locked":     {func(f *explained) { f.Signer = SignerLocked }, CauseSignerLocked, "locked", "coffer-signer serve --passphrase-file FILE"},
		"fees":              {func(f *explained) { f.row.Reason = reasonFees + "the base fee is 310 gwei" }, CauseFees, "310 gwei", ""},
		"no funds anywhere": {func(f *explained) { f.row.Reason = noFunds }, CauseNoFunds, "0xa", "coffer info 0xa 1"},
		"no funds, says the ledger": {func(f *explained) { f.row.Reason = "no wallet on evm 1 can take it: 0xa: no funds: it can spend 1" }, CauseNoFunds,
			"it can spend 1", "coffer info 0xa 1"},
		"no room":            {func(f *explained) { f.loads[1] = store.Load{Unmined: 10, ReservedForWithdrawals: 6} }, CauseNoRoom, "max_unmined = 16", "coffer create-hot 1 evm"},
		"refused for now":    {func(f *explained) { f.row.Reason = "the signing machine refuses: limit (daily_limit)" }, CauseRefusedForNow, "daily_limit", ""},
		"something else":     {func(f *explained) { f.row.Reason = "node x: connection refused" }, CauseOther, "connection refused", ""},
		"its turn":           {func(*explained) {}, CauseTurn, "1m30s", ""},
		"bound a moment ago": {func(f *explained) { f.row.State = store.WithdrawalAssigned }, CauseTurn, "has its nonce", ""},

		"asked":         {func(f *explained) { asked7(f, tried("asked", "")) }, CauseAsked, "asked", "coffer-signer status"},
		"signer frozen": {func(f *explained) { f.Signer, f.Frozen = SignerFrozen, "odd" }, CauseSignerFrozen, "frozen: odd", "coffer-signer status; coffer-signer unfreeze"},
		"asked, frozen": {func(f *explained) { asked7(f, tried("asked", "")); f.Signer = SignerFrozen }, CauseSignerFrozen, "same nonce", "coffer-signer status; coffer-signer unfreeze"},
		"asked, locked": {func(f *explained) { asked7(f, tried("asked", "")); f.Signer = SignerLocked }, CauseSignerLocked, "same nonce", "coffer-signer serve --passphrase-file FILE"},
		"asked, silent": {func(f *explained) { asked7(f, tried("asked", "")); f.Signer = SignerSilent }, CauseSignerSilent, "does not answer",
			"coffer-signer status; coffer-signer serve --passphrase-file FILE"},
		"a gap": {func(f *explained) {
			asked7(f, tried("signed", ""))
			f.loads[1] = store.Load{Gaps: []uint64{5}, LowestUnmined: &five}
		}, CauseGap, "nonce 5 below it is not signed", "coffer nonce list 0xa 1"},
		"a gap that a reservation holds": {func(f *explained) {
			asked7(f, tried("signed", ""))
			f.loads[1] = store.Load{Gaps: []uint64{5}}
			f.gap = &store.Nonce{Nonce: 5, Request: "r-9", Fence: 3, ExpiresAt: time.Unix(1100, 0)}
		}, CauseGap, "reservation r-9 holds it | it goes on when that is used, or runs out at 1970-01-01T00:18:20Z", "coffer nonce release 0xa 1 5 --fence 3"},
		"a gap that waits for the machine": {func(f *explained) {
			asked7(f, tried("signed", ""))
			f.Signer, f.loads[1] = SignerLocked, store.Load{Gaps: []uint64{5}}
		}, CauseSignerLocked, "nonce 5 below it is not signed", "coffer-signer serve --passphrase-file FILE"},
		"a gap that is not filled": {func(f *explained) {
			asked7(f, tried("signed", ""))
			f.loads[1], f.alarms = store.Load{Gaps: []uint64{5}}, []store.Alarm{{Kind: "gap_refused", Why: "refuses to fill", ToDo: "see why", WalletID: 1}}
		}, CauseGapRefused, "refuses to fill", "coffer audit list --action attempt.sign"},
		"a gap above is none of its": {func(f *explained) {
			asked7(f, tried("sent", ""))
			f.loads[1] = store.Load{Gaps: []uint64{9}}
		}, CausePool, "waits for a block", "coffer tx bump w-1; coffer tx cancel w-1 --reason TEXT"},
		"a lower nonce": {func(f *explained) {
			asked7(f, tried("sent", ""))
			f.lower = &store.Attempt{Nonce: 5, Payment: "w-0", Address: "0xa"}
		}, CauseLower, "payment w-0", "coffer explain w-0"},
		"a lower gap fill": {func(f *explained) {
			asked7(f, tried("sent", ""))
			f.lower = &store.Attempt{Nonce: 5, Address: "0xa"}
		}, CauseLower, "a gap fill", "coffer nonce list 0xa 1"},
		"a wish": {func(f *explained) {
			asked7(f, tried("sent", ""))
			f.wishes = []store.Wish{{Kind: store.WishBump, Actor: "me", At: time.Unix(1088, 0)}}
		}, CauseWish, "me wished to bump it 2s ago", ""},
		"cancelling, as somebody wished": {func(f *explained) {
			asked7(f, tried("sent", ""), store.Attempt{State: "asked", Purpose: "cancel"})
			f.wishes = []store.Wish{{Kind: store.WishCancel, Actor: "me"}}
		}, CauseCancelling, "whichever", ""},
		"cancelling": {func(f *explained) { asked7(f, tried("sent", ""), store.Attempt{State: "sent", Purpose: "cancel"}) }, CauseCancelling, "whichever", ""},
		"no gas": {func(f *explained) { asked7(f, tried("sent", "unfunded: insufficient funds")) }, CauseNoGas, "insufficient funds",
			"coffer info 0xa 1; coffer tx cancel w-1 --reason TEXT"},
		"occupied": {func(f *explained) { asked7(f, tried("signed", "occupied: replacement underpriced")) }, CauseOccupied, "nonce 7",
			"coffer health 0xa 1; coffer tx bump w-1"},
		"rejected":    {func(f *explained) { asked7(f, tried("signed", "rejected: gas limit")) }, CauseRejected, "gas limit", "coffer tx cancel w-1 --reason TEXT"},
		"busy":        {func(f *explained) { asked7(f, tried("signed", "busy: pool is full")) }, CauseNotTaken, "pool is full", "coffer health 0xa 1"},
		"no answer":   {func(f *explained) { asked7(f, tried("sent", "unknown: timeout")) }, CauseNotTaken, "timeout", "coffer health 0xa 1"},
		"too low":     {func(f *explained) { asked7(f, tried("sent", "nonce_too_low: x")) }, CauseNotTaken, "looked for", "coffer health 0xa 1"},
		"not sent":    {func(f *explained) { asked7(f, tried("signed", "")) }, CauseNotSent, "on its way", ""},
		"in the pool": {func(f *explained) { asked7(f, tried("sent", "")) }, CausePool, "40s ago", "coffer tx bump w-1; coffer tx cancel w-1 --reason TEXT"},
		"in the pool, never raised": {func(f *explained) { asked7(f, tried("sent", "")); f.setup.BumpAfter = 0 }, CausePool, "only by hand",
			"coffer tx bump w-1; coffer tx cancel w-1 --reason TEXT"},
		"in the pool, the nodes silent": {func(f *explained) {
			asked7(f, tried("sent", ""))
			f.alarms = []store.Alarm{{Kind: "nodes_silent", Why: "no node answers", ToDo: "repair them", Brake: true}}
		}, CausePool, "no node answers", "coffer tx bump w-1; coffer tx cancel w-1 --reason TEXT"},
		"fees cannot be raised":   {func(f *explained) { asked7(f, tried("sent", "")); f.row.Reason = reasonFees + "above max_fee" }, CauseFeesRaised, "above max_fee", ""},
		"depth":                   {func(f *explained) { asked7(f, store.Attempt{State: "mined", BlockNumber: 9}) }, CauseDepth, "its transaction is in block 9", ""},
		"depth of a replaced one": {func(f *explained) { asked7(f, store.Attempt{State: "mined", BlockNumber: 9}, tried("sent", "")) }, CauseDepth, "its transaction is in block 9", ""},
		"depth of a cancellation": {func(f *explained) {
			asked7(f, tried("sent", ""), store.Attempt{State: "mined", BlockNumber: 9, Purpose: "cancel"})
		}, CauseDepth,
			"its cancellation is in block 9", ""},
		"not all nodes": {func(f *explained) {
			asked7(f, store.Attempt{State: "mined", BlockNumber: 9})
			f.row.Reason = fmt.Sprintf(reasonAll, "its transaction failed", "node b has it in no block")
		}, CauseAllNodes, "node b", "coffer health 0xa 1"},

		"foreign": {func(f *explained) { inReview(f, "x", tried("sent", "")) }, CauseForeign, "nonce 7 of 0xa", ""},
		"foreign, finally": {func(f *explained) { inReview(f, "x", tried("sent", "")); f.foreign = true }, CauseForeignFinal, "nonce 7 of 0xa",
			"coffer-signer release w-1 --reason TEXT; coffer tx requeue w-1 --reason TEXT; coffer tx cancel w-1 --reason TEXT"},
		"conflict": {func(f *explained) {
			inReview(f, "bound to another nonce", store.Attempt{State: "refused", Refusal: "conflict"})
		}, CauseConflict,
			"bound to another nonce", "coffer tx show w-1; coffer tx requeue w-1 --reason TEXT"},
		"paid nobody": {func(f *explained) { inReview(f, "no transfer", tried("final", "")) }, CauseNotTransferred, "no transfer",
			"coffer tx show w-1; coffer-signer release w-1 --reason TEXT; coffer tx requeue w-1 --reason TEXT"},
		"review for whatever else": {func(f *explained) { f.row.State, f.row.Reason = store.WithdrawalNeedsReview, "y" }, CauseReview, "y", "coffer tx show w-1"},
		"review goes on without a daemon": {func(f *explained) { inReview(f, "x", tried("sent", "")); f.foreign, f.NoDaemon = true, true }, CauseForeignFinal, "finally",
			"coffer-signer release w-1 --reason TEXT; coffer tx requeue w-1 --reason TEXT; coffer tx cancel w-1 --reason TEXT"},
	} {
		t.Run(name, func(t *testing.T) {
			e := explain(situation(c.facts))
			if e.Cause != c.cause || !strings.Contains(e.Why+" | "+e.Next, c.says) {
				t.Errorf("%s, because %s | %s; want %s with %q", e.Cause, e.Why, e.Next, c.cause, c.says)
			}
			if run := strings.Join(e.Commands, "; "); run != c.run {
				t.Errorf("run %q, want %q", run, c.run)
			}
			if e.Why == "" || e.Next == "" || e.Request != "w-1" {
				t.Errorf("%+v", e)
			}
		})
	}
}
