package signing

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func offlineRequests() OfflineRequests {
	i := Intent{Version: Version, Ledger: "l", Payment: "p-<1>", Purpose: PurposePayment, ChainType: "evm", ChainID: 1, From: "from", Nonce: 7,
		EVM: &EVMTransfer{To: "to", Amount: "1", GasLimit: 21000, GasPrice: "9"}}
	j := i
	j.Payment, j.Nonce = "q", 8
	return OfflineRequests{Version: OfflineVersion, Device: Fingerprint(keyOf(4).Public().(ed25519.PublicKey)), Ledger: "l", Held: 3,
		Requests: []OfflineRequest{{Intent: i.Canonical(), Authorizations: []string{"t"}}, {Intent: j.Canonical()}}}
}

func offlineAnswers(t *testing.T) OfflineAnswers {
	t.Helper()
	b, err := offlineRequests().Batch()
	if err != nil {
		t.Fatal(err)
	}
	key := keyOf(4)
	answers := make([]Answer, len(b.Requests))
	for n, r := range b.Requests {
		answers[n] = Answer{Digest: r.Intent.Digest(), Raw: []byte("raw"), Hash: "0xh"}
		if n == 1 {
			answers[n] = Answer{Digest: r.Intent.Digest(), Refusal: &Refusal{Kind: RefusedForNow, Code: "day_limit", Reason: "no"}}
		}
		device := Fingerprint(key.Public().(ed25519.PublicKey))
		answers[n].Receipt = Receipt{Seq: uint64(n + 1), Signature: ed25519.Sign(key, ReceiptStatement(device, "l", uint64(n+1), answers[n]))}
	}
	return OfflineAnswersTo(b, answers, key)
}

func TestRequestsForAnOfflineMachineAreReadAsTheyWereWritten(t *testing.T) {
	want := offlineRequests()
	got, err := ReadOfflineRequests(want.Encode())
	if err != nil || !cmp.Equal(got, want) {
		t.Fatalf("%+v, %v", got, err)
	}
	b, err := got.Batch()
	if err != nil || b.Held != (Held{Ledger: "l", Device: got.Device, Seq: 3}) || len(b.Requests) != 2 || b.Requests[0].Authorizations[0] != "t" {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestAFileOfRequestsThatIsNotAsItWasWrittenIsRefusedWhole(t *testing.T) {
	good := string(offlineRequests().Encode())
	twice, empty, foreign, nobody := offlineRequests(), offlineRequests(), offlineRequests(), offlineRequests()
	twice.Requests = append(twice.Requests, twice.Requests[0])
	empty.Requests = nil
	foreign.Ledger = "m"
	nobody.Device = ""
	for name, bad := range map[string]string{
		"nothing": "", "cut off": good[:len(good)/2], "another version": strings.Replace(good, `"version":1`, `"version":2`, 1),
		"an unknown field": strings.Replace(good, `"held"`, `"hold"`, 1), "something behind it": good + "{}", "spaces": " " + good,
		"an intent in another encoding": strings.Replace(good, `"purpose":"payment"`, `"purpose": "payment"`, 1),
		"a request twice":               string(twice.Encode()), "no request": string(empty.Encode()), "an intent of another ledger": string(foreign.Encode()),
		"no device": string(nobody.Encode()), "a file of answers": string(offlineAnswers(t).Encode()),
	} {
		if got, err := ReadOfflineRequests([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestAnswersOfAnOfflineMachineAreReadAsTheyWereWritten(t *testing.T) {
	want := offlineAnswers(t)
	got, err := ReadOfflineAnswers(want.Encode())
	if err != nil || !cmp.Equal(got, want) {
		t.Fatalf("%+v, %v", got, err)
	}
	each, err := got.Each()
	if err != nil || len(each) != 2 || each[0].Answer.Hash != "0xh" || each[1].Answer.Refusal.Code != "day_limit" || each[1].Intent.Payment != "q" {
		t.Errorf("%+v, %v", each, err)
	}
}

// The signature covers all of it: who takes one answer out, or one of another file in, is found out.
func TestAnAlteredFileOfAnswersIsRefusedWhole(t *testing.T) {
	good := offlineAnswers(t)
	for name, change := range map[string]func(*OfflineAnswers){
		"an answer taken out":  func(o *OfflineAnswers) { o.Answers = o.Answers[:1] },
		"answers reordered":    func(o *OfflineAnswers) { o.Answers[0], o.Answers[1] = o.Answers[1], o.Answers[0] },
		"other bytes":          func(o *OfflineAnswers) { o.Answers[0].Raw = []byte("war") },
		"another hash":         func(o *OfflineAnswers) { o.Answers[0].Hash = "0xg" },
		"another refusal":      func(o *OfflineAnswers) { o.Answers[1].Refusal.Kind = RefusedForGood },
		"another ledger":       func(o *OfflineAnswers) { o.Ledger = "m" },
		"another device":       func(o *OfflineAnswers) { o.Device = "SHA256:x" },
		"another identity key": func(o *OfflineAnswers) { o.Identity = keyOf(5).Public().(ed25519.PublicKey) },
		"another signature":    func(o *OfflineAnswers) { o.Signature = bytes.Repeat([]byte{1}, 64) },
		"no signature":         func(o *OfflineAnswers) { o.Signature = nil },
	} {
		o, err := ReadOfflineAnswers(good.Encode())
		if err != nil {
			t.Fatal(err)
		}
		change(&o)
		if got, err := ReadOfflineAnswers(o.Encode()); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, bad := range map[string][]byte{"cut off": good.Encode()[:300], "two of them": append(good.Encode(), good.Encode()...), "requests": offlineRequests().Encode()} {
		if got, err := ReadOfflineAnswers(bad); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A machine that is broken, or somebody with its identity key alone, may sign any file: each answer must have its own receipt.
func TestAnAnswerWithoutItsReceiptIsNone(t *testing.T) {
	for name, change := range map[string]func(*OfflineAnswers){
		"the receipt of another":  func(o *OfflineAnswers) { o.Answers[0].Receipt = o.Answers[1].Receipt },
		"no receipt":              func(o *OfflineAnswers) { o.Answers[0].Receipt = Receipt{} },
		"neither bytes nor no":    func(o *OfflineAnswers) { o.Answers[0].Raw, o.Answers[0].Hash = nil, "" },
		"bytes without a hash":    func(o *OfflineAnswers) { o.Answers[0].Hash = "" },
		"both":                    func(o *OfflineAnswers) { o.Answers[1].Raw, o.Answers[1].Hash = []byte("raw"), "0xh" },
		"another ledger's intent": func(o *OfflineAnswers) { o.Ledger = "m" },
	} {
		o := offlineAnswers(t)
		change(&o)
		o.Signature = ed25519.Sign(keyOf(4), o.statement())
		if o, err := ReadOfflineAnswers(o.Encode()); err != nil {
			t.Errorf("%s: the file itself is good: %v", name, err)
		} else if each, err := o.Each(); err == nil {
			t.Errorf("%s: %+v", name, each)
		}
	}
}

func FuzzReadOfflineRequests(f *testing.F) {
	f.Add(offlineRequests().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, err := ReadOfflineRequests(b); err == nil && !bytes.Equal(o.Encode(), b) {
			t.Errorf("read as something else: %q", b)
		}
		_, _ = ReadOfflineAnswers(b)
	})
}
