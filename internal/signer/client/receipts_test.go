package client_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// identity is the identity key of a machine that a test plays.
func identity(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func identified(key ed25519.PrivateKey) signing.Status {
	public := key.Public().(ed25519.PublicKey)
	return signing.Status{Device: signing.Fingerprint(public), Identity: public}
}

// playing answers one intent as a machine with a key does, bent by a test, and says its status by another key once turned is set.
func playing(t *testing.T, key ed25519.PrivateKey, turned *atomic.Pointer[ed25519.PrivateKey], bend func(*wire.SignAnswer)) (*client.Client, signing.Intent) {
	t.Helper()
	intent := payments("0x9858EfFD232B4033E47d90003D41EC34EcaEda94", 1)[0]
	addr := listen(t, func(w http.ResponseWriter, r *http.Request) {
		now := key
		if turned != nil && turned.Load() != nil {
			now = *turned.Load()
		}
		if r.URL.Path == wire.PathStatus {
			_ = json.NewEncoder(w).Encode(identified(now))
			return
		}
		a := signing.Answer{Digest: intent.Digest(), Raw: []byte{1}}
		a.Receipt.Seq = 7
		a.Receipt.Signature = ed25519.Sign(now, signing.ReceiptStatement(identified(now).Device, ledger, 7, a))
		out := wire.SignAnswer{Digest: a.Digest.String(), Raw: a.Raw, Hash: "0xhash", Receipt: a.Receipt}
		bend(&out)
		if r.URL.Path == wire.PathJournal {
			b, _ := wire.Encode(wire.JournalAnswer{Highest: 7, Entries: []wire.JournalEntry{{SignAnswer: out, Intent: intent.Canonical()}}})
			_, _ = w.Write(b)
			return
		}
		_ = json.NewEncoder(w).Encode(wire.SignAnswers{Answers: []wire.SignAnswer{out}})
	})
	c, err := client.Dial(addr, func(signing.Intent, []byte) (string, error) { return "0xhash", nil })
	if err != nil {
		t.Fatal(err)
	}
	return c, intent
}

func TestAnAnswerWithoutTheRightReceiptIsNotTaken(t *testing.T) {
	key := identity(1)
	for name, bend := range map[string]func(*wire.SignAnswer){
		"none":              func(a *wire.SignAnswer) { a.Receipt = signing.Receipt{} },
		"another number":    func(a *wire.SignAnswer) { a.Receipt.Seq++ },
		"no signature":      func(a *wire.SignAnswer) { a.Receipt.Signature = nil },
		"another machine's": func(a *wire.SignAnswer) { a.Receipt.Signature = ed25519.Sign(identity(2), []byte("x")) },
		"another answer's":  func(a *wire.SignAnswer) { a.Raw = []byte{2} },
		"a refusal instead": func(a *wire.SignAnswer) {
			*a = wire.SignAnswer{Digest: a.Digest, Receipt: a.Receipt, Refusal: &signing.Refusal{Kind: signing.RefusedForGood, Code: "x"}}
		},
		"a refusal's number": func(a *wire.SignAnswer) { a.Receipt.Seq = 0 },
	} {
		c, intent := playing(t, key, nil, bend)
		got, err := c.Sign(t.Context(), signing.BatchOf(intent))
		if got != nil || !errors.Is(err, signing.ErrNoAnswer) || fault.Code(err) != "signer_answer" || !strings.Contains(err.Error(), "receipt") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	c, intent := playing(t, key, nil, func(*wire.SignAnswer) {})
	got, err := c.Sign(t.Context(), signing.BatchOf(intent))
	if err != nil || len(got) != 1 || got[0].Receipt.Seq != 7 {
		t.Errorf("the right one: %v, %v", got, err)
	}
}

func TestAnEntryWithoutTheRightReceiptIsNotTaken(t *testing.T) {
	c, _ := playing(t, identity(1), nil, func(a *wire.SignAnswer) { a.Receipt.Signature[0] ^= 1 })
	if got, err := c.Entries(t.Context(), ledger, 6, 10); len(got) > 0 && err == nil || !strings.Contains(err.Error(), "receipt") {
		t.Errorf("%v, %v", got, err)
	}
	c, intent := playing(t, identity(1), nil, func(*wire.SignAnswer) {})
	if got, err := c.Entries(t.Context(), ledger, 6, 10); err != nil || len(got) != 1 || got[0].Digest != intent.Digest() {
		t.Errorf("the right one: %v, %v", got, err)
	}
}

// Loading what coffer holds leaves holes where nobody knows an answer; an entry that was not asked for is none.
func TestEntriesMayHaveHolesAndAreInOrder(t *testing.T) {
	c, intent := playing(t, identity(1), nil, func(*wire.SignAnswer) {})
	if got, err := c.Entries(t.Context(), ledger, 3, 10); err != nil || len(got) != 1 || got[0].Seq != 7 || got[0].Digest != intent.Digest() {
		t.Errorf("with a hole below it: %v, %v", got, err)
	}
	if got, err := c.Entries(t.Context(), ledger, 7, 10); fault.Code(err) != "signer_answer" {
		t.Errorf("one that is not above: %v, %v", got, err)
	}
}

func TestAnotherMachineIsNotAskedForWhatIsMeantForOne(t *testing.T) {
	var turned atomic.Pointer[ed25519.PrivateKey]
	c, intent := playing(t, identity(1), &turned, func(*wire.SignAnswer) {})
	batch := signing.BatchOf(intent)
	batch.Held = signing.Held{Ledger: ledger, Device: identified(identity(1)).Device, Seq: 3}
	if _, err := c.Sign(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	other := identity(2)
	turned.Store(&other)
	if _, err := c.Sign(t.Context(), batch); fault.Code(err) != "signer_answer" { // found by its receipt
		t.Errorf("%v", err)
	}
	if _, err := c.Sign(t.Context(), batch); fault.Code(err) != "another_device" || !errors.Is(err, signing.ErrNoAnswer) {
		t.Errorf("%v", err)
	}
	batch.Held.Device = identified(other).Device
	if _, err := c.Sign(t.Context(), batch); err != nil {
		t.Error(err)
	}
}

func TestAnIdentityThatIsNotTheDevicesIsNotTaken(t *testing.T) {
	addr := listen(t, func(w http.ResponseWriter, _ *http.Request) {
		st := identified(identity(1))
		st.Identity = identity(2).Public().(ed25519.PublicKey)
		_ = json.NewEncoder(w).Encode(st)
	})
	c := dial(t, addr)
	if _, err := c.Sign(t.Context(), signing.BatchOf(payments(to, 1)...)); fault.Code(err) != "signer_answer" || !strings.Contains(err.Error(), "identity key") {
		t.Errorf("%v", err)
	}
}
