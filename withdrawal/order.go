package withdrawal

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
)

// order is a request that was checked: complete, canonical, possible.
type order struct {
	payment string
	chain   ChainSetup
	to      string
	asset   Asset
	amount  *big.Int
	with    store.Authorized
	keys    []string // fingerprints of the keys of what it came with
	own     bool     // its authorization was signed here
}

// check makes an order of a request, or says which value cannot be right. It asks nobody.
func (b book) check(r Request) (order, error) {
	if err := nonce.CheckRequestID(r.ID); err != nil {
		return order{}, err
	}
	ct, err := wallet.ChainTypeOf(r.To, r.ChainID)
	if err != nil {
		return order{}, err
	}
	if err := wallet.CheckChainID(ct, r.ChainID); err != nil {
		return order{}, err
	}
	to, err := wallet.ParseAddress(ct, r.ChainID, r.To)
	if err != nil {
		return order{}, err
	}
	setup, ok := b.find(string(ct), r.ChainID)
	if !ok {
		return order{}, notConfigured(ct, r.ChainID)
	}
	asset, err := setup.assetOf(r.Asset)
	if err != nil {
		return order{}, err
	}
	amount, err := parseAmount(r.Amount, asset, r.BaseUnits)
	if err != nil {
		return order{}, err
	}
	o := order{payment: r.ID, chain: setup, to: to, asset: asset, amount: amount}
	if why := setup.Chain.Impossible(o.chainPayment()); why != "" {
		return order{}, fault.New(fault.Usage, "impossible_payment", "check the address and the amount", "this cannot be paid: %s", why)
	}
	return o, nil
}

func notConfigured(ct wallet.ChainType, id int64) error {
	if ct != wallet.EVM {
		return fault.New(fault.Usage, "cannot_pay", "coffer pays on EVM chains", "payments on %s %d are not possible yet", ct, id)
	}
	return fault.New(fault.Usage, "chain_not_configured", fmt.Sprintf("add [chain.%s.%d] with rpc = [\"http://…\"] to coffer.toml", ct, id),
		"[chain.%s.%d] has no node in coffer.toml, so nothing can be paid there", ct, id)
}

func (s ChainSetup) assetOf(symbol string) (Asset, error) {
	if symbol == "" || symbol == s.Native.Symbol {
		return s.Native, nil
	}
	if a, ok := s.Assets[symbol]; ok {
		return a, nil
	}
	known := append([]string{s.Native.Symbol}, slices.Sorted(maps.Keys(s.Assets))...)
	return Asset{}, fault.New(fault.Usage, "unknown_asset", fmt.Sprintf("add [chain.%s.%d.asset.%s] to coffer.toml", s.Type, s.ID, clip(symbol)),
		"asset %q is not configured on %s %d; configured are %s", clip(symbol), s.Type, s.ID, strings.Join(known, ", "))
}

func (o order) chainPayment() chain.Payment {
	return chain.Payment{ID: o.payment, To: o.to, Contract: o.asset.Contract, Amount: o.amount}
}

// symbol is what is stored of the asset: nothing for the chain's own coin, whose name is the configuration's.
func (o order) symbol() string {
	if o.asset.Contract == "" {
		return ""
	}
	return o.asset.Symbol
}

// content is what a request id stands for. It is compared as a whole when the id comes again, and shown when it differs.
func (o order) content() string {
	how := FormatAmount(o.amount.String(), o.asset.Decimals)
	if o.asset.Contract != "" {
		how += " " + o.asset.Symbol
	}
	return contentBegins + how + " " + exactly(o.asset.Contract, o.amount.String(), o.chain.Type, o.chain.ID, o.to)
}

const (
	contentBegins = "pay "
	// contentUnknown is that of a payment which coffer recover rebuilt from its cancellation alone.
	contentUnknown = "cancelled before it was signed: what it would have paid is not known"
)

// exactly is the part of a content that no setting can change the meaning of, as symbols and decimals can.
func exactly(contract, amount, chainType string, chainID int64, to string) string {
	what := "of the coin"
	if contract != "" {
		what = "(" + contract + ")"
	}
	return fmt.Sprintf("%s, %s base units, on %s:%d to %s", what, amount, chainType, chainID, to)
}

// AskedFor says whether the content of a withdrawal's request asks for what the row pays. One that was rebuilt from its cancellation asks
// for nothing that is known, and is paid nothing. A reservation's content says nothing of payments: it is not to be asked about.
func AskedFor(content string, w store.Withdrawal) bool {
	if content == contentUnknown {
		return w.Outcome != store.OutcomePaid
	}
	return strings.HasPrefix(content, contentBegins) && strings.HasSuffix(content, " "+exactly(w.Contract, w.Amount, w.ChainType, w.ChainID, w.To))
}
