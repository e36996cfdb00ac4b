package evm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"coffer.internal/internal/chain"
)

var _ chain.Nodes = (*Chain)(nil)

// settledBlocks is how many blocks below the highest head nodes have to have the same block: the last ones are often left behind
// without anything being wrong.
const settledBlocks = 2

// Nodes asks each node now for its chain id and its latest block, then all of them for their block at one height that all have.
func (c *Chain) Nodes(ctx context.Context) []chain.NodeState {
	states := ofEach(c, func(n *node) chain.NodeState { return n.state(ctx) })
	lowest, highest, clean := uint64(math.MaxUint64), uint64(0), 0
	for _, s := range states {
		if s.Problem == "" {
			lowest, highest, clean = min(lowest, s.Head), max(highest, s.Head), clean+1
		}
	}
	if clean < 2 {
		return states
	}
	height := min(lowest, max(highest, settledBlocks)-settledBlocks)
	at := map[*node]int{}
	for i, n := range c.nodes {
		at[n] = i
	}
	hashes := ofEach(c, func(n *node) string {
		if states[at[n]].Problem != "" {
			return ""
		}
		return n.hashAt(ctx, height)
	})
	for i := range states {
		states[i].Split = split(states, hashes, i, height)
	}
	return states
}

// state is how a node does now.
func (n *node) state(ctx context.Context) chain.NodeState {
	s := chain.NodeState{Name: n.name}
	if err := n.identifyNow(ctx); err != nil {
		s.Problem, s.WrongChain = err.Error(), errors.Is(err, errOtherChain)
		return s
	}
	var head struct{ Number, Timestamp *hexutil.Uint64 }
	err := n.ask(ctx, []request{{"eth_getBlockByNumber", []any{"latest", false}}}, 1)[0].into(&head)
	switch {
	case err != nil:
		s.Problem = err.Error()
	case head.Number == nil || head.Timestamp == nil || *head.Timestamp > math.MaxInt64:
		s.Problem = n.name + " answers with a block without height or time"
	default:
		s.Head, s.HeadAt = uint64(*head.Number), time.Unix(int64(*head.Timestamp), 0).UTC()
	}
	return s
}

// hashAt is the hash of a node's block at a height; empty: it does not say.
func (n *node) hashAt(ctx context.Context, height uint64) string {
	var block struct{ Hash *common.Hash }
	err := n.ask(ctx, []request{{"eth_getBlockByNumber", []any{hexutil.Uint64(height), false}}}, 1)[0].into(&block)
	if err != nil || block.Hash == nil {
		return ""
	}
	return block.Hash.Hex()
}

// split says that node i has another block than others, unless these are fewer than those that have the same as it does.
func split(states []chain.NodeState, hashes []string, i int, height uint64) string {
	if hashes[i] == "" {
		return ""
	}
	same := 0
	others := map[string][]string{} // by hash, who
	var most string
	for j, h := range hashes {
		switch {
		case h == "":
		case h == hashes[i]:
			same++
		default:
			if others[h] = append(others[h], states[j].Name); len(others[h]) > len(others[most]) {
				most = h
			}
		}
	}
	if len(others[most]) == 0 || len(others[most]) < same {
		return ""
	}
	return fmt.Sprintf("block %d is %s, and %s of %s", height, hashes[i], most, strings.Join(others[most], ", "))
}
