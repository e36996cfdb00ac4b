package evm

import (
	"context"
	"strings"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"coffer.internal/internal/chain"
)

// rank orders verdicts from different nodes on the same bytes; the lowest stands for all.
//
// First come those that say where the bytes or the nonce are, whatever another node says: one that has them, then one whose
// chain has spent the nonce, then one whose pool holds something else there. Unknown follows: where one node may have the bytes, no
// other node's refusal may be read as their not being out. Of clean refusals the one that passes soonest wins.
var rank = map[chain.Verdict]int{
	chain.Accepted: 0, chain.Known: 1, chain.NonceTooLow: 2, chain.Occupied: 3, chain.Unknown: 4,
	chain.Busy: 5, chain.Unfunded: 6, chain.Rejected: 7,
}

// Send gives the bytes to all nodes at once, to each in the given order, in batches. A node that accepts while another says
// that the nonce is too low makes it Accepted: Watch finds out the rest.
func (c *Chain) Send(ctx context.Context, txs []chain.Tx) []chain.Sent {
	if len(txs) == 0 {
		return nil
	}
	requests := make([]request, len(txs))
	for i, tx := range txs {
		requests[i] = request{"eth_sendRawTransaction", []any{hexutil.Encode(tx.Raw)}}
	}
	replies := ofEach(c, func(n *node) []reply { return n.ask(ctx, requests, itemsPerBatch) }) // lowest nonce first
	sent := make([]chain.Sent, len(txs))
	for i, tx := range txs {
		for _, r := range replies {
			if s := sentBy(r[i], tx.Hash); sent[i].Verdict == "" || rank[s.Verdict] < rank[sent[i].Verdict] {
				sent[i] = s
			}
		}
	}
	return sent
}

// sentBy is what one node made of bytes whose hash is known.
func sentBy(r reply, hash string) chain.Sent {
	switch {
	case r.lost != nil:
		return chain.Sent{Verdict: chain.Unknown, Text: r.lost.Error()}
	case r.err != nil:
		return chain.Sent{Verdict: classify(r.err.Code, r.err.Message), Text: r.err.Message}
	}
	var got string
	if err := r.into(&got); err != nil {
		return chain.Sent{Verdict: chain.Unknown, Text: err.Error()}
	}
	if !strings.EqualFold(got, hash) {
		return chain.Sent{Verdict: chain.Unknown, Text: r.node + " answers with the hash " + shown(got)}
	}
	return chain.Sent{Verdict: chain.Accepted}
}
