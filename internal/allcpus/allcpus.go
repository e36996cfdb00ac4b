// Package allcpus does the same for many, on all CPUs at once.
package allcpus

import (
	"cmp"
	"runtime"
	"sync"
	"sync/atomic"
)

// Do calls do for each number below n, in no order, and waits.
func Do(n int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

// Try is Do until one fails. Of several errors it returns that of the lowest number.
func Try(n int, do func(i int) error) error {
	errs := make([]error, n)
	var failed atomic.Bool
	Do(n, func(i int) {
		if failed.Load() {
			return
		}
		if errs[i] = do(i); errs[i] != nil {
			failed.Store(true)
		}
	})
	return cmp.Or(errs...)
}
