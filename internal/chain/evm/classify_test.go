package evm

import (
	"testing"

	"coffer.internal/internal/chain"
)

// The texts are those that the nodes answered when they were tried (go-ethereum 1.17.10, anvil 1.7.1), or that stand in
// geth's source where a case is hard to bring about.
func TestEveryTextOfANodeHasItsVerdict(t *testing.T) {
	for _, c := range []struct {
		code    int
		message string
		want    chain.Verdict
	}{
		{-32000, "nonce too low: next nonce 1, tx nonce 0", chain.NonceTooLow},
		{-32003, "nonce too low", chain.NonceTooLow},
		{-32000, "already known", chain.Known},
		{-32003, "transaction already imported", chain.Known},
		{-32000, "known transaction: 0x1234", chain.Known},
		{-32000, "replacement transaction underpriced", chain.Occupied},
		{-32003, "replacement transaction underpriced", chain.Occupied},
		{-32000, "insufficient funds for gas * price + value: balance 1, tx cost 2, overshot 1", chain.Unfunded},
		{-32000, "insufficient funds for gas * price + value: balance 5, queued cost 3, tx cost 3, overshot 1", chain.Unfunded},
		{-32003, "Insufficient funds for gas * price + value", chain.Unfunded},
		{-32000, "insufficient funds for transfer", chain.Unfunded},

		{-32000, "txpool is full", chain.Busy},
		{-32000, "transaction underpriced", chain.Busy},
		{-32000, "transaction underpriced: gas tip cap 1, minimum needed 2", chain.Busy},
		{-32000, "out of capacity", chain.Busy},
		{-32000, "account limit exceeded: pooled 16 txs", chain.Busy},
		{-32000, "in-flight transaction limit reached for delegated accounts", chain.Busy},
		{-32000, "gapped-nonce tx from delegated accounts", chain.Busy},
		{-32000, "address already reserved", chain.Busy},
		{-32000, "authority already reserved", chain.Busy},
		{-32000, "future transaction tries to replace pending", chain.Busy},
		{-32000, "nonce too high: tx nonce 9, gapped nonce 3", chain.Busy},
		{-32003, "max fee per gas less than block base fee", chain.Busy},
		{-32005, "daily request count exceeded", chain.Busy},
		{429, "too many requests", chain.Busy},

		{-32000, "intrinsic gas too low: gas 20000, minimum needed 21000", chain.Rejected},
		{-32000, "intrinsic gas too low", chain.Rejected},
		{-32000, "insufficient gas for floor data gas cost: gas 21000, minimum needed 23000", chain.Rejected},
		{-32000, "transaction gas limit too high (cap: 16777216, tx: 16777217)", chain.Rejected},
		{-32000, "intrinsic gas too high -- tx.gas_limit > env.block.gas_limit", chain.Rejected},
		{-32000, "exceeds block gas limit", chain.Rejected},
		{-32000, "transaction gas price below minimum: gas tip cap 0, minimum needed 1", chain.Rejected},
		{-32000, "max priority fee per gas higher than max fee per gas", chain.Rejected},
		{-32003, "max priority fee per gas higher than max fee per gas", chain.Rejected},
		{-32000, "max fee per gas higher than 2^256-1", chain.Rejected},
		{-32000, "invalid sender: invalid chain id for signer: have 999 want 1337", chain.Rejected},
		{-32003, "invalid chain id for signer", chain.Rejected},
		{-32000, "tx fee (5.00 ether) exceeds the configured cap (1.00 ether)", chain.Rejected},
		{-32000, "oversized data: transaction size 143478, limit 131072", chain.Rejected},
		{-32000, "rlp: expected input list for types.LegacyTx", chain.Rejected},
		{-32000, "typed transaction too short", chain.Rejected},
		{-32602, "Failed to decode transaction", chain.Rejected},
		{-32000, "transaction type not supported: tx type 9 not supported by this pool", chain.Rejected},
		{-32000, "nonce has max value", chain.Rejected},
		{-32000, "negative value", chain.Rejected},
		{-32000, "sender not an eoa: address 0x00", chain.Rejected},
		{-32000, "only replay-protected (EIP-155) transactions allowed over RPC", chain.Rejected},

		{-32603, "Internal error", chain.Unknown},
		{-32000, "", chain.Unknown},
		{-32000, "context deadline exceeded", chain.Unknown},
		{-32601, "the method eth_sendRawTransaction does not exist/is not available", chain.Unknown},
		{-32000, "upstream says: nonce too low", chain.Unknown},
		{4, "The transaction was added to the transaction pool but wasn't processed in 1s.", chain.Unknown},
	} {
		if got := classify(c.code, c.message); got != c.want {
			t.Errorf("%d %q is %s, not %s", c.code, c.message, got, c.want)
		}
	}
}

func TestATrialFailsOnlyByTheContractsOwnWord(t *testing.T) {
	for _, c := range []struct {
		code    int
		message string
		want    trial
	}{
		{3, "execution reverted: transfer amount exceeds balance", fails},
		{3, "execution reverted", fails},
		{3, "execution reverted: insufficient funds for anything", fails},
		{-32000, "execution reverted", fails},
		{-32000, "invalid opcode: INVALID", fails},
		{-32000, "out of gas", fails},
		{-32000, "gas required exceeds allowance (16777216)", fails},
		{-32003, "EVM error InvalidFEOpcode", fails},
		{-32000, "err: insufficient funds for gas * price + value: address 0x00 have 0 want 1 (supplied gas 16777216)", unfunded},
		{-32000, "failed with 16777216 gas: insufficient funds for gas * price + value: address 0x00 have 0 want 5", unfunded},
		{-32000, "failed with 16777216 gas: invalid opcode: INVALID", fails},
		{-32003, "Insufficient funds for gas * price + value", unfunded},
		{-32000, "insufficient funds for transfer", unfunded},
		{-32000, "header not found", unclear},
		{-32005, "limit exceeded", unclear},
		{-32000, "execution aborted (timeout = 5s)", unclear},
		{-32603, "Internal error", unclear},
		{429, "too many requests", unclear},
	} {
		if got := classifyCall(c.code, c.message); got != c.want {
			t.Errorf("%d %q is %s, not %s", c.code, c.message, got, c.want)
		}
	}
}
