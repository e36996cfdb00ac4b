package signer

import (
	"context"
	"crypto/ed25519"
	"runtime"
	"sync"

	"coffer.internal/signing"
)

// signReceipts signs the receipts of answers that are on the disk. Ed25519 is deterministic: a repeated answer has the same receipt.
func (m *Machine) signReceipts(requests []signing.Request, answers []signing.Answer) {
	onAllCPUs(len(answers), func(i int) {
		answers[i].Receipt.Signature = m.receipt(requests[i].Intent.Ledger, answers[i])
	})
}

func (m *Machine) receipt(ledger string, a signing.Answer) []byte {
	return ed25519.Sign(m.vault.Identity(), signing.ReceiptStatement(m.device, ledger, a.Receipt.Seq, a))
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
	onAllCPUs(len(all), func(i int) { all[i].Signature = m.receipt(ledger, all[i].Answer()) })
	return all, err
}

// Highest is the number of the last answer to a ledger. It needs no secret, so a locked machine answers too.
func (m *Machine) Highest(ctx context.Context, ledger string) (uint64, error) {
	return m.journal.Highest(ctx, ledger)
}

// onAllCPUs calls do for each number below n, in no order, and waits.
func onAllCPUs(n int, do func(i int)) {
	var wg sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), n)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				do(i)
			}
		})
	}
	wg.Wait()
}
