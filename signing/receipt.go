package signing

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// receiptPrefix begins what is signed in a receipt of this version.
const receiptPrefix = "coffer-receipt-1"

// Receipt is the number of a journaled answer among all that one machine gave to one ledger, from 1 and without holes, and the identity
// key's signature over number and answer. Whoever keeps the receipts can tell a machine that went back, and a ledger that did.
type Receipt struct {
	Seq       uint64 `json:"seq"`
	Signature []byte `json:"signature"` // Ed25519, over ReceiptStatement; base64 in JSON
}

// Held is the highest receipt that somebody holds of a ledger. A machine that never gave it knows that it went back, and freezes.
type Held struct {
	Ledger string `json:"ledger"`
	Device string `json:"device,omitempty"` // the machine that is meant; another one does not answer
	Seq    uint64 `json:"seq"`              // 0: none
}

// ReceiptStatement is what a receipt's signature is over: device, ledger, number, the intent's digest, and SHA-256 of the answer.
func ReceiptStatement(device, ledger string, seq uint64, a Answer) []byte {
	outcome := a.outcome()
	return encodeStatement(receiptPrefix, device, ledger, number64(seq), string(a.Digest[:]), string(outcome[:]))
}

// outcome is SHA-256 of the signed bytes, or of the refusal as JSON.
func (a Answer) outcome() [32]byte {
	if a.Refusal == nil {
		return sha256.Sum256(a.Raw)
	}
	b, err := json.Marshal(a.Refusal)
	if err != nil {
		panic("signing: a refusal holds only strings: " + err.Error())
	}
	return sha256.Sum256(b)
}

// VerifyReceipt says why an answer's receipt is not one that the machine with this identity key gave for the ledger, or nil.
func VerifyReceipt(identity ed25519.PublicKey, ledger string, a Answer) error {
	switch {
	case len(identity) != ed25519.PublicKeySize:
		return fmt.Errorf("verify a receipt: no identity key is known")
	case a.Receipt.Seq == 0:
		return fmt.Errorf("verify a receipt: the answer to %s has none", a.Digest)
	case !ed25519.Verify(identity, ReceiptStatement(Fingerprint(identity), ledger, a.Receipt.Seq, a), a.Receipt.Signature):
		return fmt.Errorf("verify a receipt: that of the answer to %s is not signed by %s", a.Digest, Fingerprint(identity))
	}
	return nil
}

// Fingerprint names an Ed25519 key as that of an SSH key is written: "SHA256:" and base64 without padding. `device` in coffer's
// registry is that of a machine's identity key.
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}
