package signer

import (
	"crypto/ecdsa"
	"sync"

	"coffer.internal/internal/signer/derive"
)

// keyring keeps derived keys, because deriving one takes longer than signing with it.
type keyring struct {
	mu     sync.Mutex
	byPath map[string]*ecdsa.PrivateKey
}

// get is the key at path.
func (r *keyring) get(seed []byte, path string) (*ecdsa.PrivateKey, error) {
	r.mu.Lock()
	k := r.byPath[path]
	r.mu.Unlock()
	if k != nil {
		return k, nil
	}
	k, err := derive.Secp256k1(seed, path)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if first := r.byPath[path]; first != nil {
		wipe(k)
		return first, nil
	}
	if r.byPath == nil {
		r.byPath = map[string]*ecdsa.PrivateKey{}
	}
	r.byPath[path] = k
	return k, nil
}

// zero forgets every key. Nobody may be using one.
func (r *keyring) zero() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.byPath {
		wipe(k)
	}
	r.byPath = nil
}

func wipe(k *ecdsa.PrivateKey) {
	clear(k.D.Bits()) //lint:ignore SA1019 it is the memory itself that is wanted, and the key is of no use afterwards
}
