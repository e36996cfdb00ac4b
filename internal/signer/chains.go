package signer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"coffer.internal/internal/signer/btctx"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/evmtx"
	"coffer.internal/internal/signer/frame"
	"coffer.internal/internal/signer/soltx"
	"coffer.internal/signing"
)

// chain is how the intents of one chain type are checked and signed.
type chain struct {
	check  func(signing.Intent) *signing.Refusal
	inputs func(signing.Intent) []string // what it uses up beside its number; nil: nothing
	derive func(seed []byte, path string) (privateKey, error)
}

// privateKey is a key with the one kind of transaction that it signs.
type privateKey interface {
	sign(signing.Intent) (raw []byte, hash string, err error)
	wipe()
}

var chains = map[string]chain{
	derive.EVM: {evmtx.Check, nil, func(seed []byte, path string) (privateKey, error) {
		k, err := derive.Secp256k1(seed, path)
		return evmKey{k}, err
	}},
	derive.BTC: {btctx.Check, btctx.Inputs, func(seed []byte, path string) (privateKey, error) {
		k, err := derive.Btcec(seed, path)
		return btcKey{k}, err
	}},
	derive.Solana: {soltx.Check, soltx.Inputs, func(seed []byte, path string) (privateKey, error) {
		k, err := derive.Ed25519(seed, path)
		return solanaKey{k}, err
	}},
}

// check says why an intent can never be signed, or nil, and which inputs it uses up.
func check(i signing.Intent) (inputs []string, r *signing.Refusal) {
	c, ok := chains[i.ChainType]
	if !ok {
		return nil, frame.Malformed(fmt.Sprintf("chain type %q is not signed by this version", i.ChainType))
	}
	if r := c.check(i); r != nil || c.inputs == nil {
		return nil, r
	}
	return c.inputs(i), nil
}

type evmKey struct{ *ecdsa.PrivateKey }

func (k evmKey) sign(i signing.Intent) ([]byte, string, error) { return evmtx.Sign(i, k.PrivateKey) }

func (k evmKey) wipe() {
	clear(k.D.Bits()) // the memory itself: the key is of no use afterwards
}

type btcKey struct{ *btcec.PrivateKey }

func (k btcKey) sign(i signing.Intent) ([]byte, string, error) { return btctx.Sign(i, k.PrivateKey) }

func (k btcKey) wipe() { k.Zero() }

type solanaKey struct{ ed25519.PrivateKey }

func (k solanaKey) sign(i signing.Intent) ([]byte, string, error) { return soltx.Sign(i, k.PrivateKey) }

func (k solanaKey) wipe() { clear(k.PrivateKey) }
