package signer

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/officers"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/policy/policytest"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/signing"
)

var installedAt = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// home is a machine's home with its vault open; a policy is installed by install.
type policyHome struct {
	t     *testing.T
	dir   string
	vault *vault.Vault
}

func newPolicyHome(t *testing.T) *policyHome {
	t.Helper()
	h := &policyHome{t: t, dir: filepath.Join(t.TempDir(), "s")}
	if err := journal.Create(h.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Create(h.dir, nil, []byte("x"), vault.Options{WorkFactor: 2}); err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(h.dir, []byte("x"), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h.vault = v
	return h
}

// with runs fn on the open journal.
func (h *policyHome) with(fn func(j *journal.Journal) error) error {
	h.t.Helper()
	j, err := journal.Open(h.dir, h.vault.Device(), journal.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() {
		if err := j.Close(); err != nil {
			h.t.Fatal(err)
		}
	}()
	return fn(j)
}

func (h *policyHome) install(text string, approvals ...string) (already bool, err error) {
	h.t.Helper()
	err = h.with(func(j *journal.Journal) error {
		_, already, err = InstallPolicy(h.t.Context(), h.dir, h.vault, j, PolicyChange{Text: []byte(text), Approvals: approvals, At: installedAt})
		return err
	})
	return already, err
}

// open opens the journal as serve does.
func (h *policyHome) open() error {
	h.t.Helper()
	j, err := OpenJournal(h.dir, h.vault, journal.Options{})
	if err == nil {
		err = j.Close()
	}
	return err
}

func (h *policyHome) file() string { return filepath.Join(h.dir, PolicyFile) }

func officerKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

// officersText names two officers.
var officersText = func() string {
	text := "version = 1\n"
	for name, b := range map[string]byte{"anna": 1, "bert": 2} {
		text += "[[authorizer]]\nname = \"" + name + "\"\nrole = \"officer\"\nkey = \"" + policy.WriteKey(officerKey(b).Public().(ed25519.PublicKey)) + "\"\n"
	}
	return text
}()

func TestAMachineServesUnderThePolicyThatWasInstalledLast(t *testing.T) {
	h := newPolicyHome(t)
	if err := h.open(); fault.Code(err) != "policy_missing" {
		t.Errorf("without one: %v", err)
	}
	if already, err := h.install(policytest.AllowAllText); already || err != nil {
		t.Fatal(already, err)
	}
	if err := h.open(); err != nil {
		t.Fatal(err)
	}
	if already, err := h.install(policytest.AllowAllText); !already || err != nil {
		t.Errorf("again: %t, %v", already, err)
	}
	if st, err := os.Stat(h.file()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st.Mode(), err)
	}
	if err := os.WriteFile(h.file(), []byte(policytest.AllowAllText+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.open(); fault.Code(err) != "policy_changed" || !strings.Contains(fault.Hint(err), "policy install") {
		t.Errorf("changed: %v", err)
	}
	if err := os.WriteFile(h.file(), []byte("version = 1\nx = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.open(); fault.Code(err) != "unknown_key" {
		t.Errorf("broken: %v", err)
	}
	if err := os.Remove(h.file()); err != nil {
		t.Fatal(err)
	}
	if err := h.open(); fault.Code(err) != "policy_missing" {
		t.Errorf("gone: %v", err)
	}
}

// Whoever can write the journal, but has no passphrase, cannot put a policy in force.
func TestAPinIsWorthNothingWithoutTheMachinesSignature(t *testing.T) {
	text := []byte(policytest.AllowAllText)
	p, err := policy.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	forger := officerKey(9)
	for name, forge := range map[string]func(device string, real ed25519.PrivateKey) journal.Pin{
		"unsigned": func(string, ed25519.PrivateKey) journal.Pin {
			return journal.Pin{Identity: []byte{}}
		},
		"signed by another key": func(device string, _ ed25519.PrivateKey) journal.Pin {
			return journal.Pin{Identity: forger.Public().(ed25519.PublicKey), Signature: ed25519.Sign(forger, signing.PinStatement(device, p.Hash(), installedAt, "me"))}
		},
		"signed by another key in the machine's name": func(device string, real ed25519.PrivateKey) journal.Pin {
			return journal.Pin{Identity: real.Public().(ed25519.PublicKey), Signature: ed25519.Sign(forger, signing.PinStatement(device, p.Hash(), installedAt, "me"))}
		},
	} {
		h := newPolicyHome(t)
		if err := os.WriteFile(h.file(), text, 0o600); err != nil {
			t.Fatal(err)
		}
		pin := forge(h.vault.Device(), h.vault.Identity())
		pin.Hash, pin.At, pin.By, pin.Text = p.Hash(), installedAt, "me", text
		if err := h.with(func(j *journal.Journal) error { return j.AddPin(t.Context(), pin) }); err != nil {
			t.Fatal(err)
		}
		if err := h.open(); fault.Code(err) != "policy_pin" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPinIsOfItsOwnText(t *testing.T) {
	h := newPolicyHome(t)
	if _, err := h.install(officersText); err != nil {
		t.Fatal(err)
	}
	err := h.with(func(j *journal.Journal) error {
		pin, _, err := j.Pin()
		if err != nil {
			return err
		}
		pin.Text = []byte(policytest.AllowAllText)
		_, err = CheckPin(pin, h.vault.Device())
		return err
	})
	if fault.Code(err) != "policy_pin" {
		t.Errorf("%v", err)
	}
}

func TestTwoOfficersOfThePolicyInForceApproveTheNext(t *testing.T) {
	h := newPolicyHome(t)
	if _, err := h.install(officersText); err != nil {
		t.Fatal(err)
	}
	next, err := policy.Parse([]byte(policytest.AllowAllText))
	if err != nil {
		t.Fatal(err)
	}
	approval := func(subject string, b byte) string {
		t.Helper()
		token, err := officers.Act{Device: h.vault.Device(), Action: signing.ActionPolicy, Subject: subject}.Sign(officerKey(b), installedAt, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	anna, bert := approval(next.Hash(), 1), approval(next.Hash(), 2)
	for want, tokens := range map[string][]string{
		"approval_missing": {anna}, "officer_twice": {anna, anna}, "approval_differs": {anna, approval("SHA256:another", 2)}, "not_an_officer": {anna, approval(next.Hash(), 3)},
	} {
		if _, err := h.install(policytest.AllowAllText, tokens...); fault.Code(err) != want {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := h.install(policytest.AllowAllText); fault.Code(err) != "approval_missing" || !strings.Contains(fault.Hint(err), "coffer-signer approve") {
		t.Errorf("%v (%s)", err, fault.Hint(err))
	}
	if err := os.Remove(h.file()); err != nil { // the journal knows the officers without it
		t.Fatal(err)
	}
	if _, err := h.install(policytest.AllowAllText); fault.Code(err) != "approval_missing" {
		t.Errorf("without its file: %v", err)
	}
	forged := journal.Pin{Hash: next.Hash(), At: installedAt, Text: []byte(policytest.AllowAllText)}
	if err := h.with(func(j *journal.Journal) error { return j.AddPin(t.Context(), forged) }); err != nil {
		t.Fatal(err)
	}
	if _, err := h.install(policytest.AllowAllText); fault.Code(err) != "approval_missing" {
		t.Errorf("behind a forged pin: %v", err)
	}
	if already, err := h.install(policytest.AllowAllText, anna, bert); already || err != nil {
		t.Errorf("approved: %t, %v", already, err)
	}
	if err := h.open(); err != nil {
		t.Error(err)
	}
	if _, err := h.install(officersText); err != nil { // nobody is named any more
		t.Error(err)
	}
}
