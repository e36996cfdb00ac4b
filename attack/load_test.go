package attack

import (
	"bytes"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// lieToALoad: the machine's journal is lost. A machine with the same words is loaded from a database that the thief wrote into.
var lieToALoad = []attempt{
	{"190-a-payment-that-has-no-answer-any-more", ether(1), func(th *thief) {
		th.own()
		r := th.authorized(th.pay("p"))
		th.paid(r)
		th.loaded("evm", chainID, signing.ExportAttempt{Intent: r.Intent.Canonical()})
		th.refused(th.ask(at1(r)), "payment_closed")
	}},
	{"191-beyond-a-limit-that-was-reached", ether(20), func(th *thief) {
		th.own()
		th.loaded("evm", chainID, th.hourful(true)...)
		th.refused(th.ask(th.authorized(at(th.pay("one more"), 20))), "hour_limit")
	}},
	{"192-beyond-a-limit-that-was-reached-without-answers", ether(20), func(th *thief) {
		th.own()
		th.loaded("evm", chainID, th.hourful(false)...)
		th.refused(th.ask(th.authorized(at(th.pay("one more"), 20))), "hour_limit")
	}},
	{"193-a-lie-about-when-an-attempt-on-solana-was-signed", big.NewInt(lamports), func(th *thief) {
		th.own()
		c := th.cluster(mainCluster)
		r := c.authorized(c.pay("p"))
		answers := c.ask(r)
		th.signed(answers...)
		th.from = c.from.String()
		th.loaded("solana", mainCluster, signing.ExportAttempt{
			Intent: r.Intent.Canonical(), Raw: answers[0].Raw, At: th.m.clock.now().Add(-time.Hour), Authorizations: r.Authorizations,
		})
		r.Intent = c.next(r.Intent)
		th.refused(c.ask(r), "attempt_too_early")
	}},
	{"194-above-what-was-authorized-before", new(big.Int).Add(ether(1), milli(1)), burning(func(th *thief) {
		r, e := th.cheap()
		th.loaded("evm", chainID, e)
		r.Intent = with(r.Intent, 400)
		th.refused(th.ask(bare(r.Intent)), "fee_above_authorization")
	})},
	{"195-above-what-was-signed-before", new(big.Int).Add(ether(1), milli(1)), burning(func(th *thief) {
		r, e := th.cheap()
		e.Authorizations = nil // he took them out
		th.loaded("evm", chainID, e)
		r.Intent = with(r.Intent, 400)
		th.refused(th.ask(bare(r.Intent)), "fee_above_authorization")
	})},
}

// cheap has a payment signed that may cost a thousandth of an ether.
func (th *thief) cheap() (signing.Request, signing.ExportAttempt) {
	th.Helper()
	th.own()
	a := th.authorization(th.pay("p"))
	a.MaxFee = milli(1).String()
	r := signing.Request{Intent: with(th.pay("p"), 20), Authorizations: tokens(a, th.keys.service, th.keys.risk)}
	answers := th.ask(r)
	th.signed(answers...)
	return r, signing.ExportAttempt{Intent: r.Intent.Canonical(), Raw: answers[0].Raw, At: th.m.clock.now(), Authorizations: r.Authorizations}
}

// hourful has as much paid as an hour allows, and says what the ledger holds of it.
func (th *thief) hourful(answered bool) (all []signing.ExportAttempt) {
	th.Helper()
	for n := range uint64(20) {
		r := th.authorized(at(th.pay(fmt.Sprint("p-", n)), n))
		answers := th.ask(r)
		th.signed(answers...)
		e := signing.ExportAttempt{Intent: r.Intent.Canonical(), Authorizations: r.Authorizations}
		if answered {
			e.Raw, e.At = answers[0].Raw, th.m.clock.now()
		}
		all = append(all, e)
	}
	return all
}

// loaded gives the machine's words a new journal, loads what the ledger holds of one key, and unfreezes the machine, as two officers do who
// find nothing wrong with that.
func (th *thief) loaded(chainType string, chain int64, attempts ...signing.ExportAttempt) {
	th.Helper()
	k, found, err := th.m.client.FindKey(th.Context(), ledger, chainType, th.from)
	if must(th.T, err); !found {
		th.Fatalf("the machine has no key of %s", th.from)
	}
	file := filepath.Join(th.TempDir(), "export.ndjson")
	var b bytes.Buffer
	w, err := signing.NewExportWriter(&b, signing.ExportHeader{Ledger: ledger, Device: k.Device, MadeAt: th.m.clock.now()})
	must(th.T, err)
	must(th.T, w.Wallet(signing.ExportWallet{ChainType: chainType, ChainID: chain, Address: k.Address, Path: k.Path, Ref: "hot", Cursor: 50, Mark: 0}))
	for _, a := range attempts {
		must(th.T, w.Attempt(a))
	}
	must(th.T, w.Close())
	must(th.T, os.WriteFile(file, b.Bytes(), 0o600))
	th.m.stop()
	home := filepath.Join(th.TempDir(), "anew")
	must(th.T, journal.Create(home))
	words, err := os.ReadFile(filepath.Join(th.m.home, "vault.age"))
	must(th.T, err)
	must(th.T, os.WriteFile(filepath.Join(home, "vault.age"), words, 0o600))
	th.m = serve(th.T, home, th.policy(th.T))
	done, err := th.keeping().Load(th.Context(), wire.LoadRequest{Path: file})
	if must(th.T, err); !done.Done {
		th.Fatalf("not loaded: %+v", done)
	}
	_, err = th.keeping().Unfreeze(th.Context(), wire.UnfreezeRequest{})
	must(th.T, err)
}
