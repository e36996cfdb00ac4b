// Package signer is the signing machine (签名机): it alone holds keys, and trusts nobody who asks.
//
// It takes whole intents, never a hash; builds each transaction by itself; decides by the rules of its journal; and journals
// intent and signature before it answers. The same intent gets the same answer, for ever.
package signer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"coffer.internal/internal/allcpus"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/keys"
	"coffer.internal/internal/signer/keys/seed"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// Machine signs with the keys of one vault, by the rules of one journal.
type Machine struct {
	journal *journal.Journal
	device  string
	public  ed25519.PublicKey // the identity key
	version string

	locked atomic.Bool                    // Lock was called: what is under way ends without an answer
	halted atomic.Pointer[journal.Freeze] // Freeze was called, and is not written down yet
	alarm  alarm
	using  sync.RWMutex  // held to read while keys are in use, to write while they are zeroed
	turns  chan struct{} // holds one token for each batch that is being prepared
	vault  *vault.Vault
	keys   keys.Backend
}

var (
	_ signing.Machine  = (*Machine)(nil)
	_ signing.Releases = (*Machine)(nil)
	_ signing.Journal  = (*Machine)(nil)
	_ signing.KeyList  = (*Machine)(nil)
)

// New puts a machine together whose keys come from the vault's words. Vault and journal are the machine's from now on: Close ends both.
func New(v *vault.Vault, j *journal.Journal, version string) *Machine {
	return NewWithKeys(v, seed.New(v.Seed()), j, version)
}

