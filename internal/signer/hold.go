package signer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/vault"
)

// Hold takes a home for this process alone: two processes with the same keys would each keep half of the memory of what was
// signed. The kernel lets it go with the process, however that ends.
func Hold(dir string) (release func() error, err error) {
	if err := vault.CheckPrivate(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "serve.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("take %s: %w", dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fault.New(fault.Refused, "already_serving", "coffer-signer status", "another process serves %s", dir)
		}
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}
