package signer

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/bip39"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/officers"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// twins are machines with the same words: what one signed, the other does not know.
func twins(t *testing.T) (old, fresh *Machine) { return twinsStarted(t, start) }

// twinsStarted are twins that start in a way of their own.
func twinsStarted(t *testing.T, start func(t *testing.T, home string) *Machine) (old, fresh *Machine) {
	t.Helper()
	words := bip39.Generate()
	made := make([]*Machine, 2)
	for n := range made {
		home := filepath.Join(t.TempDir(), "signer")
		if err := journal.Create(home); err != nil {
			t.Fatal(err)
		}
		if _, err := vault.Create(home, words, passphrase, vault.Options{WorkFactor: 2}); err != nil {
			t.Fatal(err)
		}
		made[n] = start(t, home)
		t.Cleanup(func() { _ = made[n].Close() })
	}
	return made[0], made[1]
}

// exported is what a ledger holds of a machine with one key: its attempts, as given.
func exported(t *testing.T, m *Machine, k signing.Key, mark uint64, attempts ...signing.ExportAttempt) string {
	t.Helper()
	var b bytes.Buffer
	w, err := signing.NewExportWriter(&b, signing.ExportHeader{Ledger: ledger, Device: m.device, MadeAt: noon})
	if err == nil {
		err = w.Wallet(signing.ExportWallet{ChainType: k.ChainType, ChainID: 1, Address: k.Address, Path: k.Path, Ref: "hot", Cursor: 20, Mark: mark})
	}
	for _, a := range attempts {
		if err == nil {
			err = w.Attempt(a)
		}
	}
	if err == nil {
		err = w.Close()
	}
	path := filepath.Join(t.TempDir(), "export.ndjson")
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// kept is an attempt as a ledger keeps it.
func kept(i signing.Intent, a signing.Answer) signing.ExportAttempt {
	return signing.ExportAttempt{Intent: i.Canonical(), Raw: a.Raw, Refusal: a.Refusal, Seq: a.Receipt.Seq, At: noon}
}

func asked(i signing.Intent) signing.ExportAttempt {
	return signing.ExportAttempt{Intent: i.Canonical()}
}

func hotKey(t *testing.T, m *Machine) signing.Key {
	t.Helper()
	k, err := m.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1, Ref: "hot"})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func signAll(t *testing.T, m *Machine, is ...signing.Intent) []signing.Answer {
	t.Helper()
	answers, err := m.Sign(t.Context(), signing.BatchOf(is...))
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

func codeOf(a signing.Answer) string {
	if a.Refusal != nil {
		return a.Refusal.Code
	}
	return "signed"
}

func (m *Machine) keeping(of ...officers.Officer) Keeping {
	return Keeping{Journal: m.journal, Machine: m, Officers: of, By: "ops", Now: noon}
}

func unfreeze(t *testing.T, m *Machine) {
	t.Helper()
	if a, err := m.keeping().Unfreeze(t.Context(), wire.UnfreezeRequest{}); err != nil || a.Freeze == "" {
		t.Fatalf("%+v, %v", a, err)
	}
}

func TestAMachineOfTheSameWordsTakesOverWhatTheLedgerHolds(t *testing.T) {
	old, fresh := twins(t)
	k := hotKey(t, old)
	ps := payments(k.Address, 4) // nonces 0 to 3; the answer to the last one got lost
	answers := signAll(t, old, ps[0], ps[1], ps[2], payment(k.Address, 2, "p-0"))
	file := exported(t, old, k, 3, kept(ps[0], answers[0]), kept(ps[1], answers[1]), kept(ps[2], answers[2]), kept(payment(k.Address, 2, "p-0"), answers[3]), asked(ps[3]))

	dry, err := fresh.keeping().Load(t.Context(), wire.LoadRequest{Path: file, DryRun: true})
	if err != nil || dry.Done || dry.Load.Signed.New != 3 || dry.Load.Asked.New != 1 {
		t.Fatalf("%+v, %v", dry, err)
	}
	if st, err := fresh.Status(t.Context()); err != nil || st.Signed != 0 || st.Frozen != "" {
		t.Errorf("a dry run changed something: %+v, %v", st, err)
	}
	done, err := fresh.keeping().Load(t.Context(), wire.LoadRequest{Path: file})
	if err != nil || !done.Done || !reflect.DeepEqual(done.Load, dry.Load) {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := fresh.Sign(t.Context(), signing.BatchOf(ps[0])); fault.Code(err) != "frozen" {
		t.Errorf("it is not frozen by a load: %v", err)
	}
	unfreeze(t, fresh)
	for _, c := range []struct {
		what   string
		intent signing.Intent
		want   string
	}{
		{"the same again", ps[0], "signed"},
		{"a refusal again", payment(k.Address, 2, "p-0"), "payment_bound"},
		{"a payment that is made, elsewhere", payment(k.Address, 9, "p-1"), "payment_bound"},
		{"another payment at a nonce that is used", payment(k.Address, 1, "other"), "nonce_bound"},
		{"one without a known answer, elsewhere", payment(k.Address, 10, "p-3"), "payment_closed"},
		{"one without a known answer, as it was", ps[3], "signed"},
		{"a new one", payment(k.Address, 20, "new"), "signed"},
	} {
		if got := signAll(t, fresh, c.intent); codeOf(got[0]) != c.want {
			t.Errorf("%s: %s, want %s", c.what, codeOf(got[0]), c.want)
		}
	}
	if again := signAll(t, fresh, ps[1]); !bytes.Equal(again[0].Raw, answers[1].Raw) || again[0].Receipt.Seq != answers[1].Receipt.Seq {
		t.Errorf("another answer than the ledger holds: receipt %d, was %d", again[0].Receipt.Seq, answers[1].Receipt.Seq)
	}
	next, err := fresh.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1})
	if err != nil || next.Path == k.Path {
		t.Errorf("a key was made twice: %+v, %v", next, err)
	}
	if same := hotKey(t, fresh); same.Address != k.Address {
		t.Errorf("the ref has another key: %+v", same)
	}
}