// NewWithKeys puts a machine together whose keys are elsewhere: the vault gives it only its identity. All three are the machine's from
// now on.
func NewWithKeys(v *vault.Vault, k keys.Backend, j *journal.Journal, version string) *Machine {
	public := bytes.Clone(v.Identity().Public().(ed25519.PublicKey)) // the vault zeroes its own
	return &Machine{journal: j, device: v.Device(), public: public, version: version, vault: v, keys: k, turns: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// Sign answers every request, in order, or none. Signing itself is done on all CPUs and before the journal is written, so a
// signature may be made and thrown away, but none leaves that is not journaled.
func (m *Machine) Sign(ctx context.Context, b signing.Batch) ([]signing.Answer, error) {
	m.using.RLock()
	defer m.using.RUnlock()
	answers, err := m.sign(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", signing.ErrNoAnswer, err)
	}
	return answers, nil
}

func (m *Machine) sign(ctx context.Context, b signing.Batch) ([]signing.Answer, error) {
	if err := m.stopped(); err != nil {
		return nil, err
	}
	if err := m.notBehind(ctx, b.Held); err != nil {
		return nil, err
	}
	ps := make([]journal.Proposal, len(b.Requests))
	allcpus.Do(len(ps), func(i int) {
		r := b.Requests[i]
		inputs, malformed := check(r.Intent)
		ps[i] = journal.Propose(r.Intent, inputs, malformed, r.Authorizations)
	})
	if err := m.journal.Look(ps); err != nil {
		return nil, err
	}
	answers, err := m.record(ctx, ps)
	if err != nil {
		return nil, err
	}
	if err := m.watch(ctx, answers); err != nil {
		return nil, err
	}
	m.signReceipts(b.Requests, answers)
	return answers, nil
}

// record signs what is worth it, and has the journal decide. What turns out to be worth it only there (a limit got free, a former intent
// of the same batch was signed) is signed after that, with all that is left.
func (m *Machine) record(ctx context.Context, ps []journal.Proposal) (answers []signing.Answer, err error) {
	for _, worth := range []func(*journal.Proposal) bool{m.worth, (*journal.Proposal).CanBeSigned} {
		if err := m.prepare(ctx, ps[len(answers):], worth); err != nil {
			return nil, err
		}
		if err := m.stopped(); err != nil {
			return nil, err
		}
		some, err := m.journal.Record(ctx, ps[len(answers):])
		if err != nil {
			return nil, err
		}
		if answers = append(answers, some...); len(answers) == len(ps) {
			return answers, nil
		}
	}
	return nil, fmt.Errorf("intent %s is to be signed, and its key does not", ps[len(answers)].Digest)
}

func (m *Machine) worth(p *journal.Proposal) bool { return p.Wanted && m.journal.Permits(p) }

// prepare verifies the authorizations of proposals, and makes the signatures that are worth it, on all CPUs. As many batches as there are
// CPUs are prepared at a time: if all were, all would be ready at the same time, and the CPUs would be idle while the journal is written.
func (m *Machine) prepare(ctx context.Context, ps []journal.Proposal, worth func(*journal.Proposal) bool) error {
	select {
	case m.turns <- struct{}{}:
		defer func() { <-m.turns }()
	case <-ctx.Done():
		return ctx.Err()
	}
	errs := make([]error, len(ps))
	allcpus.Do(len(ps), func(i int) {
		p := &ps[i]
		if errs[i] = ctx.Err(); errs[i] != nil || p.Answered || !p.CanBeSigned() {
			return
		}
		readTokens(p)
		if p.Raw != nil || !worth(p) {
			return
		}
		raw, hash, err := m.keys.Sign(p.Intent, p.Path)
		if errs[i] = err; err == nil {
			p.Seal(raw, hash)
		}
	})
	return errors.Join(errs...)
}

// readTokens verifies the authorizations of a proposal, unless that was done.
func readTokens(p *journal.Proposal) {
	if p.Read {
		return
	}
	p.Read = true
	for _, t := range p.Tokens {
		a, err := signing.ParseAuthorization(t)
		if err != nil {
			p.Unreadable = err.Error()
			return
		}
		p.Authorizations = append(p.Authorizations, a)
	}
}

// NewKey makes a key bound to the ledger, or finds the one made for the same ref.
func (m *Machine) NewKey(ctx context.Context, r signing.KeyRequest) (signing.Key, error) {
	m.using.RLock()
	defer m.using.RUnlock()
	if err := m.stopped(); err != nil {
		return signing.Key{}, err
	}
	k, err := m.journal.NewKey(ctx, r, func(path string) (string, error) {
		return m.keys.Address(r.ChainType, r.ChainID, path)
	})
	if err != nil {
		return signing.Key{}, err
	}
	return m.key(k), nil
}

// FindKey finds the key of an address. One that is bound to another ledger is as good as not there. It needs no secret, so a
// locked machine answers too.
func (m *Machine) FindKey(_ context.Context, ledger, chainType, address string) (signing.Key, bool, error) {
	k, ok, err := m.journal.FindKey(chainType, address)
	if err != nil || !ok || k.Ledger != ledger {
		return signing.Key{}, false, err
	}
	return m.key(k), true, nil
}

func (m *Machine) key(k journal.Key) signing.Key {
	return signing.Key{Address: k.Address, ChainType: k.ChainType, Device: m.device, Path: k.Path}
}

// Released says where a payment id stands. It needs no secret, so a locked machine answers too.
func (m *Machine) Released(ctx context.Context, ledger, payment string) (signing.PaymentState, error) {
	return m.journal.Payment(ctx, ledger, payment)
}

// Status answers always.
func (m *Machine) Status(context.Context) (signing.Status, error) {
	c, err := m.journal.Counts()
	if err != nil {
		return signing.Status{}, err
	}
	frozen, err := m.frozen()
	if err != nil {
		return signing.Status{}, err
	}
	return signing.Status{
		Device: m.device, Identity: m.public, Locked: m.locked.Load(), Frozen: frozen, Policy: m.journal.PolicyHash(),
		Keys: c.Keys, Signed: c.Signed, Refused: c.Refused, Released: c.Released, Version: m.version,
	}, nil
}

// Report is the long form of Status, for whoever watches the machine. It answers always, and costs a look at every key and counter: what
// coffer asks before each pass is Status.
func (m *Machine) Report(context.Context) (wire.Report, error) {
	r, err := m.journal.Report()
	if err != nil {
		return wire.Report{}, err
	}
	r.Device, r.Identity, r.Locked, r.Version = m.device, m.public, m.locked.Load(), m.version
	if f := m.halted.Load(); f != nil { // it is not written down: the journal does not know
		r.Freeze, r.Frozen = f.Report(), f.String()
	}
	return r, nil
}

// KeysOf tells which keys the machine made for a ledger.
func (m *Machine) KeysOf(ctx context.Context, ledger string) ([]signing.KnownKey, error) {
	r, err := m.Report(ctx)
	return r.KeysOf(ledger), err
}

// Lock stops all signing and zeroes the keys. Only a new start with the passphrase undoes it. When it returns, nothing more
// gets signed or journaled; already is true if the machine was locked before.
func (m *Machine) Lock() (already bool) {
	already = m.locked.Swap(true)
	m.using.Lock()
	defer m.using.Unlock()
	m.keys.Close()
	m.vault.Close()
	return already
}

// Close locks the machine and closes its journal.
func (m *Machine) Close() error {
	m.Lock()
	return m.journal.Close()
}

func lockedFault() error {
	return fault.New(fault.Unreachable, wire.CodeLocked, "coffer-signer serve --passphrase-file FILE", "the signing machine is locked")
}
