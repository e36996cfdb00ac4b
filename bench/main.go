// Command bench measures how fast nonces are handed out, against other ways to do it, as ratios in one run on one machine.
//
//	go run ./bench                    both databases, all ways
//	go run ./bench -db sqlite -for 3s longer, one database
//	go run ./bench -sealing 5         what sealing the audit log costs, in so many rounds
//
// Every way is durable: fsync and synchronous settings are read back from the database and printed. Callers that got no
// nonce are counted. After each of coffer's own runs its ledger is checked: as many rows as answers, contiguous from 0.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

func main() {
	which := flag.String("db", "sqlite,postgres", "databases to measure, comma-separated")
	length := flag.Duration("for", time.Second, "how long each figure is measured")
	rounds := flag.Int("sealing", 0, "measure what sealing the audit log costs instead, in so many rounds")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, strings.Split(*which, ","), *length, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// cells are the loads: callers × wallets.
var cells = [][2]int{{1, 1}, {16, 1}, {64, 1}, {256, 1}, {16, 16}, {64, 16}, {256, 16}}

func run(ctx context.Context, out io.Writer, which []string, length time.Duration, rounds int) error {
	for _, name := range which {
		open, ok := benches[name]
		if !ok {
			return fmt.Errorf("unknown database %q; there are sqlite and postgres", name)
		}
		if err := measure(ctx, out, name, open, length, rounds); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// benches opens each database on which ways are measured.
var benches = map[string]func(context.Context) (*bench, error){
	"sqlite":   openSQLite,
	"postgres": openPostgres,
}

func measure(ctx context.Context, out io.Writer, name string, open func(context.Context) (*bench, error), length time.Duration, rounds int) error {
	b, err := open(ctx)
	if err != nil {
		return err
	}
	defer b.close()
	if rounds > 0 {
		return sealing(ctx, out, name, b, length, rounds)
	}
	fmt.Fprintf(out, "\n%s (%s)\n", name, b.settings)
	fmt.Fprintf(out, "%-18s", "callers × wallets")
	for _, w := range b.ways {
		fmt.Fprintf(out, "  %-26s", w.name)
	}
	fmt.Fprintln(out)
	for _, cell := range cells {
		if err := row(ctx, out, b, cell[0], cell[1], length); err != nil {
			return err
		}
	}
	return nil
}

// row measures every way under one load and prints rate, ratio to the first way that is not read-then-update, failures
// and the 99th percentile.
func row(ctx context.Context, out io.Writer, b *bench, callers, wallets int, length time.Duration) error {
	fmt.Fprintf(out, "%-18s", fmt.Sprintf("%d × %d", callers, wallets))
	results := make([]result, len(b.ways))
	for i, w := range b.ways {
		ids, err := b.wallets(ctx, wallets)
		if err != nil {
			return err
		}
		if results[i], err = load(ctx, w, ids, callers, length); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		if w.check != nil {
			if err := w.check(ctx, ids, results[i].done); err != nil {
				return fmt.Errorf("%s left a wrong ledger: %w", w.name, err)
			}
		}
	}
	base := results[slices.IndexFunc(b.ways, func(w way) bool { return w.base })].rate()
	for _, r := range results {
		fmt.Fprintf(out, "  %-26s", fmt.Sprintf("%7.0f/s %6.2f× %3.0f%% %s", r.rate(), r.rate()/base, r.failed(), r.p99().Round(100*time.Microsecond)))
	}
	fmt.Fprintln(out)
	return nil
}
