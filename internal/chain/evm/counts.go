package evm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"coffer.internal/internal/chain"
)

// highestCount is the most that an account's count can be for coffer, whose nonces end there (2^53).
const highestCount = 1 << 53

// said is what one node says of one account.
type said struct {
	node            string
	latest, pending uint64
	problem         error // why it is no clean answer; then the numbers say nothing
}

// Counts reads the accounts' counts in the latest block and in the pool on every node, in batches. What a node says about an
// account is believed whole or not at all: with one half missing, or a pool that counts less than the latest block (two
// nodes behind one URL, one of them older), it has not answered.
func (c *Chain) Counts(ctx context.Context, addresses []string) ([]chain.Count, error) {
	requests := make([]request, 0, 2*len(addresses))
	for _, a := range addresses {
		requests = append(requests, countOf(a, "latest"), countOf(a, "pending"))
	}
	replies := c.ask(ctx, requests)
	counts := make([]chain.Count, len(addresses))
	var silent []error
	for i := range addresses {
		all := make([]said, len(c.nodes))
		for n, r := range replies {
			all[n] = countSaid(c.nodes[n].name, r[2*i], r[2*i+1])
		}
		if counts[i] = counted(all); counts[i].Nodes == 0 {
			silent = append(silent, errors.New(counts[i].Doubt))
		}
	}
	if len(addresses) > 0 && len(silent) == len(addresses) {
		return nil, c.unreachable(ctx, "the account's count", silent[0])
	}
	return counts, nil
}

func countOf(address, block string) request {
	return request{"eth_getTransactionCount", []any{address, block}}
}

func countSaid(node string, inBlock, inPool reply) said {
	s := said{node: node}
	var latest, pending hexutil.Uint64
	if s.problem = inBlock.into(&latest); s.problem == nil {
		s.problem = inPool.into(&pending)
	}
	if s.latest, s.pending = uint64(latest), uint64(pending); s.problem != nil {
		return s
	}
	switch {
	case s.latest > highestCount || s.pending > highestCount:
		s.problem = fmt.Errorf("%s counts %d, which cannot be", node, max(s.latest, s.pending))
	case s.pending < s.latest:
		s.problem = fmt.Errorf("%s counts %d in the latest block, and %d with its pool", node, s.latest, s.pending)
	}
	return s
}

// counted puts together what the nodes say of an account. They agree only when all of them answered and say the same Latest.
func counted(all []said) chain.Count {
	var c chain.Count
	var parts []string
	agreed := true
	for _, s := range all {
		if s.problem != nil {
			agreed = false
			c.Silent++
			parts = append(parts, s.problem.Error())
			continue
		}
		parts = append(parts, fmt.Sprintf("%s counts %d", s.node, s.latest))
		agreed = agreed && (c.Nodes == 0 || s.latest == c.Latest)
		if c.Nodes == 0 || s.latest < c.Latest {
			c.Latest = s.latest
		}
		c.Highest, c.Pending = max(c.Highest, s.latest), max(c.Pending, s.pending)
		c.Nodes++
	}
	if c.Agreed = agreed; !agreed {
		c.Doubt = strings.Join(parts, "; ")
	}
	return c
}
