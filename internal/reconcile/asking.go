package reconcile

import (
	"context"
	"fmt"

	"coffer.internal/internal/chain"
)

// ask asks the chains about attempts. What is not in the result was not asked about.
func (w *walk) ask(ctx context.Context, look []looked) (map[int64]chain.Sighting, error) {
	on := map[Place][]looked{}
	for _, l := range look {
		at := Place{l.ChainType, l.ChainID}
		on[at] = append(on[at], l)
	}
	seen := make(map[int64]chain.Sighting, len(look))
	for _, c := range w.o.Chains {
		at := Place{c.Type, c.ID}
		if len(on[at]) == 0 || w.silent[at] != "" {
			continue
		}
		txs := make([]chain.Tx, len(on[at]))
		for i, l := range on[at] {
			txs[i] = l.tx
		}
		sightings, err := c.Chain.Watch(ctx, txs)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			w.silent[at] = err.Error()
			continue
		}
		silent := true
		for i, s := range sightings {
			seen[on[at][i].ID] = s
			silent = silent && s.Stage == chain.StageUnknown
		}
		if silent { // it would be the same for all that come after, each time with all time-outs
			w.silent[at] = sightings[0].Note
		}
	}
	return seen, nil
}

// whyNot is why a chain was not asked.
func (w *walk) whyNot(at Place) string {
	if why := w.silent[at]; why != "" {
		return why
	}
	return fmt.Sprintf("[chain.%s.%d] has no nodes in coffer.toml", at.ChainType, at.ChainID)
}
