package journal

import (
	"bytes"
	"encoding/base64"
	"strconv"

	"coffer.internal/internal/signer/policy"
	"coffer.internal/signing"
)

// prepared is what is worked out of a proposal once, before the journal's lock is held: under it, all callers wait for each other. None
// of it depends on what is journaled.
type prepared struct {
	digest    signing.Digest // of the intent that it is about
	canonical []byte
	place     Place
	slots     []Slot
	payment   []byte // the key of its payment id; nil: it has none
	mark      []byte // the key of its account's mark
	judged    *policy.Case

	sealed []byte // the end of its entry, if its signature is this one
	raw    []byte
	hash   string
}

// Propose makes a proposal of an intent that was checked: malformed is nil if it can be signed at all, inputs are what it uses up beside
// its number.
func Propose(i signing.Intent, inputs []string, malformed *signing.Refusal, tokens []string) Proposal {
	w := prepare(i, inputs, i.Canonical())
	w.digest = signing.DigestOf(w.canonical)
	return Proposal{Intent: i, Digest: w.digest, Inputs: inputs, Malformed: malformed, Tokens: tokens, work: w}
}

func prepare(i signing.Intent, inputs []string, canonical []byte) *prepared {
	w := &prepared{canonical: canonical, place: PlaceOf(i, inputs), mark: markKey(i.ChainType, i.ChainID, i.From)}
	w.slots = w.place.slots()
	if i.Payment != "" {
		w.payment = key(i.Ledger, i.Payment)
	}
	return w
}

// prepared is what is worked out of the proposal. It is worked out again if the proposal is another one by now.
func (p *Proposal) prepared() *prepared {
	if p.work == nil || p.work.digest != p.Digest {
		p.work = prepare(p.Intent, p.Inputs, p.Intent.Canonical())
		p.work.digest = p.Digest
	}
	return p.work
}

// policyCase is what the policy makes of the proposal whatever the time is and whatever is signed already.
func (p *Proposal) policyCase(of *policy.Policy) *policy.Case {
	w := p.prepared()
	if w.judged == nil || !p.Read {
		w.judged = of.Case(policy.Matter{Intent: p.Intent, Account: p.Account, Authorizations: p.Authorizations, Unreadable: p.Unreadable})
	}
	return w.judged
}

// Seal gives the proposal its signature: the whole signed transaction, and its hash in the chain's notation.
func (p *Proposal) Seal(raw []byte, hash string) {
	p.Raw, p.Hash = raw, hash
	if w := p.prepared(); plain(hash) {
		w.raw, w.hash, w.sealed = raw, hash, appendSignature(nil, w.canonical, raw, hash)
	}
}

// signature is the end of the proposal's entry when it is signed as it stands; nil: it is not written that way.
func (p *Proposal) signature() []byte {
	w := p.prepared()
	if w.sealed == nil || w.hash != p.Hash || !bytes.Equal(w.raw, p.Raw) {
		return nil
	}
	return w.sealed
}

// appendSignature appends what encoding/json makes of the fields of a usual signature, from the intent on.
func appendSignature(b, intent, raw []byte, hash string) []byte {
	if b == nil {
		b = make([]byte, 0, len(intent)+base64.StdEncoding.EncodedLen(len(raw))+len(hash)+64)
	}
	b = append(append(b, `,"intent":`...), intent...)
	b = base64.StdEncoding.AppendEncode(append(b, `,"raw":"`...), raw)
	b = append(append(b, `","hash":"`...), hash...)
	return append(b, "\"}\n"...)
}

// encode is what encoding/json makes of where a payment on EVM is bound to, in a fraction of the time; nil: it is left to encoding/json.
func (p paid) encode() []byte {
	if p.Attempt != 0 || len(p.Inputs) > 0 || p.Bound == nil || !plain(p.ChainType) || !plain(p.Address) || p.Bound.MaxFee != "" && !plain(p.Bound.MaxFee) {
		return nil
	}
	b := append(append(make([]byte, 0, 320), `{"chain_type":"`...), p.ChainType...)
	b = strconv.AppendInt(append(b, `","chain_id":`...), p.ChainID, 10)
	b = append(append(b, `,"address":"`...), p.Address...)
	b = strconv.AppendUint(append(b, `","nonce":`...), p.Nonce, 10)
	b = append(b, `,"bound":{`...)
	if p.Bound.MaxFee != "" {
		b = append(append(append(b, `"max_fee":"`...), p.Bound.MaxFee...), `",`...)
	}
	if len(p.Bound.Keys) > 0 {
		b = append(b, `"keys":[`...)
		for _, k := range p.Bound.Keys {
			if !plain(k) {
				return nil
			}
			b = append(append(append(b, '"'), k...), `",`...)
		}
		b = append(bytes.TrimSuffix(b, []byte(",")), `],`...)
	}
	return append(bytes.TrimSuffix(b, []byte(",")), "}}\n"...)
}
