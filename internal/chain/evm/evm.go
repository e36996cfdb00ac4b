// Package evm offers EVM chains to the engine (the contract of internal/chain), over the JSON-RPC of one or more nodes.
//
// No node is believed by itself. A node whose chain id was not just seen to be right is asked for nothing else. What a node says is
// either a clean answer (a JSON-RPC result or error with the id that was asked) or nothing at all: a time-out, an HTTP error,
// a broken batch, an answer that is no JSON make what was asked unknown, never false. Hashes are computed here. A
// payment is final when the majority of the configured nodes has it in the same block, deep enough; what costs somebody money when it
// is wrong is said only where all of them show the same.
package evm

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/fault"
)

var (
	_ chain.Chain    = (*Chain)(nil)
	_ chain.Accounts = (*Chain)(nil)
)

// Options say which chain is asked through which nodes.
type Options struct {
	ChainID int64    // EIP-155, at least 1
	RPC     []string // URLs of nodes, http or https; user and password, or keys in the path, are never shown
	WS      []string // URLs where nodes tell of new blocks, ws or wss; they are asked for nothing else
	// Confirmations is the number of blocks after which a payment is final, its own block counted: with 1 it is final as soon
	// as it is mined, with N when N-1 blocks stand on top of it. Finalized asks for the block that the chain itself calls
	// finalized instead, and Confirmations is not looked at.
	Confirmations int
	Finalized     bool
	Fees          FeePolicy
	Now           func() time.Time // the clock; nil is time.Now

	// Transport carries the requests; nil is a new one, with a pool of connections of its own.
	Transport http.RoundTripper
	// OneByOne asks the nodes one after the other, in their order, instead of all at once: a simulation replays exactly.
	OneByOne bool
}

// Chain is an EVM chain with its nodes.
type Chain struct {
	id            int64
	confirmations uint64
	finalized     bool
	policy        FeePolicy
	oneByOne      bool
	nodes         []*node
	ws            []string
	own           *http.Transport // nil: the transport is somebody else's
}

// New makes a Chain. It asks no node.
func New(o Options) (*Chain, error) {
	const hint = "set rpc of the chain in coffer.toml"
	switch {
	case o.ChainID < 1:
		return nil, fault.New(fault.Usage, "bad_chain_id", "use an id of EIP-155", "chain id %d is below 1", o.ChainID)
	case len(o.RPC) == 0:
		return nil, fault.New(fault.Usage, "no_node", hint, "chain evm %d has no node", o.ChainID)
	case !o.Finalized && o.Confirmations < 1:
		return nil, fault.New(fault.Usage, "bad_confirmations", "set confirmations or finality in coffer.toml",
			"chain evm %d: confirmations = %d must be at least 1", o.ChainID, o.Confirmations)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Chain{id: o.ChainID, finalized: o.Finalized, confirmations: uint64(max(o.Confirmations, 0)), oneByOne: o.OneByOne, ws: o.WS}
	var err error
	if c.policy, err = o.Fees.withDefaults(o.ChainID); err != nil {
		return nil, err
	}
	if o.Transport == nil {
		c.own = newTransport()
		o.Transport = c.own
	}
	for _, raw := range o.WS {
		if u, err := url.Parse(raw); err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
			return nil, fault.New(fault.Usage, "bad_node_url", "set ws of the chain in coffer.toml",
				"chain evm %d: where a node tells of blocks begins with ws:// or wss:// and names a host", o.ChainID)
		}
	}
	for _, raw := range o.RPC {
		n, err := newNode(raw, o.ChainID, o.Transport, o.Now)
		if err != nil {
			return nil, fault.Wrap(err, fault.Usage, "bad_node_url", hint, "chain evm %d", o.ChainID)
		}
		c.nodes = append(c.nodes, n)
	}
	return c, nil
}

// Close lets idle connections go. Calls that are under way end by their contexts.
func (c *Chain) Close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// ofEach runs f for every node, at once if not OneByOne, and gives the results in the nodes' order.
func ofEach[T any](c *Chain, f func(*node) T) []T {
	results := make([]T, len(c.nodes))
	if c.oneByOne {
		for i, n := range c.nodes {
			results[i] = f(n)
		}
		return results
	}
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() { results[i] = f(n) })
	}
	all.Wait()
	return results
}

// ask asks every node the same, in no order; the replies are by node, then request.
func (c *Chain) ask(ctx context.Context, requests []request) [][]reply {
	return ofEach(c, func(n *node) []reply { return c.read(ctx, n, requests, 0) })
}

// abreast is how many batches of questions are on their way to a node at a time.
const abreast = 4

// read asks a node for all requests, several batches at a time, and gives the replies in order. It is for questions, whose order does
// not matter, but for so many of them that are answered before the others are asked.
func (c *Chain) read(ctx context.Context, n *node, requests []request, before int) []reply {
	if c.oneByOne || len(requests) <= itemsPerBatch {
		return n.ask(ctx, requests, itemsPerBatch)
	}
	before = min((before+itemsPerBatch-1)/itemsPerBatch*itemsPerBatch, len(requests)) // whole batches
	replies, rest := n.ask(ctx, requests[:before], itemsPerBatch), requests[before:]
	if before > 0 && replies[before-1].lost != nil {
		return append(replies, allLost(len(rest), replies[before-1].lost)...)
	}
	batches := slices.Collect(slices.Chunk(rest, itemsPerBatch))
	answers := make([][]reply, len(batches))
	var all errgroup.Group
	all.SetLimit(abreast)
	for i, batch := range batches {
		all.Go(func() error {
			answers[i] = n.ask(ctx, batch, itemsPerBatch)
			return nil
		})
	}
	_ = all.Wait() // what failed is lost, and says so
	return append(replies, slices.Concat(answers...)...)
}

// unreachable is the error when no node gave a clean answer; problems are what they gave instead.
func (c *Chain) unreachable(ctx context.Context, what string, problems ...error) error {
	if err := ctx.Err(); err != nil {
		problems = []error{err}
	}
	return fault.Wrap(errors.Join(problems...), fault.Unreachable, "node_unreachable",
		"see that a node in rpc of the chain in coffer.toml runs and answers, then say it again",
		"%s of chain evm %d: no node answered cleanly", what, c.id)
}

// problems are why the nodes' replies to request i are no results.
func problems(replies [][]reply, i int) []error {
	var all []error
	for _, r := range replies {
		if err := r[i].problem(); err != nil {
			all = append(all, err)
		}
	}
	return all
}
