package nonce

import (
	"context"
	"fmt"
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// Release gives an unsigned reservation back: the nonce is free and goes to whoever asks next. Only who knows the fence can,
// so a caller whose reservation expired and went to somebody else is refused, and told who has it. Said twice it is done.
func (l *Ledger) Release(ctx context.Context, address string, chainID int64, nonce uint64, fence int64) error {
	return l.change(ctx, l.db, actionRelease, address, chainID, func(tx store.Tx, w store.Wallet) (row store.AuditRow, refusal, err error) {
		n, err := nonceOf(ctx, tx, w, nonce)
		switch {
		case err != nil:
			return row, nil, err
		case n == nil:
			return row, notGiven(w, nonce), nil
		case n.State == store.NonceFree && n.Fence == fence:
			return row, nil, nil
		case n.State != store.NonceReserved || n.Fence != fence:
			return row, heldOtherwise(w, *n, fence), nil
		}
		row.Before = describe(*n)
		row.After = fmt.Sprintf("nonce %d free", nonce)
		return row, nil, tx.Release(ctx, w.ID, nonce, fence)
	})
}

// Sent tells the ledger that a nonce of a wallet whose key is elsewhere was signed and sent there, with the transaction's
// hash. The nonce is used from then on. For a wallet whose key a signing machine holds it is refused: what coffer signs it
// sends itself. Said twice with the same hash it is done.
func (l *Ledger) Sent(ctx context.Context, address string, chainID int64, nonce uint64, fence int64, hash string) error {
	id, err := identify(address, chainID)
	if err != nil {
		return err
	}
	if hash, err = canonicalHash(id.chain.chainType, hash); err != nil {
		return err
	}
	return l.change(ctx, l.db, actionSent, address, chainID, func(tx store.Tx, w store.Wallet) (row store.AuditRow, refusal, err error) {
		if w.Device != "" {
			return row, fault.New(fault.Refused, "signed_here", fmt.Sprintf("coffer info %s %d", w.Address, w.ChainID),
				"nonce %d of wallet %s cannot be sent elsewhere: signing machine %s holds its key", nonce, w.Address, w.Device), nil
		}
		n, err := nonceOf(ctx, tx, w, nonce)
		switch {
		case err != nil:
			return row, nil, err
		case n == nil:
			return row, notGiven(w, nonce), nil
		case n.State == store.NonceUsed && n.Fence == fence && n.Hash == hash:
			return row, nil, nil
		case n.State != store.NonceReserved || n.Fence != fence:
			return row, heldOtherwise(w, *n, fence), nil
		}
		row.Before = describe(*n)
		row.After = fmt.Sprintf("nonce %d used, sent as %s", nonce, hash)
		return row, nil, tx.MarkSentElsewhere(ctx, w.ID, nonce, fence, hash)
	})
}

// nonceOf reads one nonce row; nil if there is none.
func nonceOf(ctx context.Context, r store.Reader, w store.Wallet, nonce uint64) (*store.Nonce, error) {
	found, err := r.Nonces(ctx, store.NonceFilter{WalletID: w.ID, From: nonce, Limit: 1})
	if err != nil || len(found) == 0 || found[0].Nonce != nonce {
		return nil, err
	}
	return &found[0], nil
}

func notGiven(w store.Wallet, nonce uint64) error {
	return fault.New(fault.NotFound, "nonce_not_given", fmt.Sprintf("coffer nonce list %s %d", w.Address, w.ChainID),
		"nobody has nonce %d of wallet %s on %s; its cursor is at %d", nonce, w.Address, poolOf(w), w.Nonce)
}

func heldOtherwise(w store.Wallet, n store.Nonce, fence int64) error {
	return fault.New(fault.Refused, "stale_fence", fmt.Sprintf("coffer nonce list %s %d", w.Address, w.ChainID),
		"fence %d does not hold nonce %d of wallet %s on %s: %s", fence, n.Nonce, w.Address, poolOf(w), describe(n))
}

// describe says who has a nonce.
func describe(n store.Nonce) string {
	var s strings.Builder
	fmt.Fprintf(&s, "nonce %d is %s", n.Nonce, n.State)
	if n.Request != "" {
		fmt.Fprintf(&s, " by request %s", n.Request)
		if n.Row > 0 {
			fmt.Fprintf(&s, " row %d", n.Row)
		}
	}
	fmt.Fprintf(&s, " with fence %d", n.Fence)
	if n.Hash != "" {
		fmt.Fprintf(&s, ", sent as %s", n.Hash)
	}
	return s.String()
}
