package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"coffer.internal/strategy"
	"coffer.internal/wallet"
)

// known is what is built in about a chain. Nodes are not: whom to ask is the operator's choice.
type known struct {
	chainType wallet.ChainType
	id        int64
	name      string
	symbol    string
	decimals  int
	// confirmations is when a payment is final; 0: when the chain says that its block is finalized.
	confirmations int64
	poll          time.Duration // about a third of the time between blocks, at least as long as asking is worth it
	fees          feePresets    // evm alone
}

// wellKnown are the chains that need nothing but nodes. Names and coins are those of chainlist (ethereum-lists/chains).
var wellKnown = []known{
	{wallet.EVM, 1, "Ethereum", "ETH", 18, 0, 4 * time.Second, feePresets{500, 0.1e9, 45 * time.Second, ""}},
	{wallet.EVM, 10, "OP Mainnet", "ETH", 18, 0, time.Second, feePresets{50, 0.05e9, 15 * time.Second, opStack}},
	{wallet.EVM, 56, "BNB Smart Chain", "BNB", 18, 0, time.Second, feePresets{50, 0.05e9, 15 * time.Second, ""}},
	{wallet.EVM, 137, "Polygon", "POL", 18, 0, time.Second, feePresets{5000, 5e9, 15 * time.Second, ""}},
	{wallet.EVM, 8453, "Base", "ETH", 18, 0, time.Second, feePresets{50, 0.05e9, 15 * time.Second, opStack}},
	{wallet.EVM, 42161, "Arbitrum One", "ETH", 18, 0, time.Second, feePresets{50, 0.05e9, 15 * time.Second, ""}},
	{wallet.EVM, 43114, "Avalanche C-Chain", "AVAX", 18, 0, time.Second, feePresets{1000, 0.5e9, 15 * time.Second, ""}},
	{wallet.EVM, 11155111, "Sepolia", "ETH", 18, 0, 4 * time.Second, feePresets{5000, 1e9, 45 * time.Second, ""}},
	{wallet.EVM, 1337, "geth dev", "ETH", 18, 2, 250 * time.Millisecond, feePresets{10_000, 10e9, 2 * time.Second, ""}},
	{wallet.EVM, 31337, "local dev", "ETH", 18, 2, 250 * time.Millisecond, feePresets{10_000, 10e9, 2 * time.Second, ""}},
	{wallet.BTC, 0, "Bitcoin", "BTC", 8, 6, 30 * time.Second, feePresets{}},
	{wallet.BTC, 1, "Bitcoin testnet", "BTC", 8, 6, 30 * time.Second, feePresets{}},
	{wallet.BTC, 2, "Bitcoin signet", "BTC", 8, 6, 30 * time.Second, feePresets{}},
	{wallet.BTC, 3, "Bitcoin regtest", "BTC", 8, 6, time.Second, feePresets{}},
	{wallet.Solana, 101, "Solana", "SOL", 9, 0, time.Second, feePresets{}},
	{wallet.Solana, 102, "Solana testnet", "SOL", 9, 0, time.Second, feePresets{}},
	{wallet.Solana, 103, "Solana devnet", "SOL", 9, 0, time.Second, feePresets{}},
	{wallet.Solana, 104, "Solana local", "SOL", 9, 0, 250 * time.Millisecond, feePresets{}},
}

// ChainName is what people call a chain.
func ChainName(chainType string, id int64) string {
	return presets(wallet.ChainType(chainType), id).name
}

// presets are what holds for a chain where coffer.toml is silent. Of an unknown one (only evm has such) nothing is known but
// its kind, so it waits long: 64 blocks are two epochs, after which Ethereum would be final.
func presets(ct wallet.ChainType, id int64) known {
	for _, k := range wellKnown {
		if k.chainType == ct && k.id == id {
			return k
		}
	}
	return known{ct, id, unknownName(ct, id), "ETH", 18, 64, 2 * time.Second, feePresets{500, 1e9, 30 * time.Second, ""}}
}

// BuiltInChains are the chains of a type that are known without a table in coffer.toml: name and coin, and neither nodes nor tokens.
func BuiltInChains(chainType string) []Chain {
	var chains []Chain
	for _, k := range wellKnown {
		if string(k.chainType) == chainType {
			chains = append(chains, Chain{Type: chainType, ID: k.id, Name: k.name, NativeSymbol: k.symbol, NativeDecimals: k.decimals})
		}
	}
	return chains
}

func unknownName(ct wallet.ChainType, id int64) string { return fmt.Sprintf("%s %d", ct, id) }

