package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Retry makes tries of a transaction while they end in ErrConflict, MaxTries at most, and returns what the last one came to.
// Between them it waits a little, longer with each try, never the same. The end of ctx ends the waiting, with its error.
func Retry(ctx context.Context, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		if !errors.Is(err, ErrConflict) || n == MaxTries {
			return err
		}
		if err := pause(ctx, n); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, try int) error {
	t := time.NewTimer(rand.N(5 * time.Millisecond << try))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