func TestNothingIsSignedFirstBelowTheMarkOfALoad(t *testing.T) {
	old, fresh := twins(t)
	k := hotKey(t, old)
	if a, err := fresh.keeping().Load(t.Context(), wire.LoadRequest{Path: exported(t, old, k, 15)}); err != nil || !a.Done {
		t.Fatal(a, err)
	}
	unfreeze(t, fresh)
	if got := signAll(t, fresh, payment(k.Address, 14, "low"), payment(k.Address, 15, "high")); codeOf(got[0]) != "below_mark" || codeOf(got[1]) != "signed" {
		t.Errorf("%s, %s", codeOf(got[0]), codeOf(got[1]))
	}
}

func TestALoadThatCannotBeTrueLoadsNothing(t *testing.T) {
	old, fresh := twins(t)
	stranger, _ := twins(t)
	k := hotKey(t, old)
	p := payment(k.Address, 0, "p")
	a := signAll(t, old, p)[0]
	other := payment(k.Address, 0, "q")
	hotKey(t, fresh)
	b := signAll(t, fresh, other)[0] // what must never be: two machines with the same words in use
	foreign := payment(k.Address, 1, "x")
	foreign.Ledger = "ledger-2"
	bent := kept(p, a)
	bent.Raw = bytes.Clone(a.Raw)
	bent.Raw[len(bent.Raw)-1] ^= 1
	swapped := kept(payment(k.Address, 0, "p2"), a)
	swapped.Intent = func() []byte { i := p; e := *p.EVM; e.Amount = "999"; i.EVM = &e; return i.Canonical() }()
	whole := exported(t, old, k, 0, kept(p, a))
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(cut, text[:len(text)-30], 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		m          *Machine
		file, code string
	}{
		"another payload at a nonce":  {fresh, whole, "load_conflict"},
		"other words, bent bytes":     {stranger, exported(t, old, k, 0, bent), "other_words"},
		"other words":                 {stranger, whole, "other_words"},
		"bytes of another intent":     {old, exported(t, old, k, 0, swapped), "bad_export"},
		"a bent signature":            {fresh, exported(t, old, k, 0, bent), "bad_export"},
		"an intent of another ledger": {old, exported(t, old, k, 0, asked(foreign)), "load_conflict"},
		"signed and refused":          {old, exported(t, old, k, 0, signing.ExportAttempt{Intent: p.Canonical(), Raw: a.Raw, Refusal: &signing.Refusal{Code: "x"}}), "bad_export"},
		"refused, and signed here":    {old, exported(t, old, k, 0, signing.ExportAttempt{Intent: p.Canonical(), Refusal: &signing.Refusal{Code: "x"}}), "load_conflict"},
		"cut":                         {old, cut, "bad_export"},
		"no file":                     {old, cut + "x", "no_file"},
		"a mark above the cursor":     {old, exported(t, old, k, 21), "bad_export"},
		"a receipt of another answer": {old, exported(t, old, k, 0, func() signing.ExportAttempt { e := kept(other, b); e.Seq = a.Receipt.Seq; return e }()), "load_conflict"},
	} {
		t.Run(name, func(t *testing.T) {
			before, err := c.m.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.m.keeping().Load(t.Context(), wire.LoadRequest{Path: c.file}); fault.Code(err) != c.code || got.Done {
				t.Errorf("%+v, %v, want %s", got, err, c.code)
			}
			after, err := c.m.Status(t.Context())
			if err != nil || before.Signed != after.Signed || before.Keys != after.Keys || after.Frozen != "" {
				t.Errorf("before %+v, after %+v, %v", before, after, err)
			}
		})
	}
}

