package attack

import (
	"crypto/ed25519"
	"fmt"
	"math/big"
	"net/url"
	"path/filepath"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/officers"
	"coffer.internal/internal/signer/signertest"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// misuseRelease: the thief is the user that the machine runs as, and one officer, or none. A payment that is released is signed a second
// time, at another nonce.
var misuseRelease = []attempt{
	{"130-released-by-one-officer", ether(1), func(th *thief) {
		r := th.paidOnce()
		th.notReleased("approval_missing", th.approvals(signing.ActionRelease, th.place("p", 0), th.keys.officer1))
		th.refused(th.ask(at1(r)), "payment_bound")
	}},
	{"131-released-by-the-same-officer-twice", ether(1), func(th *thief) {
		r := th.paidOnce()
		th.notReleased("officer_twice", th.approvals(signing.ActionRelease, th.place("p", 0), th.keys.officer1, th.keys.officer1))
		th.refused(th.ask(at1(r)), "payment_bound")
	}},
	{"132-released-by-a-key-of-his-own", ether(1), func(th *thief) {
		r := th.paidOnce()
		th.notReleased("not_an_officer", th.approvals(signing.ActionRelease, th.place("p", 0), th.keys.officer1, th.keys.stranger))
		th.refused(th.ask(at1(r)), "payment_bound")
	}},
	{"133-released-with-the-approvals-of-another-payment", ether(1), func(th *thief) {
		r := th.paidOnce()
		th.notReleased("approval_differs", th.approvals(signing.ActionRelease, th.place("another", 0), th.keys.officer1, th.keys.officer2))
		th.refused(th.ask(at1(r)), "payment_bound")
	}},
	{"134-released-with-approvals-for-another-machine", ether(1), func(th *thief) {
		r := th.paidOnce()
		act := officers.Act{Device: "SHA256:another", Action: signing.ActionRelease, Subject: th.place("p", 0)}
		th.notReleased("approval_differs", approved(th.T, act, th.m.clock.now(), th.keys.officer1, th.keys.officer2))
		th.refused(th.ask(at1(r)), "payment_bound")
	}},
	{"135-released-with-approvals-that-expired", ether(1), func(th *thief) {
		r := th.paidOnce()
		approvals := th.approvals(signing.ActionRelease, th.place("p", 0), th.keys.officer1, th.keys.officer2)
		th.m.clock.pass(time.Hour)
		th.notReleased("approval_expired", approvals)
		th.refused(th.ask(th.authorized(at(r.Intent, 1))), "payment_bound")
	}},
	{"136-released-again-with-the-same-approvals", ether(2), func(th *thief) {
		r, approvals := th.releasedOnce()
		th.signed(th.ask(at1(r))...) // what a release that is wrong costs
		th.notReleased("approval_differs", approvals)
		r.Intent.Nonce = 2
		th.refused(th.ask(r), "payment_bound")
	}},
	{"137-at-a-third-nonce-after-one-release", ether(2), func(th *thief) {
		r, _ := th.releasedOnce()
		th.signed(th.ask(at1(r))...)
		r.Intent.Nonce = 2
		th.refused(th.ask(r), "payment_bound")
	}},
	{"138-released-after-its-cancellation", nil, func(th *thief) {
		th.installed()
		th.signed(th.ask(bare(th.self(signing.PurposeCancel, "p")))...) // the customer has his money back
		th.mine()
		th.notReleased("payment_cancelled", th.approvals(signing.ActionRelease, th.place("p", 0), th.keys.officer1, th.keys.officer2))
		th.refused(th.ask(th.authorized(at(th.pay("p"), 1))), "payment_bound")
	}},
	{"139-released-without-new-authorizations", ether(1), func(th *thief) {
		r, _ := th.releasedOnce()
		th.refused(th.ask(bare(at(r.Intent, 1))), "authorization_missing")
	}},
	{"140-released-through-the-clients-socket", ether(1), func(th *thief) {
		r := th.paidOnce()
		var done wire.ReleaseAnswer
		err := client.Keep(th.Context(), filepath.Join(th.m.home, "s"), wire.PathRelease, wire.ReleaseRequest{Payment: r.Intent.Payment, Reason: "lost"}, &done)
		if fault.Code(err) != "no_such_path" {
			th.Errorf("released, or refused for another reason: %v", err)
		}
		th.refused(th.ask(at1(r)), "payment_bound")
	}},
	{"141-released-on-bitcoin", big.NewInt(50_000), func(th *thief) {
		th.installed()
		c := th.coins("a", "b")
		r := c.authorized(c.pay("p", 0, btcThief, "a"))
		th.signed(c.ask(r)...)
		subject := fmt.Sprintf("%s/%s/btc/%d/%s/0", ledger, url.PathEscape(th.Name()+"p"), c.network, c.from)
		th.notReleased("release_only_on_evm", th.approvals(signing.ActionRelease, subject, th.keys.officer1, th.keys.officer2))
		r.Intent = c.pay("p", 1, btcThief, "b")
		th.refused(c.ask(r), "payment_bound")
	}},
}

// misuseUnfreeze: the machine was frozen, and the thief, who has authorizations that are not to be used any more, wants it to go on.
var misuseUnfreeze = []attempt{
	{"150-unfrozen-by-one-officer", nil, func(th *thief) {
		f := th.frozen("somebody is in the daemon's host")
		th.notUnfrozen("approval_missing", th.approvals(signing.ActionUnfreeze, f.Freeze, th.keys.officer1))
	}},
	{"151-unfrozen-by-the-same-officer-twice", nil, func(th *thief) {
		f := th.frozen("somebody is in the daemon's host")
		th.notUnfrozen("officer_twice", th.approvals(signing.ActionUnfreeze, f.Freeze, th.keys.officer1, th.keys.officer1))
	}},
	{"152-unfrozen-with-approvals-of-something-else", nil, func(th *thief) {
		f := th.frozen("somebody is in the daemon's host")
		th.notUnfrozen("approval_differs", th.approvals(signing.ActionLoad, f.Freeze, th.keys.officer1, th.keys.officer2))
	}},
	{"153-unfrozen-with-approvals-from-before-it-was-frozen-for-more", nil, func(th *thief) {
		f := th.frozen("an alarm that turned out to be false")
		approvals := th.approvals(signing.ActionUnfreeze, f.Freeze, th.keys.officer1, th.keys.officer2)
		th.freeze("somebody is in the daemon's host")
		th.notUnfrozen("approval_differs", approvals)
	}},
	{"154-by-starting-the-machine-anew", nil, func(th *thief) {
		th.frozen("somebody is in the daemon's host")
		th.m.stop()
		m, err := open(th.T, th.m.home, signertest.Options{Pinned: true})
		must(th.T, err)
		th.m = m
		_, err = th.askAnyway(th.authorized(th.pay("p")))
		th.unanswered(err, "signer_frozen")
	}},
}

// at1 is a request at nonce 1.
func at1(r signing.Request) signing.Request {
	r.Intent.Nonce = 1
	return r
}

// paidOnce has a payment made by a machine whose policy is installed.
func (th *thief) paidOnce() signing.Request {
	th.Helper()
	th.installed()
	r := th.authorized(th.pay("p"))
	th.signed(th.ask(r)...)
	th.mine()
	return r
}

// releasedOnce has a payment made and released, by two officers who were deceived about its nonce.
func (th *thief) releasedOnce() (signing.Request, []string) {
	th.Helper()
	r := th.paidOnce()
	approvals := th.approvals(signing.ActionRelease, th.place("p", 0), th.keys.officer1, th.keys.officer2)
	must(th.T, th.release(approvals))
	return r, approvals
}

// place is what a release of a payment from a nonce is called.
func (th *thief) place(id string, nonce uint64) string {
	return fmt.Sprintf("%s/%s/evm/%d/%s/%d", ledger, url.PathEscape(th.Name()+id), chainID, th.from, nonce)
}

// approvals are those of an act at this machine, one of each key.
func (th *thief) approvals(action, subject string, by ...ed25519.PrivateKey) []string {
	th.Helper()
	device, err := th.m.journal.Device()
	must(th.T, err)
	return approved(th.T, officers.Act{Device: device, Action: action, Subject: subject}, th.m.clock.now(), by...)
}

func (th *thief) release(approvals []string) error {
	th.Helper()
	_, err := th.keeping().Release(th.Context(), wire.ReleaseRequest{Payment: th.Name() + "p", Reason: "nonce 0 is lost", Approvals: approvals})
	return err
}

func (th *thief) notReleased(code string, approvals []string) {
	th.Helper()
	if err := th.release(approvals); fault.Code(err) != code {
		th.Errorf("released, or refused for another reason than %s: %v", code, err)
	}
}

// frozen gives the thief a machine whose policy is installed, and has it frozen.
func (th *thief) frozen(reason string) wire.FreezeAnswer {
	th.Helper()
	th.installed()
	return th.freeze(reason)
}

func (th *thief) freeze(reason string) wire.FreezeAnswer {
	th.Helper()
	f, err := th.keeping().Freeze(th.Context(), wire.FreezeRequest{Reason: reason})
	must(th.T, err)
	return f
}

// keeping is what the user that the machine runs as may do with it.
func (th *thief) keeping() signer.Keeping {
	th.Helper()
	k, err := th.m.signer.Keeping("mallory", th.m.clock.now())
	must(th.T, err)
	return k
}

// notUnfrozen wants the machine to stay frozen, and asks it all the same.
func (th *thief) notUnfrozen(code string, approvals []string) {
	th.Helper()
	if _, err := th.keeping().Unfreeze(th.Context(), wire.UnfreezeRequest{Approvals: approvals}); fault.Code(err) != code {
		th.Errorf("unfrozen, or refused for another reason than %s: %v", code, err)
	}
	_, err := th.askAnyway(th.authorized(th.pay("p")))
	th.unanswered(err, "signer_frozen")
}
