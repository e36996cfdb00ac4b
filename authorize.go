package coffer

import (
	"context"
	"crypto/ed25519"
	"errors"
	"sync"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/keyfile"
	"coffer.internal/internal/storefault"
)

// serviceKey reads the service key when an authorization is to be signed for the first time, so that a daemon, which signs none, never
// has it. A file that is not there is no error: nothing is signed then, and it is looked for again.
func (s *System) serviceKey() func() (ed25519.PrivateKey, error) {
	var mu sync.Mutex
	var key ed25519.PrivateKey
	return func() (ed25519.PrivateKey, error) {
		mu.Lock()
		defer mu.Unlock()
		if key != nil || s.config.ServiceKey == "" {
			return key, nil
		}
		k, err := keyfile.Read(s.config.ServiceKey)
		if errors.Is(err, fault.NotFound) {
			return nil, nil
		}
		key = k
		return k, err
	}
}

// Ledger is the ledger's own id, which every authorization names.
func (s *System) Ledger(ctx context.Context) (string, error) {
	id, err := s.db.Ledger(ctx)
	return id, storefault.Of(err, "read the ledger's id")
}
