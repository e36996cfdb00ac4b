package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/ethereum/go-ethereum/common"
	"github.com/mr-tron/base58"

	"coffer.internal/internal/signer/derive"
)

// everyChain is the chain id that stands for all of a type.
const everyChain = -1

// chain is a chain, or all chains of a type: "evm:1", "evm:*".
type chain struct {
	chainType string
	id        int64
}

func (c chain) String() string {
	if c.id == everyChain {
		return c.chainType + ":*"
	}
	return c.chainType + ":" + strconv.FormatInt(c.id, 10)
}

func (c chain) matches(chainType string, id int64) bool {
	return c.chainType == chainType && (c.id == everyChain || c.id == id)
}

func (c chain) covers(o chain) bool { return c == o || c == chain{o.chainType, everyChain} }

// readChain reads a chain as a policy names it.
func readChain(s string) (chain, string) {
	kind, id, found := strings.Cut(s, ":")
	if !found || !slices.Contains([]string{derive.EVM, derive.BTC, derive.Solana}, kind) {
		return chain{}, fmt.Sprintf("chain %q is not one like \"evm:1\", \"evm:*\", \"btc:0\", \"solana:101\"", s)
	}
	if id == "*" {
		return chain{kind, everyChain}, ""
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != id || kind == derive.EVM && n < 1 {
		return chain{}, fmt.Sprintf("chain %q: %q is no chain id of %s", s, id, kind)
	}
	if _, err := derive.Counter(kind, n); err != nil {
		return chain{}, fmt.Sprintf("chain %q: %v", s, err)
	}
	return chain{kind, n}, ""
}

// coinOf names the base unit of a chain type's coin, and how many digits of it make a coin.
func coinOf(chainType string) (unit string, decimals int) {
	switch chainType {
	case derive.BTC:
		return "sat", 8
	case derive.Solana:
		return "lamports", 9
	}
	return "wei", 18
}

// hasAddress says whether an address is one of the chain, in its canonical form.
func (c chain) hasAddress(s string) bool {
	switch c.chainType {
	case derive.EVM:
		return common.IsHexAddress(s) && common.HexToAddress(s).Hex() == s && common.HexToAddress(s) != (common.Address{})
	case derive.BTC:
		ids := []int64{c.id}
		if c.id == everyChain {
			ids = []int64{0, 1, 2, 3}
		}
		return slices.ContainsFunc(ids, func(id int64) bool { return bitcoinAddress(s, id) })
	}
	b, err := base58.Decode(s)
	return err == nil && len(b) == 32 && base58.Encode(b) == s
}

func bitcoinAddress(s string, id int64) bool {
	network, err := derive.Network(id)
	if err != nil {
		return false
	}
	a, err := btcutil.DecodeAddress(s, network)
	return err == nil && a.IsForNet(network) && a.EncodeAddress() == s
}

// hasToken says whether a text can name a token of the chain.
func (c chain) hasToken(s string) bool { return c.chainType != derive.BTC && c.hasAddress(s) }
