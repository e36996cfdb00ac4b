package signer

import (
	"fmt"

	"coffer.internal/internal/signer/btctx"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/evmtx"
	"coffer.internal/internal/signer/frame"
	"coffer.internal/internal/signer/soltx"
	"coffer.internal/signing"
)

// chain is how the intents of one chain type are checked.
type chain struct {
	check  func(signing.Intent) *signing.Refusal
	inputs func(signing.Intent) []string // what it uses up beside its number; nil: nothing
}

var chains = map[string]chain{
	derive.EVM:    {evmtx.Check, nil},
	derive.BTC:    {btctx.Check, btctx.Inputs},
	derive.Solana: {soltx.Check, soltx.Inputs},
}

// check says why an intent can never be signed, or nil, and which inputs it uses up.
func check(i signing.Intent) (inputs []string, r *signing.Refusal) {
	c, ok := chains[i.ChainType]
	if !ok {
		return nil, frame.Malformed(fmt.Sprintf("chain type %q is not signed by this version", i.ChainType))
	}
	if r := c.check(i); r != nil || c.inputs == nil {
		return nil, r
	}
	return c.inputs(i), nil
}
