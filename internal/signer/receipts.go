package signer

import (
	"context"
	"crypto/ed25519"
	"errors"

	"coffer.internal/internal/allcpus"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/signing"
)

// signReceipts signs the receipts of answers that are on the disk. Ed25519 is deterministic: a repeated answer has the same receipt.
func (m *Machine) signReceipts(requests []signing.Request, answers []signing.Answer) {
	allcpus.Do(len(answers), func(i int) {
		answers[i].Receipt.Signature = m.receipt(requests[i].Intent.Ledger, answers[i])
	})
}

func (m *Machine) receipt(ledger string, a signing.Answer) []byte {
	return ed25519.Sign(m.vault.Identity(), signing.ReceiptStatement(m.device, ledger, a.Receipt.Seq, a))
}

// notBehind stops the machine if somebody holds a receipt of a ledger that it never gave: its journal went back, and it does not know
// what it signed. It freezes, until somebody has told it and officers say so.
func (m *Machine) notBehind(ctx context.Context, held signing.Held) error {
	if held.Ledger == "" || held.Seq == 0 {
		return nil
	}
	gave, err := m.journal.LastSeen(held.Ledger)
	if err != nil || held.Seq <= gave {
		return err
	}
	why := fault.New(fault.Unreachable, "rolled_back", "coffer signer export FILE, then coffer-signer load FILE (docs/runbook.md)",
		"ledger %s holds receipt %d of this machine, and by its journal it gave %d at most: the journal went back", held.Ledger, held.Seq, gave)
	if frozen, err := m.frozen(); frozen != "" || err != nil {
		return errors.Join(why, err)
	}
	at, _ := m.journal.Time()
	_, _, err = m.Freeze(ctx, journal.FreezeCause{At: at, By: journal.Itself, Reason: why.Error()})
	return errors.Join(why, err)
}

// Entries are the answers that were given to a ledger, with their receipts. It takes the identity key, so a locked machine does not tell.
func (m *Machine) Entries(ctx context.Context, ledger string, after uint64, limit int) ([]signing.Entry, error) {
	m.using.RLock()
	defer m.using.RUnlock()
	if limit <= 0 {
		return nil, nil
	}
	if m.locked.Load() {
		return nil, lockedFault()
	}
	all, err := m.journal.Entries(ctx, ledger, after, limit)
	allcpus.Do(len(all), func(i int) { all[i].Signature = m.receipt(ledger, all[i].Answer()) })
	return all, err
}

// Highest is the number of the last answer to a ledger. It needs no secret, so a locked machine answers too.
func (m *Machine) Highest(ctx context.Context, ledger string) (uint64, error) {
	return m.journal.Highest(ctx, ledger)
}
