package policy

import (
	"bytes"
	"fmt"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/signer/btctx"
	"coffer.internal/internal/signer/btctx/btctest"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

func TestWhatNoRuleIsAboutIsRefusedForGood(t *testing.T) {
	p := policyOf(t, withdrawRule(`authorized_by = "nobody"`))
	wantCode(t, p.Judge(question(payment())), "")
	for name, q := range map[string]Question{
		"another purpose": question(changed(func(i *signing.Intent) { i.Purpose = signing.PurposeSweep })),
		"another chain":   question(changed(func(i *signing.Intent) { i.ChainID = 2 })),
		"another asset":   question(changed(func(i *signing.Intent) { i.EVM.Contract = usdt })),
		"another account": {Matter{Intent: payment(), Account: Cold}, State{Now: now}},
		"unknown purpose": question(changed(func(i *signing.Intent) { i.Purpose = "x" })),
	} {
		t.Run(name, func(t *testing.T) {
			v := p.Judge(q)
			wantCode(t, v, "no_rule")
			if v.Refusal != nil && v.Refusal.Kind != signing.RefusedForGood {
				t.Errorf("it is %s", v.Refusal.Kind)
			}
		})
	}
	wantCode(t, new(Policy).Judge(question(payment())), "no_rule")
	wantCode(t, p.Judge(Question{Matter{Intent: payment()}, State{Now: now}}), "") // a key without an account is a hot one
}

func TestAKeyOfTheListAloneIsMeant(t *testing.T) {
	rule := `[[rule]]
name = "one key"
purposes = ["withdraw"]
keys = ["` + from + `"]
chains = ["evm:*"]
assets = ["*"]
authorized_by = "nobody"
`
	p := policyOf(t, rule)
	wantCode(t, p.Judge(question(payment())), "")
	wantCode(t, p.Judge(question(changed(func(i *signing.Intent) { i.From = other }))), "no_rule")
	wantCode(t, policyOf(t, rule+`accounts = ["cold"]`).Judge(question(payment())), "no_rule")
}

func TestTheFirstRuleAboutAnIntentDecides(t *testing.T) {
	p := policyOf(t, withdrawRule(`authorized_by = "nobody"`+"\npayment = 999")+`[[rule]]
name = "wider"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:*"]
assets = ["*"]
authorized_by = "nobody"
`)
	wantCode(t, p.Judge(question(payment())), "above_payment_cap")
	token := p.Judge(question(changed(func(i *signing.Intent) { i.EVM.Contract = usdt })))
	if wantCode(t, token, ""); token.Rule != "wider" {
		t.Errorf("rule %q", token.Rule)
	}
}

func TestASweepGoesWhereTheRuleListsAlone(t *testing.T) {
	p := policyOf(t, sweepRule(""))
	sweep := changed(func(i *signing.Intent) { i.Purpose, i.EVM.To = signing.PurposeSweep, canonicalVault })
	wantCode(t, p.Judge(question(sweep)), "")
	sweep.EVM.To = other
	wantCode(t, p.Judge(question(sweep)), "destination_not_allowed")
	wantCode(t, p.Judge(question(sweep, service, risk, anna, bert)), "destination_not_allowed")
}

func TestASweepWantsAuthorizationsIfItsRuleSaysSo(t *testing.T) {
	p := policyOf(t, sweepRule("authorized_by = { risk = 1 }"))
	sweep := changed(func(i *signing.Intent) { i.Purpose, i.EVM.To = signing.PurposeSweep, canonicalVault })
	wantCode(t, p.Judge(question(sweep)), "authorization_missing")
	wantCode(t, p.Judge(question(sweep, risk)), "")
}

func TestWhatMendsMovesNothingAndWantsNobody(t *testing.T) {
	p := policyOf(t, mendRule(""))
	fill := changed(func(i *signing.Intent) {
		i.Purpose, i.Payment, i.EVM.To, i.EVM.Amount = signing.PurposeGapFill, "", from, "0"
	})
	cancel := changed(func(i *signing.Intent) { i.Purpose, i.EVM.To, i.EVM.Amount = signing.PurposeCancel, from, "0" })
	for _, i := range []signing.Intent{fill, cancel} {
		wantCode(t, p.Judge(question(i)), "")
		q := question(i)
		q.Unreadable = "nothing is looked at"
		wantCode(t, p.Judge(q), "")
		for name, change := range map[string]func(*signing.EVMTransfer){
			"to another": func(e *signing.EVMTransfer) { e.To = other }, "an amount": func(e *signing.EVMTransfer) { e.Amount = "1" },
			"a token": func(e *signing.EVMTransfer) { e.Contract = usdt },
		} {
			bad, e := i, *i.EVM
			change(&e)
			bad.EVM = &e
			if got := code(p.Judge(question(bad))); got != "destination_not_allowed" {
				t.Errorf("%s, %s: %q", i.Purpose, name, got)
			}
		}
	}
}

// A cancellation has to be dearer than the payment, so that the payment's own cap does not hold it: the rule's does.
func TestACancellationIsNotHeldToThePaymentsAuthorization(t *testing.T) {
	cancel := changed(func(i *signing.Intent) { i.Purpose, i.EVM.To, i.EVM.Amount = signing.PurposeCancel, from, "0" })
	q := question(cancel)
	q.Bound, q.Before = &Bound{MaxFee: "1"}, &Cost{big.NewInt(1000), big.NewInt(fee - 1)}
	v := policyOf(t, mendRule(`max_fee = 210_000`)).Judge(q)
	wantCode(t, v, "")
	if v.Add.Amount.Sign() != 0 || v.Add.Fee.Int64() != 1 || v.Add.Count != 0 {
		t.Errorf("it counts %+v", v.Add)
	}
	wantCode(t, policyOf(t, mendRule(`max_fee = 209_999`)).Judge(q), "fee_above_cap")
}

func TestOnePaymentIsHeldToItsCap(t *testing.T) {
	for lines, want := range map[string]string{
		"payment = 1000": "", "payment = 999": "above_payment_cap", `payment = "1_000"`: "",
		"[rule.each_key]\nhour = 999":  "above_payment_cap",
		"[rule.all_keys]\nday = 999":   "above_payment_cap",
		"[rule.all_keys]\nhour = 1000": "",
	} {
		v := policyOf(t, withdrawRule("authorized_by = \"nobody\"\n"+lines)).Judge(question(payment()))
		if code(v) != want || v.Refusal != nil && v.Refusal.Kind != signing.RefusedForGood {
			t.Errorf("%s: %+v", lines, v.Refusal)
		}
	}
}

func TestTheFeeIsHeldToItsCaps(t *testing.T) {
	legacy := changed(func(i *signing.Intent) {
		i.EVM.GasPrice, i.EVM.MaxFeePerGas, i.EVM.MaxPriorityFeePerGas = "10", "", ""
	})
	rich := changed(func(i *signing.Intent) { i.EVM.Amount = "21000000" }) // of which 1 % is the fee
	for _, c := range []struct {
		lines  string
		intent signing.Intent
		want   string
	}{
		{"max_fee = 210_000", payment(), ""},
		{"max_fee = 209_999", payment(), "fee_above_cap"},
		{"max_fee_per_gas = 10", payment(), ""},
		{"max_fee_per_gas = 9", payment(), "fee_above_cap"},
		{"max_fee_per_gas = 10", legacy, ""},
		{"max_fee_per_gas = 9", legacy, "fee_above_cap"},
		{"max_fee_percent = 1", rich, ""},
		{`max_fee_percent = "0.99"`, rich, "fee_above_share"},
		{"max_fee_percent = 1", payment(), "fee_above_share"},
	} {
		v := policyOf(t, withdrawRule("authorized_by = \"nobody\"\n"+c.lines)).Judge(question(c.intent))
		if code(v) != c.want || v.Refusal != nil && v.Refusal.Kind != signing.RefusedForNow {
			t.Errorf("%s: %+v, want %q", c.lines, v.Refusal, c.want)
		}
	}
}

func TestAShareIsOfPaymentsInTheChainsCoinAlone(t *testing.T) {
	p := policyOf(t, `[[rule]]
name = "w"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:1"]
assets = ["*"]
authorized_by = "nobody"
max_fee_percent = 1
`)
	wantCode(t, p.Judge(question(changed(func(i *signing.Intent) { i.EVM.Contract = usdt }))), "")
	wantCode(t, p.Judge(question(payment())), "fee_above_share")
}

func TestSolanasFeeIsHeldToItsCapInLamports(t *testing.T) {
	i := signing.Intent{
		Version: 1, Ledger: ledger, Payment: "w-1", Purpose: signing.PurposePayment, ChainType: "solana", ChainID: 101, From: "a",
		Solana: &signing.SolanaTransfer{To: "b", Amount: "7", ComputeUnitLimit: 1_000_000, ComputeUnitPrice: "10"}, // 5000 and 10
	}
	rule := `[[rule]]
name = "w"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["solana:101", "evm:1"]
assets = ["*"]
authorized_by = "nobody"
max_lamports = %d
`
	wantCode(t, policyOf(t, fmt.Sprintf(rule, 5010)).Judge(question(i)), "")
	wantCode(t, policyOf(t, fmt.Sprintf(rule, 5009)).Judge(question(i)), "fee_above_cap")
	wantCode(t, policyOf(t, fmt.Sprintf(rule, 5009)).Judge(question(payment())), "") // of Solana alone
}

func TestLimitsAreHeldExactly(t *testing.T) {
	for _, scope := range []string{"each_key", "all_keys"} {
		for _, c := range []struct {
			line string
			used func(string) Usage
			want string
		}{
			{"hour = 5000", used(sum(4000, 0, 0), sum(9000, 0, 0)), ""},
			{"hour = 5000", used(sum(4001, 0, 0), sum(0, 0, 0)), "hour_limit"},
			{"day = 5000", used(sum(0, 0, 0), sum(4000, 0, 0)), ""},
			{"day = 5000", used(sum(0, 0, 0), sum(4001, 0, 0)), "day_limit"},
			{"hour_count = 5", used(sum(0, 0, 4), sum(0, 0, 9)), ""},
			{"hour_count = 5", used(sum(0, 0, 5), sum(0, 0, 0)), "hour_count"},
			{"day_count = 5", used(sum(0, 0, 0), sum(0, 0, 4)), ""},
			{"day_count = 5", used(sum(0, 0, 0), sum(0, 0, 5)), "day_count"},
			{"fee_hour = 300000", used(sum(0, 90000, 0), sum(0, 0, 0)), ""},
			{"fee_hour = 300000", used(sum(0, 90001, 0), sum(0, 0, 0)), "fee_hour_limit"},
			{"fee_day = 300000", used(sum(0, 0, 0), sum(0, 90000, 0)), ""},
			{"fee_day = 300000", used(sum(0, 0, 0), sum(0, 90001, 0)), "fee_day_limit"},
		} {
			q := question(payment())
			q.Usage = c.used
			v := policyOf(t, withdrawRule("authorized_by = \"nobody\"\n[rule."+scope+"]\n"+c.line)).Judge(q)
			if code(v) != c.want || v.Refusal != nil && v.Refusal.Kind != signing.RefusedForNow {
				t.Errorf("%s.%s: %+v, want %q", scope, c.line, v.Refusal, c.want)
			}
		}
	}
}

func TestWhatIsCountedIsTheDifferenceToWhatWasSignedBefore(t *testing.T) {
	p := policyOf(t, withdrawRule("authorized_by = \"nobody\"\n[rule.each_key]\nhour = 5000\nfee_hour = 300_000\nhour_count = 5\n[rule.all_keys]\nday = 9000\n"))
	asked := func(before *Cost, u func(string) Usage) Verdict {
		q := question(payment())
		q.Before, q.Usage = before, u
		return p.Judge(q)
	}
	first := asked(nil, nil)
	want := []string{"rule/w/evm:1/coin/" + from, "rule/w/evm:1/coin"}
	if diff := cmp.Diff(want, first.To); diff != "" || first.Add.Amount.Int64() != 1000 || first.Add.Fee.Int64() != fee || first.Add.Count != 1 {
		t.Errorf("%s %+v", diff, first.Add)
	}
	full := used(sum(5000, 299_000, 5), sum(9000, 0, 0))
	replaced := asked(&Cost{big.NewInt(1000), big.NewInt(fee - 1000)}, full)
	if code(replaced) != "" || replaced.Add.Amount.Sign() != 0 || replaced.Add.Fee.Int64() != 1000 || replaced.Add.Count != 0 || len(replaced.To) != 2 {
		t.Errorf("%+v %+v", replaced.Refusal, replaced)
	}
	wantCode(t, asked(&Cost{big.NewInt(1000), big.NewInt(fee - 1001)}, full), "fee_hour_limit")
	cheaper := asked(&Cost{big.NewInt(2000), big.NewInt(fee + 1)}, full)
	if code(cheaper) != "" || cheaper.Add.Amount.Sign() != 0 || cheaper.Add.Fee.Sign() != 0 || cheaper.To != nil {
		t.Errorf("%+v", cheaper)
	}
}

// One counter of several assets would let fees through once for each asset that somebody makes up.
func TestCountsAndFeesAreOfAllAssetsOfARuleTogether(t *testing.T) {
	p := policyOf(t, `[[rule]]
name = "w"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:*"]
assets = ["*"]
authorized_by = "nobody"

[rule.all_keys]
fee_day = 300_000
`)
	for _, asset := range []string{"", usdt, usdc} {
		v := p.Judge(question(changed(func(i *signing.Intent) { i.EVM.Contract = asset })))
		if diff := cmp.Diff([]string{"rule/w/evm:1/*"}, v.To); diff != "" {
			t.Errorf("%s: %s", asset, diff)
		}
	}
	v := p.Judge(question(changed(func(i *signing.Intent) { i.ChainID = 56 })))
	if diff := cmp.Diff([]string{"rule/w/evm:56/*"}, v.To); diff != "" {
		t.Error(diff)
	}
}

func TestBitcoinsFeeIsHeldToItsCapForItsSize(t *testing.T) {
	payer, err := derive.Address(bytes.Repeat([]byte{1}, 64), derive.BTC, 3, "m/84'/1'/0'/0/0")
	if err != nil {
		t.Fatal(err)
	}
	pay := btctest.Payment{
		ChainID: 3, From: payer, To: "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk",
		Amount: 150_000, Fee: 1_000, Each: 100_000, Outputs: []string{"a", "bb"}, Ledger: ledger, ID: "w-1", Nonce: 7,
	}
	i := pay.Intent()
	actual, size, ok := btctx.FeeAndSize(i)
	if !ok || actual != 1_000 {
		t.Fatalf("fee %d, size %d, %t", actual, size, ok)
	}
	rule := `[[rule]]
name = "w"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["btc:*"]
assets = ["coin"]
authorized_by = "nobody"
max_sat_per_vb = %d
`
	wantCode(t, policyOf(t, fmt.Sprintf(rule, actual/size)).Judge(question(i)), "fee_above_cap") // 1000 sat for 208 or so: 4.8
	wantCode(t, policyOf(t, fmt.Sprintf(rule, actual/size+1)).Judge(question(i)), "")
	broken := i
	broken.BTC = &signing.BTCTransfer{To: i.BTC.To, Amount: i.BTC.Amount, MaxFee: "1", PSBT: []byte{1}}
	wantCode(t, policyOf(t, fmt.Sprintf(rule, 1_000_000)).Judge(question(broken)), "fee_above_cap")
}
