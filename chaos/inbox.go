package main

import (
	"context"
	"math/big"
	"strings"
)

// inbox is another customer's service, which hands withdrawals in by SQL, one after the other, until ctx ends.
func (c *callers) inbox(ctx context.Context, l ledger) {
	for {
		select {
		case p := <-c.work:
			var answer string
			err := l.pool.QueryRow(ctx, "SELECT coffer_submit($1, $2, $3, $4, $5)", p.request, p.chain.id, p.To.Hex(), p.decimal(), p.symbol()).Scan(&answer)
			if err != nil {
				c.retry(ctx, p)
				continue
			}
			c.accept(p.request)
		case <-ctx.Done():
			return
		}
	}
}

// symbol is the asset by its name; nil is the chain's own coin.
func (p payment) symbol() *string {
	if p.Token == zero {
		return nil
	}
	symbol := tokenSymbol
	return &symbol
}

// decimal is the amount in whole coins. The token has no decimals.
func (p payment) decimal() string {
	if p.Token != zero {
		return p.Amount.String()
	}
	const decimals = 18
	whole, rest := new(big.Int).DivMod(p.Amount, new(big.Int).Exp(big.NewInt(10), big.NewInt(decimals), nil), new(big.Int))
	digits := rest.String()
	return whole.String() + "." + strings.Repeat("0", decimals-len(digits)) + digits
}
