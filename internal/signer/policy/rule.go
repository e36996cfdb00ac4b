package policy

import (
	"math/big"
	"slices"
	"strings"

	"coffer.internal/signing"
)

// rule is what may be signed of one kind. Every line of it narrows what it is about; what it says nothing about is not narrowed.
type rule struct {
	name string

	// What it is about.
	purposes []signing.Purpose
	keys     []string // canonical addresses; nil: the accounts alone say which
	accounts []string // nil: the keys alone say which
	chains   []chain
	assets   []string // as the file names them; anyAsset alone, or none for what moves no asset

	// What it wants.
	to            []string // of a sweep
	needs         map[Role]int
	officersAbove *big.Int // nil: officers is 0
	officers      int

	// What it caps. Nil: it does not.
	payment       *big.Int
	maxFee        *big.Int
	maxFeePerGas  *big.Int
	maxFeePercent *percent
	maxSatPerVB   *big.Int
	maxLamports   *big.Int

	eachKey, allKeys limits
}

// limits are what may be signed within an hour and within a day, rolling. Nil and 0: there is none.
type limits struct {
	hour, day           *big.Int
	hourCount, dayCount int
	feeHour, feeDay     *big.Int
}

func (l *limits) sums() bool { return l.hour != nil || l.day != nil }
func (l *limits) fees() bool { return l.feeHour != nil || l.feeDay != nil }
func (l *limits) any() bool  { return l.sums() || l.fees() || l.hourCount > 0 || l.dayCount > 0 }

// The words of the file for assets.
const (
	coin     = "coin" // the chain's own
	anyAsset = "*"
)

// assetName is an asset as the file names it.
func assetName(asset string) string {
	if asset == "" {
		return coin
	}
	return asset
}

// pays says whether the rule is about what takes something out of a wallet, beside the fee: a rule is about that, or about what mends.
func (r *rule) pays() bool { return r.purposes[0] == signing.PurposePayment || r.sweeps() }

func (r *rule) sweeps() bool { return r.purposes[0] == signing.PurposeSweep }

// matches says whether the rule is about an intent.
func (r *rule) matches(i signing.Intent, account string) bool {
	return slices.Contains(r.purposes, i.Purpose) &&
		(r.keys == nil || slices.Contains(r.keys, i.From)) &&
		(r.accounts == nil || slices.Contains(r.accounts, account)) &&
		slices.ContainsFunc(r.chains, func(c chain) bool { return c.matches(i.ChainType, i.ChainID) }) &&
		r.matchesAsset(i)
}

func (r *rule) matchesAsset(i signing.Intent) bool {
	if !r.pays() {
		return true
	}
	_, asset, _ := i.Pays()
	return r.everyAsset() || slices.Contains(r.assets, assetName(asset))
}

func (r *rule) everyAsset() bool { return slices.Equal(r.assets, []string{anyAsset}) }

// oneAsset is the only asset that the rule is about, or anyAsset if there are several.
func (r *rule) oneAsset() string {
	switch {
	case !r.pays():
		return coin
	case len(r.assets) == 1:
		return r.assets[0]
	}
	return anyAsset
}

// chainTypes are the chain types that the rule is about.
func (r *rule) chainTypes() []string {
	var types []string
	for _, c := range r.chains {
		if !slices.Contains(types, c.chainType) {
			types = append(types, c.chainType)
		}
	}
	return types
}

// covers says whether every case of another rule is one of this rule too.
func (r *rule) covers(o *rule) bool {
	return subset(o.purposes, r.purposes) &&
		(r.keys == nil || o.keys != nil && subset(o.keys, r.keys)) &&
		(r.accounts == nil || o.accounts != nil && subset(o.accounts, r.accounts)) &&
		(!r.pays() || r.everyAsset() || subset(o.assets, r.assets)) &&
		!slices.ContainsFunc(o.chains, func(c chain) bool { return !slices.ContainsFunc(r.chains, func(w chain) bool { return w.covers(c) }) })
}

func subset[T comparable](part, whole []T) bool {
	return !slices.ContainsFunc(part, func(x T) bool { return !slices.Contains(whole, x) })
}

// counter names what the rule counts on a chain, for one address or for all of them (address empty). Its text is kept in the journal.
func (r *rule) counter(i signing.Intent, address string) string {
	parts := []string{"rule", r.name, chain{i.ChainType, i.ChainID}.String(), r.oneAsset()}
	if address != "" {
		parts = append(parts, address)
	}
	return strings.Join(parts, "/")
}
