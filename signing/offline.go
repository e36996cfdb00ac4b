package signing

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// OfflineVersion is the version of the two files by which a signing machine without network is asked and answers.
const OfflineVersion = 1

const (
	// MaxOfflineFile is the length of the longest such file that is read, in bytes.
	MaxOfflineFile = 32 << 20
	// MaxOfflineRequests is how many requests one has at most.
	MaxOfflineRequests = 1000
)

// OfflineRequests is a file of requests for a machine that no network reaches: `coffer tx export` writes it, `coffer-signer sign` reads
// it. It holds nothing secret, and needs no protection of its own: the machine asks its policy whether what stands in it may be paid.
type OfflineRequests struct {
	Version  int              `json:"version"`
	Device   string           `json:"device"` // the machine that is asked
	Ledger   string           `json:"ledger"` // who asks
	Held     uint64           `json:"held"`   // the highest receipt that the ledger holds of that machine; 0: none
	Requests []OfflineRequest `json:"requests"`
}

// OfflineRequest is one intent, in its canonical encoding, with the tokens of its authorizations.
type OfflineRequest struct {
	Intent         json.RawMessage `json:"intent"`
	Authorizations []string        `json:"authorizations,omitempty"`
}

// OfflineAnswers is the file with which the machine answers: `coffer tx import` reads it. The identity key signs the whole of it, so that
// what was altered on the way is noticed before anything of it is used.
type OfflineAnswers struct {
	Version   int             `json:"version"`
	Device    string          `json:"device"`
	Ledger    string          `json:"ledger"`
	Identity  []byte          `json:"identity"` // the machine's identity key, whose fingerprint is Device; base64
	Answers   []OfflineAnswer `json:"answers"`
	Signature []byte          `json:"signature"` // Ed25519, over offlineStatement; base64
}

// OfflineAnswer is a signature or a refusal, with the intent that it is about.
type OfflineAnswer struct {
	Intent  json.RawMessage `json:"intent"`
	Raw     []byte          `json:"raw,omitempty"` // base64
	Hash    string          `json:"hash,omitempty"`
	Refusal *Refusal        `json:"refusal,omitempty"`
	Receipt Receipt         `json:"receipt"`
}

const offlinePrefix = "coffer-offline-answers-1"

// Encode writes a file of requests. The same requests are the same bytes.
func (o OfflineRequests) Encode() []byte { return encodeFile(o) }

// Batch is what the file asks for.
func (o OfflineRequests) Batch() (Batch, error) {
	b := Batch{Held: Held{Ledger: o.Ledger, Device: o.Device, Seq: o.Held}, Requests: make([]Request, len(o.Requests))}
	seen := map[Digest]bool{}
	for n, r := range o.Requests {
		i, err := intentOfFile(r.Intent, o.Ledger)
		if err != nil {
			return Batch{}, fmt.Errorf("request %d: %w", n+1, err)
		}
		if seen[i.Digest()] {
			return Batch{}, fmt.Errorf("request %d is there twice", n+1)
		}
		seen[i.Digest()] = true
		b.Requests[n] = Request{Intent: i, Authorizations: r.Authorizations}
	}
	return b, nil
}

func intentOfFile(canonical []byte, ledger string) (Intent, error) {
	i, err := Parse(canonical)
	if err == nil && i.Ledger != ledger {
		err = fmt.Errorf("it is of ledger %q, the file of %q", i.Ledger, ledger)
	}
	return i, err
}

// ReadOfflineRequests reads a file of requests. It is strict: what is not exactly as Encode writes it is refused whole.
func ReadOfflineRequests(b []byte) (OfflineRequests, error) {
	var o OfflineRequests
	if err := decodeFile(b, &o); err != nil {
		return OfflineRequests{}, fmt.Errorf("read requests: %w", err)
	}
	switch n := len(o.Requests); {
	case o.Version != OfflineVersion:
		return OfflineRequests{}, fmt.Errorf("read requests: version %d; this program reads version %d", o.Version, OfflineVersion)
	case o.Device == "" || o.Ledger == "":
		return OfflineRequests{}, errors.New("read requests: it names no device, or no ledger")
	case n == 0 || n > MaxOfflineRequests:
		return OfflineRequests{}, fmt.Errorf("read requests: it has %d requests, not 1 to %d", n, MaxOfflineRequests)
	case !bytes.Equal(o.Encode(), b):
		return OfflineRequests{}, errors.New("read requests: it is not as it was written")
	}
	if _, err := o.Batch(); err != nil {
		return OfflineRequests{}, fmt.Errorf("read requests: %w", err)
	}
	return o, nil
}

