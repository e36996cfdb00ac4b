package config

import (
	"maps"
	"slices"
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/wallet"
)

// mostDecimals is how many decimals an asset may have: no token of use has more, and a typing error often does.
const mostDecimals = 36

// assets checks the tokens of a chain. Contract and decimals have no default: a wrong one pays a wrong amount.
func (f *file) assets(c Chain, at string, tables map[string]assetTable) ([]Asset, error) {
	ct := wallet.ChainType(c.Type)
	var assets []Asset
	for _, symbol := range slices.Sorted(maps.Keys(tables)) {
		t, key := tables[symbol], at+"asset."+symbol
		same := func(a Asset) bool { return strings.EqualFold(a.Symbol, symbol) }
		switch {
		case ct == wallet.BTC:
			return nil, f.bad("["+key+"]", "take it out", "%q: btc has no tokens", symbol)
		case symbol == "" || len(symbol) > 32 || strings.ContainsFunc(symbol, func(r rune) bool { return r <= ' ' || r > '~' }):
			return nil, f.bad("["+key+"]", "a symbol is 1 to 32 visible ASCII characters", "%q is not a symbol", symbol)
		case strings.EqualFold(symbol, c.NativeSymbol):
			return nil, f.bad("["+key+"]", "give the token another name", "%q is the chain's own coin", symbol)
		case slices.ContainsFunc(assets, same):
			return nil, f.bad("["+key+"]", "give one of them another name", "%q differs from another asset only in upper and lower case", symbol)
		case t.Contract == nil:
			return nil, f.bad(key+".contract", "write the contract's address", "nothing: it is required")
		case t.Decimals == nil:
			return nil, f.bad(key+".decimals", "write what the contract's decimals() answers", "nothing: it is required")
		}
		contract, err := wallet.ParseAddress(ct, c.ID, *t.Contract)
		if err != nil {
			return nil, fault.Wrap(err, fault.Usage, fault.Code(err), fault.Hint(err), "%s: %s.contract", f.path, key)
		}
		if ct == wallet.EVM && strings.Trim(contract, "0x") == "" {
			return nil, f.bad(key+".contract", "leave the asset out of a withdrawal to pay the chain's own coin", "%q is no contract", contract)
		}
		if i := slices.IndexFunc(assets, func(a Asset) bool { return a.Contract == contract }); i >= 0 {
			return nil, f.bad(key+".contract", "keep one of them", "%q is the contract of %s as well", contract, assets[i].Symbol)
		}
		decimals, err := f.integer(key+".decimals", t.Decimals, 0, 0, mostDecimals)
		if err != nil {
			return nil, err
		}
		assets = append(assets, Asset{Symbol: symbol, Contract: contract, Decimals: decimals})
	}
	return assets, nil
}
