package attack

import (
	"bytes"
	"os"
	"path/filepath"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/signertest"
	"coffer.internal/signing"
)

// turnTheMachine: somebody stopped the machine, or turned it back, or has two of it; the thief goes on asking.
var turnTheMachine = []attempt{
	{"81-when-it-is-locked", nil, func(th *thief) {
		th.own()
		_, err := th.m.client.Lock(th.Context())
		must(th.T, err)
		_, err = th.askAnyway(th.authorized(th.pay("p")))
		th.unanswered(err, "signer_locked")
	}},
	{"82-when-it-is-frozen", nil, func(th *thief) {
		th.own()
		_, _, err := th.m.signer.Freeze(th.Context(), journal.FreezeCause{At: th.m.clock.now(), By: "anna", Reason: "somebody is in the daemon's host"})
		must(th.T, err)
		_, err = th.askAnyway(th.authorized(th.pay("p")))
		th.unanswered(err, "signer_frozen")
	}},
	{"83-when-yesterdays-machine-was-put-back", ether(1), func(th *thief) {
		th.own()
		yesterday := th.copyHome()
		r := th.authorized(th.pay("p"))
		held := th.paid(r)
		th.m.stop()
		th.m = serve(th.T, yesterday, th.policy(th.T))
		r.Intent.Nonce = 1
		_, err := th.askOf(th.m.client, signing.Batch{Held: held, Requests: []signing.Request{r}})
		th.unanswered(err, "rolled_back")
		_, err = th.askAnyway(r) // and it stays so
		th.unanswered(err, "signer_frozen")
	}},
	{"84-when-there-are-two-of-it", ether(1), func(th *thief) {
		th.own()
		twin := serve(th.T, th.copyHome(), th.policy(th.T))
		r := th.authorized(th.pay("p"))
		held := th.paid(r)
		r.Intent.Nonce = 1
		_, err := th.askOf(twin.client, signing.Batch{Held: held, Requests: []signing.Request{r}})
		th.unanswered(err, "rolled_back")
	}},
	{"85-when-its-journal-is-taken-away", ether(1), func(th *thief) {
		th.own()
		th.paid(th.authorized(th.pay("p")))
		th.m.stop()
		must(th.T, os.Remove(filepath.Join(th.m.home, journal.FileName)))
		th.payAnew("journal_missing")
	}},
	{"86-with-the-journal-of-another-machine", ether(1), func(th *thief) {
		th.own()
		th.paid(th.authorized(th.pay("p")))
		th.m.stop()
		another := serve(th.T, makeHome(th.T), th.policy(th.T)) // it has signed nothing, and made no keys
		another.stop()
		b, err := os.ReadFile(filepath.Join(another.home, journal.FileName))
		must(th.T, err)
		must(th.T, os.WriteFile(filepath.Join(th.m.home, journal.FileName), b, 0o600))
		th.payAnew("journal_of_another")
	}},
	{"87-what-was-refused-under-a-stricter-policy", nil, func(th *thief) {
		th.own()
		i := changed(th.pay("p"), func(i *signing.Intent) { i.EVM.Amount = ether(11).String() })
		r := signing.Request{Intent: i, Authorizations: tokens(th.authorization(i), th.keys.service, th.keys.risk, th.keys.officer1, th.keys.officer2)}
		th.refused(th.askPast(r), "above_payment_cap") // the customer has his money back
		th.m.stop()
		p, err := policy.Parse(bytes.Replace(th.policyText(), []byte(`payment = "10_`), []byte(`payment = "20_`), 1))
		must(th.T, err)
		th.m = serve(th.T, th.m.home, p)
		th.refused(th.askPast(r), "above_payment_cap")
	}},
	{"88-yesterdays-machine-with-todays-second-copy", ether(1), func(th *thief) {
		th.own()
		copied := filepath.Join(th.TempDir(), "copy.ndjson")
		must(th.T, th.m.signer.Follow(th.Context(), copied, th.m.clock.now()))
		yesterday := th.copyHome()
		r := th.authorized(th.pay("p"))
		th.paid(r)
		th.m.stop()
		th.m = serve(th.T, yesterday, th.policy(th.T))
		must(th.T, th.m.signer.Follow(th.Context(), copied, th.m.clock.now()))
		r.Intent.Nonce = 1
		_, err := th.askAnyway(r) // he says nothing of receipts
		th.unanswered(err, "signer_frozen")
	}},
}

// payAnew starts the machine on what its home holds, makes the wallet's key anew, and has the payment made once more.
func (th *thief) payAnew(code string) {
	th.Helper()
	m, err := open(th.T, th.m.home, signertest.Options{Policy: th.policy(th.T)})
	if err != nil {
		if fault.Code(err) != code {
			th.Errorf("it does not start for another reason than %s: %v", code, err)
		}
		return
	}
	th.Error("it starts")
	th.m = m
	if k := m.newKey(th.T, "hot", "hot"); k.Address != th.from {
		th.Fatalf("its first key is %s", k.Address)
	}
	th.ask(th.authorized(at(th.pay("p"), 1)))
}

// own gives the thief a machine and a wallet beside those of the others.
func (th *thief) own() {
	th.Helper()
	th.m = serve(th.T, makeHome(th.T), th.policy(th.T))
	th.from = th.m.newKey(th.T, "hot", "hot").Address
	th.endow(th.from)
}

// copyHome copies the machine's home as it stands, as a careless operator does.
func (th *thief) copyHome() string {
	th.Helper()
	home := filepath.Join(th.TempDir(), "copy")
	must(th.T, os.Mkdir(home, 0o700))
	for _, name := range []string{journal.FileName, "vault.age"} {
		b, err := os.ReadFile(filepath.Join(th.m.home, name))
		must(th.T, err)
		must(th.T, os.WriteFile(filepath.Join(home, name), b, 0o600))
	}
	return home
}

// paid has a payment made, and says what the daemon holds of it.
func (th *thief) paid(r signing.Request) signing.Held {
	th.Helper()
	answers := th.ask(r)
	th.signed(answers...)
	th.mine()
	return signing.Held{Ledger: r.Intent.Ledger, Seq: answers[0].Receipt.Seq}
}
