package signer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/btctx"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/evmtx"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/officers"
	"coffer.internal/internal/signer/soltx"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// Load takes over what a ledger holds of this machine, or of one with the same words: an export (signing.ExportHeader). Nothing in it is
// believed: each key is derived again, and all signed bytes must be exactly what their intent says, signed by that key. Without the
// approvals that it takes, or with DryRun, it says what it would change. The machine freezes before it begins, and stays frozen.
func (k Keeping) Load(ctx context.Context, req wire.LoadRequest) (a wire.LoadAnswer, err error) {
	m := k.Machine
	if m == nil {
		return a, errors.New("a load needs the machine's keys")
	}
	m.using.RLock()
	defer m.using.RUnlock()
	if m.locked.Load() {
		return a, lockedFault()
	}
	f, err := os.Open(req.Path)
	if err != nil {
		return a, fault.Wrap(err, fault.NotFound, "no_file", "coffer signer export FILE makes one", "read the export")
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum, err := fileSum(f)
	if err != nil {
		return a, err
	}
	if a.Load, err = k.Journal.TryLoad(m.fill(f, sum)); err != nil {
		return wire.LoadAnswer{}, err
	}
	device, err := k.Journal.Device()
	if err != nil {
		return wire.LoadAnswer{}, err
	}
	a.SHA256, a.Command = sum, officers.Act{Device: device, Action: signing.ActionLoad, Subject: sum}.Command()
	a.OfficersNeeded = len(k.Officers) > 0
	if a.AlreadyLoaded, err = k.loaded(sum); err != nil || a.AlreadyLoaded {
		return a, err
	}
	if req.DryRun || a.OfficersNeeded && len(req.Approvals) == 0 {
		return a, nil
	}
	approval, err := k.approve(signing.ActionLoad, sum, req.Approvals)
	if err != nil {
		return wire.LoadAnswer{}, err
	}
	if _, _, err := m.Freeze(ctx, journal.FreezeCause{At: k.at(), By: k.By, Reason: "a load of what coffer holds began: " + sum}); err != nil {
		return wire.LoadAnswer{}, err
	}
	act := journal.Act{At: k.at(), By: k.By, Action: signing.ActionLoad, Subject: sum, Proof: approval.Tokens}
	if a.Load, err = k.Journal.Load(ctx, act, m.fill(f, sum)); err != nil {
		return wire.LoadAnswer{}, err
	}
	a.Done, a.Officers = true, approval.Officers
	return a, nil
}

// loaded says whether this very file was loaded: it brings nothing any more, and neither it nor its approvals freeze the machine again.
func (k Keeping) loaded(sum string) (bool, error) {
	acts, err := k.Journal.Acts()
	return slices.ContainsFunc(acts, func(a journal.Act) bool { return a.Action == signing.ActionLoad && a.Subject == sum }), err
}

func fileSum(f *os.File) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read the export: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fill reads an export into a load, and makes sure at the end that the file is still the one that was approved.
func (m *Machine) fill(f *os.File, sum string) func(*journal.Loading) error {
	return func(l *journal.Loading) error {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read the export: %w", err)
		}
		h := sha256.New()
		isCopy, err := isCopy(f)
		if err != nil {
			return err
		}
		if in := io.TeeReader(f, h); isCopy {
			err = m.fillFromCopy(l, in)
		} else {
			err = signing.ReadExport(in, func(_ int, line signing.ExportLine) error { return m.fillLine(l, line) })
		}
		if err != nil {
			return unloadable(err)
		}
		if _, err := io.Copy(h, f); err != nil {
			return fmt.Errorf("read the export: %w", err)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != sum {
			return fault.New(fault.Refused, "export_changed", "say it again", "the export was changed while it was read: its SHA-256 was %s, now it is %s", sum, got)
		}
		return nil
	}
}

// isCopy says whether a file is a second copy of the journal and no export, and goes back to its beginning.
func isCopy(f *os.File) (bool, error) {
	const begin = `{"chain":`
	b := make([]byte, len(begin))
	n, err := io.ReadFull(f, b)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, fmt.Errorf("read the export: %w", err)
	}
	_, err = f.Seek(0, io.SeekStart)
	return string(b[:n]) == begin, err
}

