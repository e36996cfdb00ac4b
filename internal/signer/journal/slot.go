package journal

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

// Place is where a signed intent stands: the account's number, and on some chains what else can be used up only once. It is what
// a payment id is bound to.
type Place struct {
	ChainType string   `json:"chain_type"`
	ChainID   int64    `json:"chain_id"`
	Address   string   `json:"address"`
	Nonce     uint64   `json:"nonce"`
	Attempt   uint32   `json:"attempt,omitempty"` // Solana
	Inputs    []string `json:"inputs,omitempty"`  // what the number is not: outpoints on Bitcoin, the message on Solana; in order of their text
}

// PlaceOf is the place of an intent that uses up these inputs.
func PlaceOf(i signing.Intent, inputs []string) Place {
	p := Place{ChainType: i.ChainType, ChainID: i.ChainID, Address: i.From, Nonce: i.Nonce, Inputs: slices.Sorted(slices.Values(inputs))}
	if i.Solana != nil {
		p.Attempt = i.Solana.Attempt
	}
	return p
}

func (p Place) equal(q Place) bool {
	return p.ChainType == q.ChainType && p.ChainID == q.ChainID && p.Address == q.Address && p.Nonce == q.Nonce &&
		p.Attempt == q.Attempt && slices.Equal(p.Inputs, q.Inputs)
}

// String names the number, and the first few inputs: it stands in refusals.
func (p Place) String() string {
	const few = 3
	s := p.number().name()
	for n, in := range p.Inputs {
		if n == few {
			return fmt.Sprintf("%s and %d more", s, len(p.Inputs)-few)
		}
		s += ", " + p.input(in).name()
	}
	return s
}

// Slot is one thing that a signature uses up: the number of an account, an attempt at it, an outpoint, a message. It belongs to the
// first payload that is signed for it; only an account's nonce on EVM takes further ones (see further).
type Slot struct {
	place Place
	input string // empty: it is the place's number
	code  string // of the refusal that finds it bound
	key   []byte
}

// slots are all that an intent at this place uses up.
func (p Place) slots() []Slot {
	all := []Slot{p.number()}
	for _, in := range p.Inputs {
		all = append(all, p.input(in))
	}
	return all
}

// input is one on all networks: who calls the network by another name gets no second signature for it.
func (p Place) input(in string) Slot {
	if p.ChainType == derive.Solana {
		return Slot{place: p, input: in, code: "message_bound", key: key(p.ChainType, "message", in)}
	}
	return Slot{place: p, input: in, code: "input_bound", key: key(p.ChainType, "input", in)}
}

// number is the account's: the numbers of one account stand in order, the attempts at one beside each other.
func (p Place) number() Slot {
	s := Slot{
		place: p, code: "nonce_bound", key: binary.BigEndian.AppendUint64(key(p.ChainType, strconv.FormatInt(p.ChainID, 10), p.Address), p.Nonce),
	}
	if p.Attempt > 0 {
		s.key = binary.BigEndian.AppendUint32(s.key, p.Attempt)
	}
	return s
}

// name is for people.
func (s Slot) name() string {
	switch p := s.place; {
	case s.input != "" && p.ChainType == derive.Solana:
		return "the message with SHA-256 " + s.input
	case s.input != "":
		return "input " + s.input
	case p.Attempt > 0:
		return fmt.Sprintf("attempt %d at nonce %d of %s on %s %d", p.Attempt, p.Nonce, p.Address, p.ChainType, p.ChainID)
	default:
		return fmt.Sprintf("nonce %d of %s on %s %d", p.Nonce, p.Address, p.ChainType, p.ChainID)
	}
}
