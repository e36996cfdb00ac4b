package main

import (
	"context"
	"crypto/ed25519"
	"math/big"
	"strings"
	"time"

	"coffer.internal/signing"
)

// inbox is another customer's service, which hands withdrawals in by SQL, one after the other, until ctx ends. It authorizes each itself.
func (c *callers) inbox(ctx context.Context, l ledger, key ed25519.PrivateKey) {
	var id string
	for {
		select {
		case p := <-c.work:
			var answer string
			err := l.pool.QueryRow(ctx, "SELECT id FROM ledger").Scan(&id)
			if err == nil {
				err = l.pool.QueryRow(ctx, "SELECT coffer_submit($1, $2, $3, $4, $5, $6)", p.request, p.chain.id, p.To.Hex(), p.decimal(), p.symbol(),
					p.authorization(id).Token(key)).Scan(&answer)
			}
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

// authorization is what says that a payment may be made.
func (p payment) authorization(ledger string) signing.Authorization {
	now := time.Now().Truncate(time.Second)
	a := signing.Authorization{
		Ledger: ledger, Payment: p.request, ChainType: "evm", ChainID: int64(p.chain.id), To: p.To.Hex(), Amount: p.Amount.String(),
		MaxFee: "10000000000000000000", Issued: now, Expires: now.Add(24 * time.Hour),
	}
	if p.Token != zero {
		a.Asset = p.Token.Hex()
	}
	return a
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