// fillFromCopy loads a second copy: all ledgers in it.
func (m *Machine) fillFromCopy(l *journal.Loading, r io.Reader) error {
	var header signing.ExportHeader
	ledger := ""
	_, _, err := journal.ReadCopy(r, func(rec journal.CopyRecord) error {
		if rec.Header != nil {
			header = *rec.Header
			return nil
		}
		if rec.Ledger != ledger {
			ledger, header.Ledger = rec.Ledger, rec.Ledger
			if err := l.Begin(header); err != nil {
				return err
			}
		}
		return m.fillRecord(l, rec)
	})
	return err
}

// unloadable says that an export cannot be loaded, unless the reason is a fault that says so already.
func unloadable(err error) error {
	kind, code, hint := fault.Refused, fault.Code(err), fault.Hint(err)
	if code == "failed" {
		code, hint = "bad_export", "nothing was loaded; make it again: coffer signer export FILE"
	}
	return fault.Wrap(err, kind, code, hint, "the export cannot be loaded")
}

// fillRecord loads a line of a second copy. It has what the machine kept with a payment, and no authorizations.
func (m *Machine) fillRecord(l *journal.Loading, rec journal.CopyRecord) error {
	if rec.Attempt == nil {
		return m.fillLine(l, signing.ExportLine{Wallet: rec.Wallet})
	}
	a, err := loaded(*rec.Attempt)
	if err != nil {
		return err
	}
	a.Bound = rec.Bound
	return l.Attempt(a)
}

func (m *Machine) fillLine(l *journal.Loading, line signing.ExportLine) error {
	switch {
	case line.Header != nil:
		return l.Begin(*line.Header)
	case line.Wallet != nil:
		return m.fillWallet(l, *line.Wallet)
	}
	if line.Attempt == nil {
		return errors.New("a line with nothing in it")
	}
	a, err := loaded(*line.Attempt)
	if err != nil {
		return err
	}
	return l.Attempt(a)
}

// fillWallet derives a key again.
func (m *Machine) fillWallet(l *journal.Loading, w signing.ExportWallet) error {
	if w.Mark > signing.MaxNonce || w.Cursor > signing.MaxNonce+1 || w.Mark > w.Cursor {
		return fmt.Errorf("wallet %s: mark %d and cursor %d cannot be", w.Address, w.Mark, w.Cursor)
	}
	got, err := m.keys.Address(w.ChainType, w.ChainID, w.Path)
	if err != nil {
		return err
	}
	if got != w.Address {
		return fault.New(fault.Refused, "other_words", "it is of a machine with other words", "the key at %s is that of %s here, not of %s", w.Path, got, w.Address)
	}
	return l.Wallet(w)
}

// loaded reads an attempt, and verifies what is signed.
func loaded(a signing.ExportAttempt) (journal.Loaded, error) {
	i, err := signing.Parse(a.Intent)
	if err != nil {
		return journal.Loaded{}, err
	}
	out := journal.Loaded{Intent: i, Raw: a.Raw, Refusal: a.Refusal, Seq: a.Seq, At: a.At}
	inputs, malformed := check(i)
	switch {
	case a.Raw != nil && a.Refusal != nil:
		return out, fmt.Errorf("intent %s is both signed and refused", i.Digest())
	case a.Refusal != nil && a.Refusal.Code == "":
		return out, fmt.Errorf("intent %s: a refusal without a code", i.Digest())
	case a.Refusal != nil:
		return out, nil
	case malformed != nil:
		return out, fmt.Errorf("intent %s is none that this machine signs: %s", i.Digest(), malformed.Reason)
	}
	out.Inputs = inputs
	for n, token := range a.Authorizations {
		t, err := signing.ParseAuthorization(token)
		if err != nil {
			return out, fmt.Errorf("authorization %d of payment %q: %w", n+1, i.Payment, err)
		}
		out.Authorizations = append(out.Authorizations, t)
	}
	if a.Raw == nil {
		return out, nil
	}
	if out.Hash, err = verified(i, a.Raw); err != nil {
		return out, fmt.Errorf("the bytes of intent %s: %w", i.Digest(), err)
	}
	return out, nil
}

// verified is the hash of bytes that are exactly an intent's transaction, signed by its From.
func verified(i signing.Intent, raw []byte) (hash string, err error) {
	switch i.ChainType {
	case derive.EVM:
		return evmtx.Verify(i, raw)
	case derive.BTC:
		return btctx.Verify(i, raw)
	case derive.Solana:
		return soltx.Verify(i, raw)
	}
	return "", fmt.Errorf("chain type %q is not known", i.ChainType)
}
