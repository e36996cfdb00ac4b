package withdrawal

import (
	"errors"
	"fmt"
	"testing"

	"coffer.internal/internal/store"
)

// Two steps that meet cost a few commits, not one for each row: what nobody else wrote is written in as large parts as can be.
func TestStaleRowsCostFewCommits(t *testing.T) {
	const n, first, last = 421, 165, 255 // these rows somebody else has moved
	written, commits := map[int]int{}, 0
	err := settle(n, func(from, to int) error {
		if from <= last && to > first {
			return fmt.Errorf("write: %w", store.ErrStale)
		}
		commits++
		for i := from; i < to; i++ {
			written[i]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		want := 1
		if first <= i && i <= last {
			want = 0
		}
		if written[i] != want {
			t.Errorf("row %d was written %d times, not %d", i, written[i], want)
		}
	}
	if commits > 20 {
		t.Errorf("%d commits", commits)
	}
}

// Any other error ends it: what it is about is not known to be written.
func TestAnErrorEndsSettling(t *testing.T) {
	broken := errors.New("disk full")
	calls := 0
	err := settle(8, func(from, to int) error {
		if calls++; to-from > 4 {
			return store.ErrStale
		}
		return broken
	})
	if !errors.Is(err, broken) || calls != 2 {
		t.Errorf("%v after %d calls", err, calls)
	}
	if err := settle(0, func(int, int) error { return store.ErrStale }); err != nil {
		t.Error(err)
	}
}
