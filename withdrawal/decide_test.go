package withdrawal

import (
	"math/big"
	"testing"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/signing"
)

func TestAmountsAreReadWithoutRounding(t *testing.T) {
	usdt := Asset{Symbol: "USDT", Decimals: 6}
	for text, want := range map[string]string{
		"1": "1000000", "1.25": "1250000", "0.000001": "1", "1.250000": "1250000", "007": "7000000",
		"115792089237316195423570985008687907853269984665640564039457584007913129.639935": "115792089237316195423570985008687907853269984665640564039457584007913129639935",
	} {
		got, err := parseAmount(text, usdt, false)
		if err != nil || got.String() != want {
			t.Errorf("%q is %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", ".", "1.", ".5", "-1", "+1", "1,5", "1 000", "1e3", "0", "0.0", "1.0000001", "0x10", "1.2.3", "１", "1_000", "NaN",
		"115792089237316195423570985008687907853269984665640564039457584007913129.639936",
	} {
		if got, err := parseAmount(text, usdt, false); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
	if got, err := parseAmount("1.0", usdt, true); err == nil {
		t.Errorf("1.0 base units are read as %s", got)
	}
	for _, c := range []struct {
		units    string
		decimals int
		want     string
	}{{"1250000", 6, "1.25"}, {"1", 6, "0.000001"}, {"1000000", 6, "1"}, {"5", 0, "5"}, {"10", 1, "1"}} {
		if got := formatAmount(c.units, c.decimals); got != c.want {
			t.Errorf("%s with %d decimals is shown as %s, want %s", c.units, c.decimals, got, c.want)
		}
	}
}

// A node's no frees nothing, and what is not known counts as out.
func TestWhatANodeSaysToBytes(t *testing.T) {
	for verdict, want := range map[chain.Verdict]string{
		chain.Accepted: store.AttemptSent, chain.Known: store.AttemptSent, chain.NonceTooLow: store.AttemptSent, chain.Unknown: store.AttemptSent,
		chain.Occupied: store.AttemptSigned, chain.Unfunded: store.AttemptSigned, chain.Rejected: store.AttemptSigned, chain.Busy: store.AttemptSigned,
	} {
		if got := afterSend(store.Attempt{State: store.AttemptSigned}, chain.Sent{Verdict: verdict}); got.To != want {
			t.Errorf("%s makes a signed attempt %s, want %s", verdict, got.To, want)
		}
		if got := afterSend(store.Attempt{State: store.AttemptSent}, chain.Sent{Verdict: verdict}); got.To != store.AttemptSent {
			t.Errorf("%s makes a sent attempt %s", verdict, got.To)
		}
	}
}

// What is not clear decides nothing (F06); success without the transfer is not paid, and not failed.
func TestWhatTheChainMakesOfAnAttempt(t *testing.T) {
	in := func(state string) store.Attempt {
		return store.Attempt{ID: 1, State: state, Payment: "p", Nonce: 7, Address: "0xA", BlockHash: "0xb"}
	}
	final := chain.Sighting{Stage: chain.StageFinal, BlockHash: "0xb", BlockNumber: 5}
	paid, failed, odd := final, final, final
	paid.Success, paid.Paid, odd.Success = true, true, true
	for name, c := range map[string]struct {
		attempt            store.Attempt
		sighting           chain.Sighting
		spent              int
		state, to, outcome string // state of the attempt after; empty: it does not move
	}{
		"unknown":                {in(store.AttemptSent), chain.Sighting{Stage: chain.StageUnknown}, 9, "", "", ""},
		"unknown, was mined":     {in(store.AttemptMined), chain.Sighting{Stage: chain.StageUnknown}, 0, "", "", ""},
		"absent":                 {in(store.AttemptSent), chain.Sighting{Stage: chain.StageAbsent}, 0, "", "", ""},
		"absent, spent once":     {in(store.AttemptSent), chain.Sighting{Stage: chain.StageAbsent, Spent: true}, 1, "", "", ""},
		"absent, spent for long": {in(store.AttemptSent), chain.Sighting{Stage: chain.StageAbsent, Spent: true}, spentPasses, "", store.WithdrawalNeedsReview, ""},
		"block left behind":      {in(store.AttemptMined), chain.Sighting{Stage: chain.StageAbsent}, 0, store.AttemptSent, "", ""},
		"mined":                  {in(store.AttemptSent), chain.Sighting{Stage: chain.StageMined, BlockHash: "0xb"}, 0, store.AttemptMined, "", ""},
		"mined, as before":       {in(store.AttemptMined), chain.Sighting{Stage: chain.StageMined, BlockHash: "0xb"}, 0, "", "", ""},
		"mined in another block": {in(store.AttemptMined), chain.Sighting{Stage: chain.StageMined, BlockHash: "0xc"}, 0, store.AttemptMined, "", ""},
		"final at first sight":   {in(store.AttemptSent), paid, 0, store.AttemptMined, "", ""},
		"paid":                   {in(store.AttemptMined), paid, 0, store.AttemptFinal, store.WithdrawalEnded, store.OutcomePaid},
		"failed":                 {in(store.AttemptMined), failed, 0, store.AttemptFinal, store.WithdrawalEnded, store.OutcomeFailed},
		"success without paying": {in(store.AttemptMined), odd, 0, store.AttemptFinal, store.WithdrawalNeedsReview, ""},
	} {
		f := afterWatch(c.attempt, c.sighting, c.spent)
		state := ""
		if f.move != nil {
			state = f.move.To
		}
		if state != c.state || f.to != c.to || f.outcome != c.outcome {
			t.Errorf("%s: the attempt becomes %q, the payment %q %q; want %q, %q %q", name, state, f.to, f.outcome, c.state, c.to, c.outcome)
		}
	}
}

func TestWhatARefusalMakesOfAPayment(t *testing.T) {
	for kind, want := range map[signing.RefusalKind][2]string{
		signing.RefusedForGood:    {store.WithdrawalEnded, store.OutcomeRefused},
		signing.RefusedForNow:     {store.WithdrawalQueued, ""},
		signing.RefusedAsConflict: {store.WithdrawalNeedsReview, ""},
		"something new":           {store.WithdrawalNeedsReview, ""},
	} {
		if got := afterRefusal("p", kind, "no"); got.To != want[0] || got.Outcome != want[1] || got.Reason != "no" {
			t.Errorf("%s: %+v, want %v", kind, got, want)
		}
	}
}

// Only what no missing nonce holds up is sent (F16).
func TestOnlyTheContiguousPrefixIsSent(t *testing.T) {
	at := func(wallet int64, n uint64, state string) store.Attempt {
		return store.Attempt{WalletID: wallet, Nonce: n, State: state}
	}
	got := contiguous([]store.Attempt{
		at(1, 0, store.AttemptSent), at(1, 1, store.AttemptSigned), at(1, 2, store.AttemptAsked), at(1, 3, store.AttemptSigned),
		at(2, 4, store.AttemptSigned), at(2, 6, store.AttemptSigned), at(3, 9, store.AttemptSigned),
	}, map[int64]uint64{2: 5})
	var sent []uint64
	for _, a := range got {
		sent = append(sent, a.Nonce)
	}
	if len(sent) != 4 || sent[0] != 0 || sent[1] != 1 || sent[2] != 4 || sent[3] != 9 {
		t.Errorf("sent are %v", sent)
	}
}

// What no wallet can pay lets the others pass, and as many are chosen as there is room for.
func TestWhatCannotBePaidLetsTheOthersPass(t *testing.T) {
	d := demand{
		wallets: []store.Wallet{{ID: 1}, {ID: 2}},
		loads:   map[int64]store.Load{1: {Unmined: 16}, 2: {Unmined: 10, ReservedForWithdrawals: 4}},
		purses: map[int64]nonce.Purse{
			1: {Native: big.NewInt(1000), Tokens: map[string]*big.Int{"T": big.NewInt(5)}}, 2: {Native: big.NewInt(100), Tokens: map[string]*big.Int{"T": big.NewInt(0)}},
		},
		queued: []store.Withdrawal{
			{Payment: "too much", Amount: "5000"}, {Payment: "only without room", Amount: "5", Contract: "T"}, {Payment: "aside", Amount: "1"},
			{Payment: "a", Amount: "50"}, {Payment: "b", Amount: "60"}, {Payment: "c", Amount: "70"},
		},
	}
	chosen, unfunded := d.choose(16, func(p string) bool { return p == "aside" })
	if len(chosen) != 2 || chosen[0].Payment != "a" || chosen[1].Payment != "b" {
		t.Errorf("chosen are %+v", chosen)
	}
	if len(unfunded) != 1 || unfunded[0].row.Payment != "too much" || unfunded[0].reason == "" {
		t.Errorf("unfunded are %+v", unfunded)
	}
}

func TestOneThatNobodyCanAnswerAboutStandsAlone(t *testing.T) {
	items := make([]int, 100)
	for i := range items {
		items[i] = i
	}
	answers, errs := apart(items, func(some []int) ([]int, error) {
		for _, n := range some {
			if n == 42 {
				return nil, errTest
			}
		}
		return some, nil
	})
	for i := range items {
		if (errs[i] != nil) != (i == 42) || i != 42 && answers[i] != i {
			t.Errorf("item %d: %d, %v", i, answers[i], errs[i])
		}
	}
	if _, errs := apart(items, func([]int) ([]int, error) { return nil, errTest }); nobody(errs) == nil {
		t.Error("nothing was answered, and that is no error")
	}
}

type testError string

func (e testError) Error() string { return string(e) }

const errTest = testError("poison")

func TestAPaymentThatWaitsForTheSigningMachineSaysSo(t *testing.T) {
	for _, c := range []struct {
		row  store.Withdrawal
		want string
	}{
		{store.Withdrawal{State: store.WithdrawalQueued}, "its turn has not come"},
		{store.Withdrawal{State: store.WithdrawalQueued, Reason: "no funds"}, "no funds"},
		{store.Withdrawal{State: store.WithdrawalAssigned}, ""},
		{store.Withdrawal{State: store.WithdrawalAssigned, Attempt: store.AttemptAsked}, "the signing machine has not answered yet (coffer-signer status)"},
		{store.Withdrawal{State: store.WithdrawalAssigned, Attempt: store.AttemptSent}, ""},
		{store.Withdrawal{State: store.WithdrawalEnded, Outcome: store.OutcomePaid}, ""},
	} {
		if got := (book{}).show(c.row).Reason; got != c.want {
			t.Errorf("%s %s: %q, want %q", c.row.State, c.row.Attempt, got, c.want)
		}
	}
}
