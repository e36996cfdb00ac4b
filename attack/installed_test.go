package attack

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/officers"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/signertest"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/signing"
)

// changeThePolicy: the thief has the service's key, and write access to the signing machine's home while it is stopped; or he is the user
// that the machine runs as, and knows its passphrase. A policy that wants the service alone is all that he needs.
var changeThePolicy = []attempt{
	{"120-a-looser-policy-in-its-place", nil, func(th *thief) {
		th.installed()
		th.m.stop()
		th.putPolicy(th.looser())
		th.notServed("policy_changed")
	}},
	{"121-the-policy-that-was-in-force-before", nil, func(th *thief) {
		home := makeHome(th.T)
		must(th.T, th.install(home, th.looser()))
		must(th.T, th.install(home, th.policyText(), th.approve(home, signing.ActionPolicy, th.policy(th.T).Hash(), th.keys.officer1, th.keys.officer2)...))
		th.serveInstalled(home)
		th.m.stop()
		th.putPolicy(th.looser())
		th.notServed("policy_changed")
	}},
	{"122-with-a-pin-of-his-own-key", nil, func(th *thief) {
		th.installed()
		th.m.stop()
		th.pin(func(p *journal.Pin, hash string) {
			device := signing.Fingerprint(p.Identity)
			p.Hash, p.Text, p.Identity = hash, th.looser(), th.keys.stranger.Public().(ed25519.PublicKey)
			p.Signature = ed25519.Sign(th.keys.stranger, signing.PinStatement(device, hash, p.At, p.By))
		})
		th.putPolicy(th.looser())
		th.notServed("policy_pin")
	}},
	{"123-with-a-pin-that-the-machine-has-not-signed", nil, func(th *thief) {
		th.installed()
		th.m.stop()
		th.pin(func(p *journal.Pin, hash string) {
			p.Hash, p.Text = hash, th.looser()
			p.Signature = ed25519.Sign(th.keys.stranger, signing.PinStatement(signing.Fingerprint(p.Identity), hash, p.At, p.By))
		})
		th.putPolicy(th.looser())
		th.notServed("policy_pin")
	}},
	{"124-with-another-text-under-the-old-pin", nil, func(th *thief) {
		th.installed()
		th.m.stop()
		th.pin(func(p *journal.Pin, _ string) { p.Text = th.looser() })
		th.putPolicy(th.looser())
		th.notServed("policy_pin")
	}},
	{"119-a-key-that-anybody-signs-with", nil, func(th *thief) {
		th.installed()
		th.m.stop()
		nobodys := append([]byte{1}, make([]byte, 31)...) // the identity: R = identity, S = 0 is its signature of everything
		weak := bytes.Replace(th.policyText(), []byte(public(th.keys.risk)), []byte("ed25519:"+base64.StdEncoding.EncodeToString(nobodys)), 1)
		p, err := policy.Parse(weak)
		if err != nil {
			if !strings.Contains(err.Error(), "key") {
				th.Error(err)
			}
			return
		}
		th.Error("it is a policy")
		must(th.T, th.install(th.m.home, weak, th.approve(th.m.home, signing.ActionPolicy, p.Hash(), th.keys.officer1, th.keys.officer2)...))
		m, err := open(th.T, th.m.home, signertest.Options{Pinned: true})
		must(th.T, err)
		th.m = m
		a := th.authorization(th.pay("p"))
		forged := signing.JoinToken(signing.AuthorizationPrefix, a.Encode(), nobodys, append(nobodys[:32:32], make([]byte, 32)...))
		th.ask(signing.Request{Intent: th.pay("p"), Authorizations: append(tokens(a, th.keys.service), forged)})
	}},
	{"125-installed-with-one-officer", nil, func(th *thief) {
		th.installs("approval_missing", th.keys.officer1)
	}},
	{"126-installed-with-the-same-officer-twice", nil, func(th *thief) {
		th.installs("officer_twice", th.keys.officer1, th.keys.officer1)
	}},
	{"127-installed-with-a-key-of-his-own", nil, func(th *thief) {
		th.installs("not_an_officer", th.keys.officer1, th.keys.stranger)
	}},
	{"128-installed-behind-a-forged-pin", nil, func(th *thief) {
		th.installed()
		th.m.stop()
		th.pin(func(p *journal.Pin, hash string) { p.Hash, p.Text, p.Signature = hash, th.looser(), nil })
		th.installsStopped("approval_missing")
	}},
	{"129-installed-with-the-approvals-of-another", nil, func(th *thief) {
		th.installed()
		th.m.stop()
		stricter := strings.Replace(string(th.policyText()), "hour_count = 25", "hour_count = 24", 1)
		p, err := policy.Parse([]byte(stricter))
		must(th.T, err)
		th.installsStopped("approval_differs", th.approve(th.m.home, signing.ActionPolicy, p.Hash(), th.keys.officer1, th.keys.officer2)...)
	}},
}

