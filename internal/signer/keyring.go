package signer

import (
	"fmt"
	"sync"
)

// keyring keeps derived keys, because deriving one takes longer than signing with it.
type keyring struct {
	mu     sync.Mutex
	byPath map[place]privateKey
}

// place is where a key lies: paths of two chain types could be one.
type place struct{ chainType, path string }

// get is the key of a chain type at path.
func (r *keyring) get(seed []byte, chainType, path string) (privateKey, error) {
	at := place{chainType, path}
	r.mu.Lock()
	k := r.byPath[at]
	r.mu.Unlock()
	if k != nil {
		return k, nil
	}
	c, ok := chains[chainType]
	if !ok {
		return nil, fmt.Errorf("no key of chain type %q signs", chainType)
	}
	k, err := c.derive(seed, path)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if first := r.byPath[at]; first != nil {
		k.wipe()
		return first, nil
	}
	if r.byPath == nil {
		r.byPath = map[place]privateKey{}
	}
	r.byPath[at] = k
	return k, nil
}

// zero forgets every key. Nobody may be using one.
func (r *keyring) zero() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.byPath {
		k.wipe()
	}
	r.byPath = nil
}
