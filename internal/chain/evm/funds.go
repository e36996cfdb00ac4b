package evm

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/chain"
)

// What a payment may take in gas before it is known. A plain transfer takes 21,000, but a recipient that is a contract runs
// code when it is paid. A plain token takes up to 65,000 for a new holder, and 150,000 where EIP-8037 holds; others do more
// than move.
const (
	coinGas  = 50_000
	tokenGas = 200_000
)

// Funds reads what wallets have in the latest block: of several nodes the lowest. A contract where no token stands has
// nothing for anybody.
func (c *Chain) Funds(ctx context.Context, addresses, contracts []string) (chain.Funds, error) {
	now, err := c.market(ctx)
	if err != nil {
		return chain.Funds{}, err
	}
	funds := chain.Funds{
		Native: map[string]*big.Int{}, Tokens: map[string]map[string]*big.Int{},
		MaxFee: map[string]*big.Int{"": c.policy.mostOf(now, coinGas, now.l1Coin)},
	}
	// The cheapest transaction there is: where its fees are above a cap, all are.
	_, funds.Wait = c.policy.choose(now, params.TxGas, now.l1Coin, nil, false)
	var requests []request
	for _, a := range addresses {
		requests = append(requests, request{"eth_getBalance", []any{a, "latest"}})
	}
	for _, contract := range contracts {
		funds.Tokens[contract] = map[string]*big.Int{}
		funds.MaxFee[contract] = c.policy.mostOf(now, tokenGas, now.l1Token)
		for _, a := range addresses {
			requests = append(requests, balanceOf(contract, a, "latest"))
		}
	}
	replies := c.ask(ctx, requests)
	for i, a := range addresses {
		if funds.Native[a], err = c.lowest(ctx, replies, i, quantity); err != nil {
			return chain.Funds{}, fmt.Errorf("balance of %s: %w", a, err)
		}
		for j, contract := range contracts {
			at := len(addresses)*(j+1) + i
			if funds.Tokens[contract][a], err = c.lowest(ctx, replies, at, reply.balance); err != nil {
				return chain.Funds{}, fmt.Errorf("balance of %s in %s: %w", a, contract, err)
			}
		}
	}
	return funds, nil
}

// lowest is the lowest that a node says to request i.
func (c *Chain) lowest(ctx context.Context, replies [][]reply, i int, read func(reply) (*big.Int, error)) (*big.Int, error) {
	var low *big.Int
	var silent []error
	for _, r := range replies {
		switch n, err := read(r[i]); {
		case err != nil:
			silent = append(silent, err)
		case low == nil || n.Cmp(low) < 0:
			low = n
		}
	}
	if low == nil {
		return nil, c.unreachable(ctx, "a balance", silent...)
	}
	return low, nil
}

// quantity reads a number.
func quantity(r reply) (*big.Int, error) {
	var wei hexutil.Big
	err := r.into(&wei)
	return wei.ToInt(), err
}
