package evm

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/chain"
	"coffer.internal/signing"
)

const (
	// maxGas is the most that a transaction may ask for (EIP-7825).
	maxGas = params.MaxTxGas
	// fallbackGas is for a payment that was payable when it was vetted, and now is not: it still gets an intent, so that it
	// does not hold up the others, and ends as the chain decides. A token transfer, or a plain one, is well below it.
	fallbackGas = 100_000
)

// Draft completes intents: fees as of now within the policy's caps, gas as a node estimates it. A plain transfer of coin takes
// exactly 21,000 and gets that; whatever runs code gets a fifth more than the estimate, because the state it meets in its block may
// be another.
func (c *Chain) Draft(ctx context.Context, orders []chain.Order) ([]chain.Drafted, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	for _, o := range orders {
		if o.ChainID != c.id {
			return nil, fmt.Errorf("draft: an order for chain %d given to chain %d", o.ChainID, c.id)
		}
	}
	now, err := c.market(ctx)
	if err != nil {
		return nil, err
	}
	gas, err := c.gas(ctx, orders)
	if err != nil {
		return nil, err
	}
	drafted := make([]chain.Drafted, len(orders))
	for i, o := range orders {
		limit := max(gas[i], gasBefore(o))
		drafted[i].Outpriced = now.outprices(o.Replaces)
		f, wait := c.policy.authorized(o.FeeCap).choose(now, limit, now.l1(o.Payment.Contract), o.Replaces, o.Late)
		if wait != "" {
			if _, own := c.policy.choose(now, limit, now.l1(o.Payment.Contract), o.Replaces, o.Late); own == "" {
				wait = chain.AboveAuthorized + wait
			}
			drafted[i].Wait = wait
			continue
		}
		drafted[i].Intent = intentOf(o, f, limit)
	}
	return drafted, nil
}

func intentOf(o chain.Order, f fees, gas uint64) signing.Intent {
	e := &signing.EVMTransfer{To: o.Payment.To, Amount: o.Payment.Amount.String(), Contract: o.Payment.Contract, GasLimit: gas}
	if f.price != nil {
		e.GasPrice = f.price.String()
	} else {
		e.MaxFeePerGas, e.MaxPriorityFeePerGas = f.maxFee.String(), f.tip.String()
	}
	return signing.Intent{
		Version: signing.Version, Ledger: o.Ledger, Payment: o.Payment.ID, Purpose: o.Purpose,
		ChainType: "evm", ChainID: o.ChainID, From: o.From, Nonce: o.Nonce, EVM: e,
	}
}

// gasBefore is the highest gas limit of those with the same purpose that an order replaces: what was enough then stays enough.
func gasBefore(o chain.Order) uint64 {
	var most uint64
	for _, r := range o.Replaces {
		if r.Purpose == o.Purpose && r.EVM != nil {
			most = max(most, r.EVM.GasLimit)
		}
	}
	return min(most, maxGas)
}

// gas asks every node for every order's gas and takes the highest: what is not used is not spent.
func (c *Chain) gas(ctx context.Context, orders []chain.Order) ([]uint64, error) {
	requests := make([]request, len(orders))
	for i, o := range orders {
		requests[i] = request{"eth_estimateGas", []any{callOf(o.From, o.Payment), "latest"}}
	}
	replies := c.ask(ctx, requests)
	gas := make([]uint64, len(orders))
	for i := range orders {
		for _, r := range replies {
			if g, err := limitOf(r[i]); err == nil {
				gas[i] = max(gas[i], g)
			}
		}
		if gas[i] == 0 {
			return nil, c.unreachable(ctx, "the gas of a payment", problems(replies, i)...)
		}
	}
	return gas, nil
}

// limitOf makes a gas limit of an estimate.
func limitOf(r reply) (uint64, error) {
	if r.err != nil && classifyCall(r.err.Code, r.err.Message) != unclear {
		return fallbackGas, nil
	}
	var estimate hexutil.Uint64
	if err := r.into(&estimate); err != nil {
		return 0, err
	}
	switch g := uint64(estimate); {
	case g == 0:
		return 0, errors.New("an estimate of 0")
	case g <= params.TxGas:
		return params.TxGas, nil
	case g >= maxGas:
		return maxGas, nil
	default:
		return min(g+g/5, maxGas), nil
	}
}

// callOf is a payment as eth_call and eth_estimateGas take it, with as much gas as a transaction can have, and without a
// price, so that it is not about the money for gas.
func callOf(from string, p chain.Payment) map[string]string {
	call := map[string]string{"from": from, "to": p.To, "gas": hexutil.EncodeUint64(maxGas)}
	if p.Contract == "" {
		call["value"] = hexutil.EncodeBig(p.Amount)
		return call
	}
	call["to"], call["data"] = p.Contract, hexutil.Encode(transferCall(p.To, p.Amount))
	return call
}
