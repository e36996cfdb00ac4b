package allcpus_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"coffer.internal/internal/allcpus"
)

func TestEachIsDoneOnce(t *testing.T) {
	for _, n := range []int{0, 1, 1000} {
		done := make([]atomic.Int32, n)
		allcpus.Do(n, func(i int) { done[i].Add(1) })
		for i := range done {
			if got := done[i].Load(); got != 1 {
				t.Errorf("%d of %d is done %d times", i, n, got)
			}
		}
	}
}

func TestAnErrorEndsIt(t *testing.T) {
	broken := errors.New("broken")
	err := allcpus.Try(1000, func(i int) error {
		if i >= 10 {
			return fmt.Errorf("%d: %w", i, broken)
		}
		return nil
	})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := allcpus.Try(1000, func(int) error { return nil }); err != nil {
		t.Error(err)
	}
}
