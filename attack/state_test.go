package attack

import (
	"os"
	"path/filepath"

	"coffer.internal/internal/signer/journal"
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
