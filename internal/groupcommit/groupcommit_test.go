package groupcommit

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCallersThatArriveDuringACommitShareTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		g := New(100, func(calls []int) []Outcome[int] {
			sizes = append(sizes, len(calls))
			time.Sleep(time.Second) // fake time: the disk
			return double(calls)
		})
		var wg sync.WaitGroup
		call := func(n int) {
			wg.Go(func() {
				if got, err := g.Do(t.Context(), n); err != nil || got != 2*n {
					t.Errorf("Do(%d) = %d, %v", n, got, err)
				}
			})
		}
		call(0)
		synctest.Wait()
		for n := 1; n <= 150; n++ {
			call(n)
		}
		wg.Wait()
		g.Close()
		if diff := cmp.Diff([]int{1, 100, 50}, sizes); diff != "" {
			t.Errorf("commits carried other numbers of calls (-want +got):\n%s", diff)
		}
	})
}

func TestAContextThatEndsBeforeItsCommitWithdrawsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []int
		g := New(100, func(calls []int) []Outcome[int] {
			seen = append(seen, calls...)
			time.Sleep(time.Second)
			return double(calls)
		})
		go func() { _, _ = g.Do(t.Context(), 1) }()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { time.Sleep(time.Millisecond); cancel() }()
		if _, err := g.Do(ctx, 2); !errors.Is(err, context.Canceled) {
			t.Errorf("a withdrawn call got %v", err)
		}
		g.Close()
		if diff := cmp.Diff([]int{1}, seen); diff != "" {
			t.Errorf("committed (-want +got):\n%s", diff)
		}
	})
}

func TestAContextThatEndsDuringTheCommitStillGetsItsOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(100, func(calls []int) []Outcome[int] {
			time.Sleep(time.Second)
			return double(calls)
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if got, err := g.Do(ctx, 21); err != nil || got != 42 {
			t.Errorf("Do = %d, %v; the commit stood", got, err)
		}
		g.Close()
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.Do(late, 1); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func double(calls []int) []Outcome[int] {
	out := make([]Outcome[int], len(calls))
	for i, c := range calls {
		out[i].Value = 2 * c
	}
	return out
}

func TestInlineEachCallerWritesForHimself(t *testing.T) {
	sizes := 0
	g := Inline(func(calls []int) []Outcome[int] {
		sizes += len(calls)
		if calls[0] < 0 {
			panic("a crash")
		}
		return double(calls)
	})
	for n := range 3 {
		if got, err := g.Do(t.Context(), n); err != nil || got != 2*n || sizes != n+1 {
			t.Errorf("Do(%d) = %d, %v; %d written", n, got, err, sizes)
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the crash did not reach the caller")
			}
		}()
		_, _ = g.Do(t.Context(), -1)
	}()
	if got, err := g.Do(t.Context(), 7); err != nil || got != 14 {
		t.Errorf("after a crash: %d, %v", got, err)
	}
	g.Close()
	if _, err := g.Do(t.Context(), 1); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
