package journal

import (
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

// attemptWait is how long after an attempt on Solana the next one is signed at the earliest, by the journal's clock. A blockhash is worth
// 150 slots, about a minute at 400 ms each; ten minutes are ten times that, also on a chain at a tenth of its pace. This machine cannot
// see the chain. If the chain stands still for longer, the old blockhash outlives the wait, and both attempts can be taken: coffer asks
// the finalized height first (last_valid_block_height), and that is what keeps it from happening then.
const attemptWait = 10 * time.Minute

// Former is the attempt of a payment that a later one follows, on Solana.
type Former struct {
	Intent signing.Intent
	At     time.Time // when it was signed, by the journal's clock; zero: not known
}

// follows says whether a place is that of the next attempt at another. A payment moves from one to the next: the stated exception to its
// being bound to one place.
func follows(p, former Place) bool {
	return p.ChainType == derive.Solana && former.ChainType == derive.Solana && p.ChainID == former.ChainID && p.Address == former.Address &&
		p.Nonce == former.Nonce && p.Attempt == former.Attempt+1
}

// formerAt reads the attempt that is signed at a place.
func formerAt(tx *bolt.Tx, at Place) (*Former, error) {
	all, err := signedFor(tx, at.number())
	if len(all) != 1 || err != nil {
		return nil, errors.Join(fmt.Errorf("read the journal: %s has %d digests", at, len(all)), err)
	}
	e, _, err := all[0].entry(tx)
	if err != nil {
		return nil, err
	}
	i, err := signing.Parse(e.Intent)
	if err != nil || i.Solana == nil {
		return nil, fmt.Errorf("read the journal at %s: no intent of Solana: %w", all[0].digest, err)
	}
	return &Former{i, e.At}, nil
}

// laterAttempt decides about an attempt above the first, whose slots are free.
func laterAttempt(i signing.Intent, f Facts) Decision {
	no := func(why string, args ...any) Decision {
		return refuse(signing.RefusedAsConflict, "second_attempt", "attempt %d of payment %q: "+why, append([]any{i.Solana.Attempt, i.Payment}, args...)...)
	}
	switch {
	case f.Former == nil:
		return no("the one before it is not signed here")
	case !sameTransferOnSolana(*i.Solana, *f.Former.Intent.Solana):
		return no("it is another transfer than the one before it")
	case i.Solana.RecentBlockhash == f.Former.Intent.Solana.RecentBlockhash, i.Solana.LastValidBlockHeight <= f.Former.Intent.Solana.LastValidBlockHeight:
		return no("its blockhash is not younger than that of the one before it: both could be taken")
	case f.Former.At.IsZero():
		return no("when the one before it was signed is not known here")
	case f.Now.Sub(f.Former.At) < attemptWait:
		return refuse(signing.RefusedForNow, "attempt_too_early", "attempt %d of payment %q: the one before it was signed at %s, and the chain may take it until %s are over",
			i.Solana.Attempt, i.Payment, f.Former.At.UTC().Format(time.RFC3339), attemptWait)
	}
	return Decision{Verdict: Sign}
}

// sameTransferOnSolana says whether two transfers pay the same. What may differ is the blockhash, what they cost, and whether the
// recipient's account is made first.
func sameTransferOnSolana(a, b signing.SolanaTransfer) bool {
	return a.To == b.To && a.Amount == b.Amount && a.Mint == b.Mint && a.Decimals == b.Decimals && a.TokenProgram == b.TokenProgram
}
