package evm

import (
	"context"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"coffer.internal/internal/chain"
)

// opinion is what one node thinks of a payment: payable, refused with a reason, or no opinion (problem).
type opinion struct {
	refusal string
	problem error
}

// Vet tries each payment on every node without doing it. A payment is refused when every node that has an opinion refuses it, and
// only for the payment's own sake: that the payer has too little of what it pays is no refusal. A payment that no node has a
// clear answer to is an error about all of them.
func (c *Chain) Vet(ctx context.Context, from string, payments []chain.Payment) ([]chain.Vetted, error) {
	vetted := make([]chain.Vetted, len(payments))
	var tried []chain.Payment
	var at []int
	for i, p := range payments {
		if vetted[i].Refusal = c.Impossible(p); vetted[i].Refusal == "" {
			tried, at = append(tried, p), append(at, i)
		}
	}
	if len(tried) == 0 {
		return vetted, nil
	}
	byNode := ofEach(c, func(n *node) []opinion { return c.vet(ctx, n, from, tried) })
	for i := range tried {
		var silent []error
		refusal, payable := "", false
		for _, opinions := range byNode {
			switch o := opinions[i]; {
			case o.problem != nil:
				silent = append(silent, o.problem)
			case o.refusal != "":
				refusal = o.refusal
			default:
				payable = true
			}
		}
		if len(silent) == len(c.nodes) {
			return nil, c.unreachable(ctx, "the trial of a payment", silent...)
		}
		if !payable {
			vetted[at[i]].Refusal = refusal
		}
	}
	return vetted, nil
}

// Impossible says what is wrong with a payment on any EVM chain in any state.
func (*Chain) Impossible(p chain.Payment) string {
	to := common.HexToAddress(p.To)
	switch {
	case p.Amount == nil || p.Amount.Sign() <= 0 || p.Amount.BitLen() > 256:
		return "the amount is not from 1 to 2^256-1"
	case to == (common.Address{}):
		return "the recipient is the zero address"
	case p.Contract != "" && to == common.HexToAddress(p.Contract):
		return "the recipient is the token's own contract"
	case precompiled(to):
		return "the recipient " + p.To + " is a precompiled contract: nobody holds its key"
	}
	return ""
}

// precompiled says whether an address is one of those that the EVM itself answers for: 0x01 to 0x11, and 0x0100 (EIP-7951).
func precompiled(a common.Address) bool {
	n := new(big.Int).SetBytes(a[:])
	return n.IsUint64() && (n.Uint64() >= 0x01 && n.Uint64() <= 0x11 || n.Uint64() == 0x0100)
}

// vet tries payments on one node. Everything is asked about one block, so that a refusal for lack of tokens is never taken
// for one of the payment's own.
func (c *Chain) vet(ctx context.Context, n *node, from string, payments []chain.Payment) []opinion {
	opinions := make([]opinion, len(payments))
	head := n.ask(ctx, []request{{method: "eth_blockNumber"}}, 1)[0]
	var number hexutil.Uint64
	if err := head.into(&number); err != nil {
		for i := range opinions {
			opinions[i].problem = err
		}
		return opinions
	}
	block := number.String()
	var requests []request
	for _, p := range payments {
		requests = append(requests, request{"eth_call", []any{callOf(from, p), block}})
	}
	balances := map[string]int{} // where in requests a contract's balance of from is asked for
	for _, p := range payments {
		if _, there := balances[p.Contract]; p.Contract != "" && !there {
			balances[p.Contract] = len(requests)
			requests = append(requests, balanceOf(p.Contract, from, block))
		}
	}
	replies := c.read(ctx, n, requests, 0)
	for i, p := range payments {
		if p.Contract == "" {
			opinions[i] = coinOpinion(replies[i])
		} else {
			opinions[i] = tokenOpinion(replies[i], replies[balances[p.Contract]], p.Amount)
		}
	}
	return opinions
}

func coinOpinion(call reply) opinion {
	if call.err != nil {
		switch classifyCall(call.err.Code, call.err.Message) {
		case fails:
			return opinion{refusal: "the recipient's contract does not take it: " + call.err.Message}
		case unfunded:
			return opinion{}
		}
	}
	return opinion{problem: call.problem()}
}

// tokenOpinion judges a token transfer only if the payer has enough of the token: else contracts revert for that alone.
func tokenOpinion(call, balance reply, amount *big.Int) opinion {
	has, err := balance.balance()
	if err != nil {
		return opinion{problem: err}
	}
	if has.Cmp(amount) < 0 {
		return opinion{}
	}
	if call.err != nil && classifyCall(call.err.Code, call.err.Message) == fails {
		return opinion{refusal: "the token's contract does not transfer it: " + call.err.Message}
	}
	var data hexutil.Bytes
	if err := call.into(&data); err != nil {
		return opinion{problem: err}
	}
	// ERC-20 says true. Many tokens, USDT on Ethereum first, say nothing; false, or what is no truth value, is a no.
	if len(data) > 0 && (len(data) < 32 || new(big.Int).SetBytes(data[:32]).Cmp(big.NewInt(1)) != 0) {
		return opinion{refusal: "the token's contract answers that it does not transfer it"}
	}
	return opinion{}
}
