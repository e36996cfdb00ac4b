// Package seed is the backend whose keys all come from one seed, that of the vault's words (derive).
package seed

import (
	"crypto/ed25519"
	"fmt"
	"sync"

	"github.com/btcsuite/btcd/btcec/v2"

	"coffer.internal/internal/signer/btctx"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/evmtx"
	"coffer.internal/internal/signer/keys"
	"coffer.internal/internal/signer/soltx"
	"coffer.internal/signing"
)

// Keys derives keys, and keeps those that signed: deriving one takes longer than signing with it.
type Keys struct {
	seed []byte

	mu     sync.Mutex
	closed bool
	byPath map[place]privateKey
}

var _ keys.Backend = (*Keys)(nil)

// New makes the keys of a seed, which stays the caller's: it is not copied, not changed, and not read after Close.
func New(seed []byte) *Keys { return &Keys{seed: seed, byPath: map[place]privateKey{}} }

// place is where a key lies: paths of two chain types could be one.
type place struct{ chainType, path string }

// Address derives the address at a path.
func (k *Keys) Address(chainType string, chainID int64, path string) (string, error) {
	if k.isClosed() {
		return "", keys.Closed()
	}
	return derive.Address(k.seed, chainType, chainID, path)
}

// Sign signs an intent with the key at path. It is deterministic (RFC 6979; Ed25519 is by itself).
func (k *Keys) Sign(i signing.Intent, path string) (raw []byte, hash string, err error) {
	private, err := k.get(i.ChainType, path)
	if err != nil {
		return nil, "", err
	}
	return private.sign(i)
}

// get is the key of a chain type at path.
func (k *Keys) get(chainType, path string) (privateKey, error) {
	at := place{chainType, path}
	k.mu.Lock()
	private, closed := k.byPath[at], k.closed
	k.mu.Unlock()
	switch {
	case closed:
		return nil, keys.Closed()
	case private != nil:
		return private, nil
	}
	private, err := k.derive(chainType, path)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if first := k.byPath[at]; first != nil {
		private.wipe()
		return first, nil
	}
	k.byPath[at] = private
	return private, nil
}

// Close zeroes every key that was derived, and reads the seed no more. Zeroing that is its owner's.
func (k *Keys) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, private := range k.byPath {
		private.wipe()
	}
	k.closed, k.byPath = true, nil
}

func (k *Keys) isClosed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.closed
}

func (k *Keys) derive(chainType, path string) (privateKey, error) {
	switch chainType {
	case derive.EVM:
		private, err := derive.Secp256k1(k.seed, path)
		if err != nil {
			return nil, err
		}
		return evmKey{evmtx.NewKey(private)}, nil
	case derive.BTC:
		private, err := derive.Btcec(k.seed, path)
		return btcKey{private}, err
	case derive.Solana:
		private, err := derive.Ed25519(k.seed, path)
		return solanaKey{private}, err
	}
	return nil, fmt.Errorf("no key of chain type %q signs", chainType)
}

// privateKey is a key with the one kind of transaction that it signs.
type privateKey interface {
	sign(signing.Intent) (raw []byte, hash string, err error)
	wipe()
}

type evmKey struct{ evmtx.Key }

func (k evmKey) sign(i signing.Intent) ([]byte, string, error) { return k.Key.Sign(i) }

func (k evmKey) wipe() {
	clear(k.D.Bits()) // the memory itself: the key is of no use afterwards
}

type btcKey struct{ *btcec.PrivateKey }

func (k btcKey) sign(i signing.Intent) ([]byte, string, error) { return btctx.Sign(i, k.PrivateKey) }

func (k btcKey) wipe() { k.Zero() }

type solanaKey struct{ ed25519.PrivateKey }

func (k solanaKey) sign(i signing.Intent) ([]byte, string, error) { return soltx.Sign(i, k.PrivateKey) }

func (k solanaKey) wipe() { clear(k.PrivateKey) }
