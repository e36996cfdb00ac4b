package presence

import (
	"context"
	"fmt"
	"time"

	"coffer.internal/internal/store"
)

const (
	// ClearWithin is how long Clear waits for the instances.
	ClearWithin = 5 * time.Second
	lookEvery   = 50 * time.Millisecond // how often it looks
)

// actionClear is this package's action in audit rows.
const actionClear = "cache.clear"

// Cleared is what became of a Clear.
type Cleared struct {
	Generation   int64
	Acknowledged []store.Instance // they emptied their caches
	Missing      []store.Instance // live when asked, and they did not say so in time
	Stale        []store.Instance // nobody waited for these
}

// Asked is how many instances had to answer.
func (c Cleared) Asked() int { return len(c.Acknowledged) + len(c.Missing) }

// Clear raises the generation, in one transaction with its audit row, and waits until every live instance obeyed or ClearWithin is
// over. An instance that ends meanwhile has no cache any more and is not counted. If ctx ends before, its error is returned, and
// the generation is raised all the same.
func Clear(ctx context.Context, db store.DB, actor string) (Cleared, error) {
	var asked Status
	err := db.Update(ctx, func(tx store.Tx) (err error) {
		generation, err := tx.RaiseGeneration(ctx)
		if err != nil {
			return err
		}
		if asked, err = In(ctx, tx); err != nil {
			return err
		}
		return tx.Record(ctx, []store.AuditRow{{
			Actor: actor, Action: actionClear, Subject: "cache", Before: fmt.Sprintf("generation %d", generation-1),
			After: fmt.Sprintf("generation %d, %d instances asked", generation, len(asked.Live())), Result: store.ResultDone,
		}})
	})
	if err != nil {
		return Cleared{}, err
	}
	over := time.NewTimer(ClearWithin)
	defer over.Stop()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for last := false; ; {
		now, err := Read(ctx, db)
		if err != nil {
			return Cleared{}, err
		}
		if c := judge(asked, now); last || len(c.Missing) == 0 {
			return c, nil
		}
		select {
		case <-tick.C:
		case <-over.C:
			last = true // once more, for who answered in the last moment
		case <-ctx.Done():
			return Cleared{}, ctx.Err()
		}
	}
}

// judge says who of those asked has obeyed by now.
func judge(asked, now Status) Cleared {
	c := Cleared{Generation: asked.Generation, Stale: asked.Gone()}
	there := map[string]store.Instance{}
	for _, i := range now.Instances {
		there[i.ID] = i
	}
	for _, i := range asked.Live() {
		switch i, still := there[i.ID]; {
		case !still:
		case i.Cache.Generation >= asked.Generation:
			c.Acknowledged = append(c.Acknowledged, i)
		default:
			c.Missing = append(c.Missing, i)
		}
	}
	return c
}