func TestALoadTakesTwoOfficersForThisVeryFile(t *testing.T) {
	old, fresh := twins(t)
	k := hotKey(t, old)
	p := payment(k.Address, 0, "p")
	file := exported(t, old, k, 1, kept(p, signAll(t, old, p)[0]))
	two := []officers.Officer{}
	tokens := []string{}
	for n := byte(1); n <= 2; n++ {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
		two = append(two, officers.Officer{Name: string('a' + rune(n)), Key: key.Public().(ed25519.PublicKey)})
	}
	shown, err := fresh.keeping(two...).Load(t.Context(), wire.LoadRequest{Path: file})
	if err != nil || shown.Done || !strings.Contains(shown.Command, "--action load --subject '"+shown.SHA256) {
		t.Fatalf("%+v, %v", shown, err)
	}
	for n := byte(1); n <= 2; n++ {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
		token, err := officers.Act{Device: fresh.device, Action: signing.ActionLoad, Subject: shown.SHA256}.Sign(key, noon, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	if a, err := fresh.keeping(two...).Load(t.Context(), wire.LoadRequest{Path: file, Approvals: tokens[:1]}); fault.Code(err) != "approval_missing" || a.Done {
		t.Errorf("by one: %+v, %v", a, err)
	}
	another := exported(t, old, k, 2, kept(p, signAll(t, old, p)[0]))
	if a, err := fresh.keeping(two...).Load(t.Context(), wire.LoadRequest{Path: another, Approvals: tokens}); fault.Code(err) != "approval_differs" || a.Done {
		t.Errorf("another file: %+v, %v", a, err)
	}
	if st, err := fresh.Status(t.Context()); err != nil || st.Signed != 0 || st.Frozen != "" {
		t.Errorf("%+v, %v", st, err)
	}
	if a, err := fresh.keeping(two...).Load(t.Context(), wire.LoadRequest{Path: file, Approvals: tokens}); err != nil || !a.Done || len(a.Officers) != 2 {
		t.Errorf("by two: %+v, %v", a, err)
	}
	acts, err := fresh.journal.Acts()
	if err != nil || len(acts) != 2 || acts[1].Action != "load" || len(acts[1].Proof) != 2 {
		t.Errorf("%+v, %v", acts, err)
	}
}
