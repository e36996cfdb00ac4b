package evm

import (
	"regexp"
	"strings"

	"coffer.internal/internal/chain"
)

// limited says that a code means: nothing was looked at, there were too many requests (EIP-1474 and HTTP 429).
func limited(code int) bool { return code == -32005 || code == tooManyRequests }

// verdicts are the beginnings, in lower case, of what nodes answer to eth_sendRawTransaction. The texts are those of
// go-ethereum 1.17 (core/error.go, core/txpool, eth, internal/ethapi; what is built on it says the same) and anvil 1.7.
// Codes tell nothing: geth says -32000 to all.
var verdicts = []struct {
	begins  string
	verdict chain.Verdict
}{
	{"already known", chain.Known},
	{"transaction already imported", chain.Known},
	{"known transaction", chain.Known}, // geth before 1.10, and chains made from it

	{"nonce too low", chain.NonceTooLow},
	{"replacement transaction underpriced", chain.Occupied},
	{"insufficient funds for ", chain.Unfunded},

	// The pool is full, or has this account's share.
	{"txpool is full", chain.Busy},
	{"transaction underpriced", chain.Busy},
	{"out of capacity", chain.Busy},
	{"account limit exceeded", chain.Busy},
	{"future transaction tries to replace pending", chain.Busy},
	{"in-flight transaction limit reached for delegated accounts", chain.Busy},
	{"gapped-nonce tx from delegated accounts", chain.Busy},
	{"address already reserved", chain.Busy},
	{"authority already reserved", chain.Busy},
	{"nonce too high", chain.Busy},                           // until those below it are in
	{"max fee per gas less than block base fee", chain.Busy}, // until the base fee falls

	{"transaction gas price below minimum", chain.Rejected},
	{"intrinsic gas too low", chain.Rejected},
	{"intrinsic gas too high", chain.Rejected},
	{"insufficient gas for floor data gas cost", chain.Rejected},
	{"transaction gas limit too high", chain.Rejected},
	{"exceeds block gas limit", chain.Rejected},
	{"gas uint64 overflow", chain.Rejected},
	{"max priority fee per gas higher than ", chain.Rejected},
	{"max fee per gas higher than 2^256-1", chain.Rejected},
	{"invalid sender", chain.Rejected},
	{"invalid chain id for signer", chain.Rejected},
	{"only replay-protected (eip-155) transactions allowed over rpc", chain.Rejected},
	{"tx fee (", chain.Rejected}, // above the node's own cap
	{"nonce has max value", chain.Rejected},
	{"negative value", chain.Rejected},
	{"oversized data", chain.Rejected},
	{"sender not an eoa", chain.Rejected},
	{"transaction type not supported", chain.Rejected},
	{"typed transaction too short", chain.Rejected},
	{"failed to decode transaction", chain.Rejected},
	{"rlp: ", chain.Rejected},
}

// classify says what a node's own error to eth_sendRawTransaction means. A text that is not known decides nothing.
func classify(code int, message string) chain.Verdict {
	if limited(code) {
		return chain.Busy
	}
	message = strings.ToLower(message)
	for _, v := range verdicts {
		if strings.HasPrefix(message, v.begins) {
			return v.verdict
		}
	}
	return chain.Unknown
}

// trial is what a call that changes nothing (eth_call, eth_estimateGas) showed.
type trial string

const (
	fails    trial = "fails"    // the contract's code says no
	unfunded trial = "unfunded" // the payer has not enough
	unclear  trial = "unclear"
)

// failures are the beginnings, in lower case, of the errors of an EVM that ran a call to its bad end (geth's core/vm/errors.go, anvil's
// own).
var failures = []string{
	"execution reverted", "out of gas", "gas required exceeds allowance", "invalid opcode", "invalid jump destination",
	"stack underflow", "stack limit reached", "max call depth exceeded", "write protection", "return data out of bounds",
	"evm error ",
}

// wrapping is what geth puts before such an error: in eth_call, and in eth_estimateGas.
var wrapping = regexp.MustCompile(`^(err: |failed with \d+ gas: )`)

// classifyCall says what a node's own error to eth_call or eth_estimateGas means.
func classifyCall(code int, message string) trial {
	const reverted = 3 // geth's code for a revert; anvil's too
	message = wrapping.ReplaceAllString(strings.ToLower(message), "")
	for _, f := range failures {
		if strings.HasPrefix(message, f) {
			return fails
		}
	}
	switch {
	case limited(code):
		return unclear
	case code == reverted:
		return fails
	case strings.HasPrefix(message, "insufficient funds for "):
		return unfunded
	}
	return unclear
}
