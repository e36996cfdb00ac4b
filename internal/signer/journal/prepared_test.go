package journal

import (
	"bytes"
	"encoding/json"
	"testing"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/signer/policy"
	"coffer.internal/signing"
)

func encodedJSON(t *testing.T, v any) []byte {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWhatAPaymentIsBoundToIsWrittenAsEncodingJSONWouldWriteIt(t *testing.T) {
	place := PlaceOf(payment(7, "p", "1"), nil)
	for name, b := range map[string]policy.Bound{
		"nothing": {}, "a cap": {MaxFee: "12"}, "a key": {Keys: []string{"SHA256:a+/"}}, "all": {MaxFee: "12", Keys: []string{"SHA256:a", "SHA256:b"}},
	} {
		at := paid{place, &b}
		if got, want := at.encode(), encodedJSON(t, at); !bytes.Equal(got, want) {
			t.Errorf("%s: got  %s\nwant %s", name, got, want)
		}
	}
	odd, inputs, attempt := place, place, place
	odd.Address, inputs.Inputs, attempt.Attempt = `"`, []string{"x"}, 1
	for name, at := range map[string]paid{
		"an address": {odd, &policy.Bound{}}, "inputs": {inputs, &policy.Bound{}}, "an attempt": {attempt, &policy.Bound{}}, "no bound": {place, nil},
		"a cap": {place, &policy.Bound{MaxFee: "é"}}, "a key": {place, &policy.Bound{Keys: []string{"SHA256:a", `\`}}},
	} {
		if got := at.encode(); got != nil {
			t.Errorf("%s: written as %s", name, got)
		}
	}
}

func TestASignatureIsJournaledAsItStands(t *testing.T) {
	sealed := proposed(payment(0, "a", "1"))
	sealed.Seal(sealed.Raw, sealed.Hash)
	whole := entry{Seq: 1, At: noon, Intent: sealed.prepared().canonical, Raw: sealed.Raw, Hash: sealed.Hash, end: sealed.signature()}
	if got, want := whole.encode(), encodedJSON(t, whole); whole.end == nil || !bytes.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	w := newWorld(t)
	for n, change := range []func(*Proposal){
		func(p *Proposal) { p.Raw = []byte("other") },
		func(p *Proposal) { p.Hash = "0x00" },
		func(p *Proposal) { *p = proposedWith(p.work, payment(9, "other", "1")) },
	} {
		p := proposed(payment(uint64(n), string(rune('a'+n)), "1"))
		p.Seal(p.Raw, p.Hash)
		change(&p)
		w.record(p)
		again := w.record(p)[0]
		if !bytes.Equal(again.Raw, p.Raw) || again.Hash != p.Hash {
			t.Errorf("change %d: journaled as %q, %q", n, again.Raw, again.Hash)
		}
		if err := w.db.View(func(tx *bolt.Tx) error {
			signed, err := signedFor(tx, PlaceOf(p.Intent, nil).number())
			if err != nil {
				return err
			}
			f, ok := find(tx, p.Digest, signed)
			i, err := f.intent(tx)
			if !ok || i.Digest() != p.Digest {
				t.Errorf("change %d: journaled with intent %+v", n, i)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
}

// proposedWith is a proposal that holds what was worked out of another one.
func proposedWith(w *prepared, i signing.Intent) Proposal {
	p := proposed(i)
	p.work = w
	return p
}
