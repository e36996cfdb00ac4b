package withdrawal

import (
	"context"
	"fmt"
	"math/big"
	"sync"

	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/signing"
)

// spend is the most that the chain may take from a wallet for one attempt.
type spend struct {
	spot
	native   *big.Int
	contract string
	token    *big.Int // nil: none
}

// spends remembers what attempts can cost, which never changes: reading and parsing all intents under way again in every pass was a
// third of what the engine did.
type spends struct {
	mu sync.Mutex
	by map[int64]spend // by attempt
}

// unmined are the costs of all attempts of the lane's chain that may still be mined.
func (s *spends) unmined(ctx context.Context, r store.Reader, l *lane) ([]spend, error) {
	f := l.allAttempts(store.AttemptAsked, store.AttemptSigned, store.AttemptSent)
	f.Bare = true
	open, err := r.Attempts(ctx, f)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	by := make(map[int64]spend, len(open))
	var unknown []int64
	for _, a := range open {
		if known, ok := s.by[a.ID]; ok {
			by[a.ID] = known
		} else {
			unknown = append(unknown, a.ID)
		}
	}
	if len(unknown) > 0 {
		fresh, err := r.Attempts(ctx, store.AttemptFilter{IDs: unknown})
		if err != nil {
			return nil, err
		}
		for _, a := range fresh {
			if by[a.ID], err = spendOf(a); err != nil {
				return nil, err
			}
		}
	}
	s.by = by
	all := make([]spend, len(open))
	for i, a := range open {
		all[i] = by[a.ID]
	}
	return all, nil
}

func spendOf(a store.Attempt) (spend, error) {
	intent, err := signing.Parse(a.Intent)
	if err != nil {
		return spend{}, fmt.Errorf("attempt %d: %w", a.ID, err)
	}
	s := spend{spot: spot{a.WalletID, a.Nonce}}
	s.native, s.contract, s.token = intent.Most()
	return s, nil
}

// dearest is the most that each nonce can cost: the chain takes one of its attempts.
func dearest(all []spend) map[spot]*outlay {
	by := map[spot]*outlay{}
	for _, s := range all {
		o := by[s.spot]
		if o == nil {
			o = &outlay{wallet: s.walletID, native: new(big.Int), tokens: map[string]*big.Int{}}
			by[s.spot] = o
		}
		if s.native.Cmp(o.native) > 0 {
			o.native = s.native
		}
		if most := o.tokens[s.contract]; s.token != nil && (most == nil || s.token.Cmp(most) > 0) {
			o.tokens[s.contract] = s.token
		}
	}
	return by
}

// outlay is the most that a nonce can cost, in the coin and in each token.
type outlay struct {
	wallet int64
	native *big.Int
	tokens map[string]*big.Int
}

// takeOff takes it off the wallet's purse, if there is one.
func (o *outlay) takeOff(purses map[int64]nonce.Purse) {
	has, ok := purses[o.wallet]
	if !ok {
		return
	}
	has.Native.Sub(has.Native, o.native)
	for contract, token := range o.tokens {
		if left := has.Tokens[contract]; left != nil {
			left.Sub(left, token)
		}
	}
}
