// Package signertest is a whole signing machine in this process, which answers on a socket: for tests and measurements. What is made with
// it is sealed by a passphrase that everybody knows.
package signertest

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/signing"
)

// Passphrase seals every home that is made here.
const Passphrase = "everybody knows"

// MakeHome makes the home of a machine whose passphrase costs little to try. Nothing may be there.
func MakeHome(home string) error {
	if err := journal.Create(home); err != nil {
		return err
	}
	_, err := vault.Create(home, nil, []byte(Passphrase), vault.Options{WorkFactor: 2})
	return err
}

// Options are how a machine is served.
type Options struct {
	Policy *policy.Policy   // it is not pinned: no file of it is needed. nil: nothing is signed
	Pinned bool             // under the policy that was installed in its home, instead: coffer-signer serve knows no other
	Now    func() time.Time // the journal's clock; nil: time.Now
	Rates  signer.Rates     // zero: those of a machine that was told nothing else
	Verify func(signing.Intent, []byte) (hash string, err error)
}

// Served is a machine that answers.
type Served struct {
	Home    string
	Vault   *vault.Vault
	Journal *journal.Journal
	Machine *signer.Machine
	Client  *client.Client // over its socket
	Stop    func() error   // ends it, once, when what is under way is answered; said again, the same
}

// Serve opens a home as `coffer-signer serve` does, and answers on a socket in it, until Stop.
func Serve(home string, o Options) (*Served, error) {
	v, err := vault.Open(home, []byte(Passphrase), vault.Options{})
	if err != nil {
		return nil, err
	}
	open := func() (*journal.Journal, error) {
		return journal.Open(home, v.Device(), journal.Options{Policy: o.Policy, Now: o.Now})
	}
	if o.Pinned {
		open = func() (*journal.Journal, error) { return signer.OpenJournal(home, v, journal.Options{Now: o.Now}) }
	}
	j, err := open()
	if err != nil {
		v.Close()
		return nil, err
	}
	s := &Served{Home: home, Vault: v, Journal: j, Machine: signer.New(v, j, "test")}
	socket := filepath.Join(home, "s")
	if s.Client, err = client.Dial("unix:"+socket, o.Verify); err != nil {
		return nil, errors.Join(err, s.Machine.Close())
	}
	l, err := signer.Socket{Path: socket, Mode: 0o600}.Listen()
	if err != nil {
		return nil, errors.Join(err, s.Machine.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	server := signer.NewServer(s.Machine, slog.New(slog.DiscardHandler), signer.ServerOptions{Rates: o.Rates})
	go func() { served <- server.Serve(ctx, l) }()
	s.Stop = sync.OnceValue(func() error {
		cancel()
		return errors.Join(<-served, s.Machine.Close())
	})
	return s, nil
}
