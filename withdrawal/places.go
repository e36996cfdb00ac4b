package withdrawal

import (
	"cmp"
	"slices"

	"coffer.internal/internal/store"
	"coffer.internal/signing"
)

// place is a nonce of a wallet with all that was asked for it and is not settled yet, oldest first.
type place struct {
	walletID int64
	nonce    uint64
	attempts []store.Attempt
	refused  []store.Attempt // attempts there that the signing machine refused, where somebody asked for them
}

func (p place) spot() spot { return spot{p.walletID, p.nonce} }

// places sorts attempts into places, by wallet and nonce.
func places(as []store.Attempt) []place {
	type key struct {
		wallet int64
		nonce  uint64
	}
	at := map[key]int{}
	var all []place
	for _, a := range as {
		k := key{a.WalletID, a.Nonce}
		i, there := at[k]
		if !there {
			i = len(all)
			at[k] = i
			all = append(all, place{walletID: a.WalletID, nonce: a.Nonce})
		}
		all[i].attempts = append(all[i].attempts, a)
	}
	for _, p := range all {
		slices.SortFunc(p.attempts, func(a, b store.Attempt) int { return cmp.Compare(a.ID, b.ID) })
	}
	slices.SortFunc(all, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.walletID, b.walletID), cmp.Compare(a.nonce, b.nonce))
	})
	return all
}

// payment is whose nonce it is; empty for a gap fill.
func (p place) payment() string { return p.attempts[0].Payment }

// has says whether an attempt is in one of the states.
func (p place) has(states ...string) bool {
	return slices.ContainsFunc(p.attempts, func(a store.Attempt) bool { return slices.Contains(states, a.State) })
}

// unsigned says that there are no bytes for it yet: what stands above is held up.
func (p place) unsigned() bool {
	return !p.has(store.AttemptSigned, store.AttemptSent, store.AttemptMined, store.AttemptFinal)
}

// unmined says that none of its attempts is in a block.
func (p place) unmined() bool { return !p.has(store.AttemptMined, store.AttemptFinal) }

// cancelling is the newest cancellation under way, or nil.
func (p place) cancelling() *store.Attempt {
	for i := len(p.attempts) - 1; i >= 0; i-- {
		if p.attempts[i].Purpose == string(signing.PurposeCancel) {
			return &p.attempts[i]
		}
	}
	return nil
}

// newest is the attempt that was asked for last.
func (p place) newest() store.Attempt { return p.attempts[len(p.attempts)-1] }

// open are the states of attempts that may still come to something.
var open = []string{store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined}
