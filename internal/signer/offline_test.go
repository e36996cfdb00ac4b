package signer

import (
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/btctx"
	"coffer.internal/internal/signer/soltx"
	"coffer.internal/signing"
)

// requestsFor is a file that asks a machine for intents.
func requestsFor(m *Machine, intents ...signing.Intent) signing.OfflineRequests {
	o := signing.OfflineRequests{Version: signing.OfflineVersion, Device: m.device, Ledger: ledger}
	for _, i := range intents {
		o.Requests = append(o.Requests, signing.OfflineRequest{Intent: i.Canonical()})
	}
	return o
}

func TestAFileIsSignedOnEveryChainByTheRulesOfTheJournal(t *testing.T) {
	m, evm := newMachine(t)
	btc, sol := btcPayment(keyOf(t, m, "btc", 3), 0, "b", "x", "y"), solanaPayment(keyOf(t, m, "solana", 101), 101, 0, "s")
	o := requestsFor(m, payment(evm, 0, "e"), btc, sol, payment(evm, 1, "e"))
	file, err := m.SignOffline(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.SignOffline(t.Context(), o)
	if err != nil || string(again.Encode()) != string(file.Encode()) {
		t.Errorf("said again, it answers otherwise: %v", err)
	}
	read, err := signing.ReadOfflineAnswers(file.Encode())
	if err != nil {
		t.Fatal(err)
	}
	each, err := read.Each()
	if err != nil || len(each) != 4 {
		t.Fatalf("%d answers, %v", len(each), err)
	}
	if hash, err := btctx.Verify(btc, each[1].Answer.Raw); err != nil || hash != each[1].Answer.Hash {
		t.Errorf("Bitcoin: %s, %v", hash, err)
	}
	if hash, err := soltx.Verify(sol, each[2].Answer.Raw); err != nil || hash != each[2].Answer.Hash {
		t.Errorf("Solana: %s, %v", hash, err)
	}
	if r := each[3].Answer.Refusal; r == nil || r.Code != "payment_bound" {
		t.Errorf("the payment at a second nonce: %+v", r)
	}
}

func TestAFileForAnotherMachineIsRefusedWhole(t *testing.T) {
	m, from := newMachine(t)
	o := requestsFor(m, payment(from, 0, "e"))
	o.Device = "SHA256:another"
	if file, err := m.SignOffline(t.Context(), o); fault.Code(err) != "other_device" {
		t.Errorf("%+v, %v", file, err)
	}
	if st, err := m.Status(t.Context()); err != nil || st.Signed != 0 {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestWhatIsForeseenNamesRuleOrRefusal(t *testing.T) {
	m, from := newMachine(t)
	v, err := m.Foresee(signing.Request{Intent: payment(from, 0, "e")}, time.Now())
	if err != nil || v.Refusal != nil || v.Rule != "all payments" {
		t.Errorf("%+v, %v", v, err)
	}
	for code, i := range map[string]signing.Intent{
		"malformed":    payment("0x", 0, "e"),
		"not_this_key": payment("0x52908400098527886E0F7030069857D2E4169EE7", 0, "e"),
	} {
		if code == "not_this_key" {
			e := *i.EVM
			e.To = from
			i.EVM = &e
		}
		v, err := m.Foresee(signing.Request{Intent: i}, time.Now())
		if err != nil || v.Refusal == nil || v.Refusal.Code != code || strings.TrimSpace(v.Refusal.Reason) == "" {
			t.Errorf("%s: %+v, %v", code, v, err)
		}
	}
}
