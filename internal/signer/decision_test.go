package signer

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/signing"
)

var serviceKey = ed25519.NewKeyFromSeed([]byte("a withdrawal service of the test"))

// servicePolicy wants the authorization of the service for each payment; at most 5000 of the coin in an hour.
func servicePolicy(t testing.TB) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(`version = 1
[[authorizer]]
name = "withdrawals"
role = "service"
key = "ed25519:` + base64.StdEncoding.EncodeToString(serviceKey.Public().(ed25519.PublicKey)) + `"
[[rule]]
name = "payments"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:*"]
assets = ["coin"]
authorized_by = { service = 1 }
[rule.each_key]
hour = "5000000"
`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// startUnder opens the machine of a home under a policy.
func startUnder(t testing.TB, home string, p *policy.Policy) *Machine {
	t.Helper()
	return startWith(t, home, journal.Options{Policy: p})
}

// authorized is a request with the service's authorization, for a fee of up to maxFee.
func authorized(i signing.Intent, maxFee string) signing.Request {
	to, asset, amount := i.Pays()
	now := time.Now().Truncate(time.Second)
	return signing.Request{Intent: i, Authorizations: []string{signing.Authorization{
		Ledger: i.Ledger, Payment: i.Payment, ChainType: i.ChainType, ChainID: i.ChainID, To: to, Asset: asset, Amount: amount, MaxFee: maxFee,
		Issued: now, Expires: now.Add(time.Hour),
	}.Token(serviceKey)}}
}

func dearer(i signing.Intent, most, priority string) signing.Intent {
	e := *i.EVM
	e.MaxFeePerGas, e.MaxPriorityFeePerGas = most, priority
	i.EVM = &e
	return i
}

func TestThePolicyDecidesInTheOrderOfTheBatch(t *testing.T) {
	home := newHome(t)
	m := startUnder(t, home, servicePolicy(t))
	defer m.Close()
	from := newAddress(t, m)
	pay := payment(from, 0, "a")
	forged := authorized(payment(from, 1, "c"), "1000000")
	forged.Authorizations[0] = forged.Authorizations[0][:len(forged.Authorizations[0])-4] + "AAAA"
	batch := signing.Batch{Requests: []signing.Request{
		authorized(pay, fmt.Sprint(21000*50)),
		{Intent: dearer(pay, "50", "4")}, // what makes it good is signed just before it
		{Intent: dearer(pay, "51", "5")}, // above the cap of its payment
		{Intent: payment(from, 1, "b")},
		forged,
		authorized(payment(from, 1, "d"), "1"),
		authorized(payment(from, 1, "e"), "1000000"),
		authorized(pay, fmt.Sprint(21000*50)), // the same again
	}}
	answers, err := m.Sign(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"signed", "signed", "passing fee_above_authorization", "passing authorization_missing", "passing authorization_unreadable",
		"passing fee_above_authorization", "signed", "signed",
	}
	if diff := cmp.Diff(want, codes(answers)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(answers[0], answers[7]); diff != "" {
		t.Errorf("another answer to the same intent:\n%s", diff)
	}
}

func TestWithoutAPolicyThereIsNoAnswer(t *testing.T) {
	home := newHome(t)
	m := startUnder(t, home, nil)
	defer m.Close()
	from := newAddress(t, m)
	answers, err := m.Sign(t.Context(), signing.BatchOf(payment(from, 0, "a")))
	if answers != nil || fault.Code(err) != "no_policy" || !errors.Is(err, signing.ErrNoAnswer) {
		t.Errorf("%+v, %v", answers, err)
	}
}

func TestAMachineThatWentBackFreezesItself(t *testing.T) {
	home := newHome(t)
	m := start(t, home)
	from := newAddress(t, m)
	batch := signing.BatchOf(payment(from, 0, "a"), payment(from, 1, "b"))
	batch.Held = signing.Held{Ledger: ledger}
	if _, err := m.Sign(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	batch = signing.BatchOf(payment(from, 2, "c"))
	batch.Held = signing.Held{Ledger: ledger, Seq: 2}
	if _, err := m.Sign(t.Context(), batch); err != nil {
		t.Fatalf("a receipt that it gave: %v", err)
	}
	batch = signing.BatchOf(payment(from, 3, "d"))
	batch.Held = signing.Held{Ledger: ledger, Seq: 4}
	answers, err := m.Sign(t.Context(), batch)
	if answers != nil || fault.Code(err) != "rolled_back" || !errors.Is(err, signing.ErrNoAnswer) || !errors.Is(err, fault.Unreachable) {
		t.Fatalf("%+v, %v", answers, err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m = start(t, home)
	defer m.Close()
	if answers, err := m.Sign(t.Context(), signing.BatchOf(payment(from, 3, "d"))); answers != nil || fault.Code(err) != "frozen" {
		t.Errorf("after a restart: %+v, %v", answers, err)
	}
	if st, err := m.Status(t.Context()); err != nil || !strings.Contains(st.Frozen, "went back") {
		t.Errorf("frozen %q, %v", st.Frozen, err)
	}
	if n, err := m.Highest(t.Context(), ledger); n != 3 || err != nil {
		t.Errorf("highest %d, %v", n, err)
	}
}

func TestAReceiptOfALedgerThatIsNotKnownFreezesTheMachineToo(t *testing.T) {
	m, from := newMachine(t)
	batch := signing.BatchOf(payment(from, 0, "a"))
	batch.Held = signing.Held{Ledger: "another", Seq: 1}
	if answers, err := m.Sign(t.Context(), batch); answers != nil || fault.Code(err) != "rolled_back" {
		t.Errorf("%+v, %v", answers, err)
	}
}