func (f *file) chains() ([]Chain, error) {
	var chains []Chain
	for _, typ := range slices.Sorted(maps.Keys(f.Chain)) {
		ct, err := wallet.ParseChainType(typ)
		if err != nil {
			return nil, f.bad("[chain."+typ+"]", "use one of evm, btc, solana", "%q is not a chain type", typ)
		}
		for _, number := range slices.Sorted(maps.Keys(f.Chain[typ])) {
			id, err := strconv.ParseInt(number, 10, 64)
			if err != nil || strconv.FormatInt(id, 10) != number || wallet.CheckChainID(ct, id) != nil {
				return nil, f.bad("[chain."+typ+"."+number+"]", "evm has the ids of EIP-155 from 1, btc 0 to 3, solana 101 to 104", "%q is not a chain id of %s", number, ct)
			}
			chain, err := f.chain(presets(ct, id), f.Chain[typ][number])
			if err != nil {
				return nil, err
			}
			chains = append(chains, chain)
		}
	}
	slices.SortFunc(chains, func(a, b Chain) int { return cmp.Or(strings.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID)) })
	return chains, nil
}

func (f *file) chain(k known, t chainTable) (c Chain, err error) {
	at := fmt.Sprintf("chain.%s.%d.", k.chainType, k.id)
	c = Chain{
		Type: string(k.chainType), ID: k.id, Name: k.name, NativeSymbol: k.symbol, NativeDecimals: k.decimals, RPC: t.RPC, WS: t.WS, Strategy: defaultStrategy,
	}
	for i, node := range t.RPC {
		if !checkURL(node, "http", "https") {
			return Chain{}, f.bad(fmt.Sprintf("%srpc[%d]", at, i), "write http://… or https://…; a ws:// or wss:// stands in ws", "%q is not where a node is asked", RedactURL(node))
		}
		if slices.Contains(t.RPC[:i], node) {
			return Chain{}, f.bad(fmt.Sprintf("%srpc[%d]", at, i), "name each node once: two answers of one node are no agreement", "%q stands there twice", RedactURL(node))
		}
	}
	for i, node := range t.WS {
		if !checkURL(node, "ws", "wss") {
			return Chain{}, f.bad(fmt.Sprintf("%sws[%d]", at, i), "write ws://… or wss://…; nodes are asked at those in rpc", "%q is not where a node tells of new blocks", RedactURL(node))
		}
		if k.chainType != wallet.EVM || len(t.RPC) == 0 {
			return Chain{}, f.bad(at+"ws", "leave it out, or name nodes in rpc of an evm chain", "%q is of no use without nodes to ask", RedactURL(node))
		}
	}
	if err := f.finality(&c, at, k, t); err != nil {
		return Chain{}, err
	}
	if t.Strategy != nil {
		c.Strategy = *t.Strategy
		if !strategy.CheckName(c.Strategy) { // whether the program knows it is seen when a wallet is to be chosen
			return Chain{}, f.bad(at+"strategy", "write lowest-nonce, round-robin, least-in-flight, or the name of your program's own",
				"%q cannot be the name of a strategy", c.Strategy)
		}
	}
	if c.MaxUnmined, err = f.integer(at+"max_unmined", t.MaxUnmined, defaultMaxUnmined, 1, 1000); err != nil {
		return Chain{}, err
	}
	if c.Poll, err = f.duration(at+"poll", t.Poll, k.poll, 10*time.Millisecond, time.Hour); err != nil {
		return Chain{}, err
	}
	if c.Fees, err = f.fees(at, k, t); err != nil {
		return Chain{}, err
	}
	if err := f.guard(&c, at, k, t); err != nil {
		return Chain{}, err
	}
	c.Assets, err = f.assets(c, at, t.Asset)
	return c, err
}

// finality says when a payment is final: one way or the other, never both.
func (f *file) finality(c *Chain, at string, k known, t chainTable) (err error) {
	switch {
	case t.Finality != nil && t.Confirmations != nil:
		return f.bad(at+"finality", "leave one of the two out", "%q stands beside confirmations = %d", *t.Finality, *t.Confirmations)
	case t.Finality != nil && (*t.Finality != "finalized" || k.chainType == wallet.BTC):
		return f.bad(at+"finality", `write finality = "finalized" where the chain has that, else confirmations = N`, "%q is not a finality of %s", *t.Finality, k.chainType)
	case t.Finality != nil:
		c.Finalized = true
	case t.Confirmations != nil:
		c.Confirmations, err = f.integer(at+"confirmations", t.Confirmations, 0, 1, 100_000)
	default:
		c.Finalized, c.Confirmations = k.confirmations == 0, int(k.confirmations)
	}
	return err
}