// OfflineAnswersTo puts the machine's answers to a batch together, signed with its identity key.
func OfflineAnswersTo(b Batch, answers []Answer, identity ed25519.PrivateKey) OfflineAnswers {
	public := identity.Public().(ed25519.PublicKey)
	o := OfflineAnswers{Version: OfflineVersion, Device: Fingerprint(public), Ledger: b.Held.Ledger, Identity: public, Answers: make([]OfflineAnswer, len(answers))}
	for n, a := range answers {
		o.Answers[n] = OfflineAnswer{Intent: b.Requests[n].Intent.Canonical(), Raw: a.Raw, Hash: a.Hash, Refusal: a.Refusal, Receipt: a.Receipt}
	}
	o.Signature = ed25519.Sign(identity, o.statement())
	return o
}

// Encode writes a file of answers.
func (o OfflineAnswers) Encode() []byte { return encodeFile(o) }

// statement is what the identity key signs: device, ledger, and SHA-256 of the file without its signature.
func (o OfflineAnswers) statement() []byte {
	o.Signature = nil
	sum := sha256.Sum256(encodeFile(o))
	return encodeStatement(offlinePrefix, o.Device, o.Ledger, string(sum[:]))
}

// ReadOfflineAnswers reads a file of answers, and verifies that its signature is that of its device. Whether that is the right device,
// and whether the answers fit what was asked for, is for its reader to say.
func ReadOfflineAnswers(b []byte) (OfflineAnswers, error) {
	var o OfflineAnswers
	if err := decodeFile(b, &o); err != nil {
		return OfflineAnswers{}, fmt.Errorf("read answers: %w", err)
	}
	switch n := len(o.Answers); {
	case o.Version != OfflineVersion:
		return OfflineAnswers{}, fmt.Errorf("read answers: version %d; this program reads version %d", o.Version, OfflineVersion)
	case n == 0 || n > MaxOfflineRequests:
		return OfflineAnswers{}, fmt.Errorf("read answers: it has %d answers, not 1 to %d", n, MaxOfflineRequests)
	case len(o.Identity) != ed25519.PublicKeySize || Fingerprint(o.Identity) != o.Device:
		return OfflineAnswers{}, errors.New("read answers: its identity key is not that of its device")
	case !ed25519.Verify(o.Identity, o.statement(), o.Signature):
		return OfflineAnswers{}, errors.New("read answers: it is not signed by its device, or was altered since")
	}
	return o, nil
}

// Answered is an answer of a file with its intent.
type Answered struct {
	Intent Intent
	Answer Answer
}

// Each gives the answers with their intents. A receipt that is not the device's for that answer is an error; the bytes are not looked at.
func (o OfflineAnswers) Each() ([]Answered, error) {
	all := make([]Answered, len(o.Answers))
	for n, a := range o.Answers {
		i, err := intentOfFile(a.Intent, o.Ledger)
		if err != nil {
			return nil, fmt.Errorf("answer %d: %w", n+1, err)
		}
		if (a.Refusal == nil) == (len(a.Raw) == 0 || a.Hash == "") || a.Refusal != nil && (len(a.Raw) > 0 || a.Hash != "" || a.Refusal.Code == "") {
			return nil, fmt.Errorf("answer %d is neither a signature nor a refusal", n+1)
		}
		all[n] = Answered{i, Answer{Digest: i.Digest(), Raw: a.Raw, Hash: a.Hash, Refusal: a.Refusal, Receipt: a.Receipt}}
		if err := VerifyReceipt(o.Identity, o.Ledger, all[n].Answer); err != nil {
			return nil, fmt.Errorf("answer %d: %w", n+1, err)
		}
	}
	return all, nil
}

// encodeFile writes JSON that leaves intents in their canonical encoding.
func encodeFile(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("signing: a file holds only strings, integers and bytes: " + err.Error())
	}
	return b.Bytes()
}

func decodeFile(b []byte, v any) error {
	if len(b) > MaxOfflineFile {
		return fmt.Errorf("it has %d bytes; at most %d", len(b), MaxOfflineFile)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("it ends too early: it was cut off")
		}
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind its end")
	}
	return nil
}