// looser is a policy under which the service pays by itself.
func (th *thief) looser() []byte {
	return []byte(strings.Replace(string(th.policyText()), "authorized_by = { service = 1, risk = 1 }", "authorized_by = { service = 1 }", 1))
}

// installed gives the thief a machine whose policy was installed, as that of an exchange is, and a wallet of it.
func (th *thief) installed() {
	th.Helper()
	home := makeHome(th.T)
	must(th.T, th.install(home, th.policyText()))
	th.serveInstalled(home)
}

func (th *thief) serveInstalled(home string) {
	th.Helper()
	m, err := open(th.T, home, signertest.Options{Pinned: true})
	must(th.T, err)
	th.m = m
	th.from = m.newKey(th.T, "hot", "hot").Address
	th.endow(th.from)
}

// install installs a policy at a machine that nobody serves.
func (th *thief) install(home string, text []byte, approvals ...string) error {
	th.Helper()
	return stopped(th.T, home, func(v *vault.Vault, j *journal.Journal) error {
		_, _, err := signer.InstallPolicy(th.Context(), home, v, j, signer.PolicyChange{Text: text, Approvals: approvals, At: time.Now()})
		return err
	})
}

// stopped does something with a home that nobody serves.
func stopped(t *testing.T, home string, do func(*vault.Vault, *journal.Journal) error) error {
	t.Helper()
	v, err := vault.Open(home, []byte(signertest.Passphrase), vault.Options{})
	must(t, err)
	defer v.Close()
	j, err := journal.Open(home, v.Device(), journal.Options{})
	must(t, err)
	defer func() { must(t, j.Close()) }()
	return do(v, j)
}

// approve has each of some keys approve an act at a machine that nobody serves.
func (th *thief) approve(home, action, subject string, by ...ed25519.PrivateKey) (approvals []string) {
	th.Helper()
	must(th.T, stopped(th.T, home, func(v *vault.Vault, _ *journal.Journal) error {
		approvals = approved(th.T, officers.Act{Device: v.Device(), Action: action, Subject: subject}, time.Now(), by...)
		return nil
	}))
	return approvals
}

// approved are approvals of an act, one of each key.
func approved(t *testing.T, act officers.Act, at time.Time, by ...ed25519.PrivateKey) (approvals []string) {
	t.Helper()
	for _, key := range by {
		a, err := act.Sign(key, at, time.Hour)
		must(t, err)
		approvals = append(approvals, a)
	}
	return approvals
}

// pin writes one more pin into the journal: the last one, with something else in it.
func (th *thief) pin(change func(p *journal.Pin, hash string)) {
	th.Helper()
	loose, err := policy.Parse(th.looser())
	must(th.T, err)
	must(th.T, stopped(th.T, th.m.home, func(_ *vault.Vault, j *journal.Journal) error {
		p, _, err := j.Pin()
		must(th.T, err)
		change(&p, loose.Hash())
		return j.AddPin(th.Context(), p)
	}))
}

func (th *thief) putPolicy(text []byte) {
	th.Helper()
	must(th.T, os.WriteFile(filepath.Join(th.m.home, signer.PolicyFile), text, 0o600))
}

// installs has the looser policy installed with the approvals of some keys.
func (th *thief) installs(code string, by ...ed25519.PrivateKey) {
	th.Helper()
	th.installed()
	th.m.stop()
	p, err := policy.Parse(th.looser())
	must(th.T, err)
	th.installsStopped(code, th.approve(th.m.home, signing.ActionPolicy, p.Hash(), by...)...)
}

func (th *thief) installsStopped(code string, approvals ...string) {
	th.Helper()
	if err := th.install(th.m.home, th.looser(), approvals...); err != nil {
		if fault.Code(err) != code {
			th.Errorf("refused with %v, not with %s", err, code)
		}
		return
	}
	th.Error("it is installed")
	th.serveWhatIsThere()
}

// notServed wants the machine not to start, with a code.
func (th *thief) notServed(code string) {
	th.Helper()
	if err := th.serveWhatIsThere(); fault.Code(err) != code {
		th.Errorf("it starts, or does not for another reason than %s: %v", code, err)
	}
}

// serveWhatIsThere starts the machine, and has what the service alone authorized paid.
func (th *thief) serveWhatIsThere() error {
	th.Helper()
	m, err := open(th.T, th.m.home, signertest.Options{Pinned: true})
	if err != nil {
		return err
	}
	th.m = m
	_, err = th.askAnyway(signing.Request{Intent: th.pay("p"), Authorizations: tokens(th.authorization(th.pay("p")), th.keys.service)})
	return err
}
