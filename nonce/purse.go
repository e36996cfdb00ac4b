package nonce

import (
	"fmt"
	"math/big"
)

// Purse is what a wallet can still spend, in base units: what the chain says it has, less what is unmined already. What is
// not in it is nothing.
type Purse struct {
	Native *big.Int            // the chain's own coin
	Tokens map[string]*big.Int // by contract
}

// Lacks says what is missing for a payment, or nothing.
func (p Purse) Lacks(b Binding) string {
	native := orNothing(p.Native)
	if b.Contract == "" {
		if need := new(big.Int).Add(b.Amount, b.MaxFee); native.Cmp(need) < 0 {
			return fmt.Sprintf("no funds: it can spend %s of the coin, amount and fee may take %s", native, need)
		}
		return ""
	}
	if has := orNothing(p.Tokens[b.Contract]); has.Cmp(b.Amount) < 0 {
		return fmt.Sprintf("no funds: it can spend %s of token %s, the amount is %s", has, b.Contract, b.Amount)
	}
	if native.Cmp(b.MaxFee) < 0 {
		return fmt.Sprintf("no funds for the fee: it can spend %s of the coin, the fee may take %s", native, b.MaxFee)
	}
	return ""
}

func orNothing(n *big.Int) *big.Int {
	if n == nil {
		return new(big.Int)
	}
	return n
}

// open is a purse that a batch can spend from. It copies, because a batch may be decided more than once and each time starts
// with what the caller said.
func (p Purse) open() *Purse {
	c := &Purse{Native: new(big.Int).Set(orNothing(p.Native)), Tokens: make(map[string]*big.Int, len(p.Tokens))}
	for contract, v := range p.Tokens {
		c.Tokens[contract] = new(big.Int).Set(orNothing(v))
	}
	return c
}

// spend takes a payment's amount and highest fee out of an opened purse. It may go below zero for a payment that was bound
// before.
func (p *Purse) spend(b Binding) {
	p.Native.Sub(p.Native, b.MaxFee)
	if b.Contract == "" {
		p.Native.Sub(p.Native, b.Amount)
		return
	}
	has := p.Tokens[b.Contract]
	if has == nil {
		has = new(big.Int)
		p.Tokens[b.Contract] = has
	}
	has.Sub(has, b.Amount)
}
