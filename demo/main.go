// Command demo shows coffer's main job on a real chain: 8 hot wallets pay 2,000 withdrawals, each to its own recipient with
// its own amount, handed in by 64 callers at once, while the daemon is killed with SIGKILL three times at its worst moments.
// Then code that imports nothing of coffer's counts on the chain.
//
//	go run ./demo           needs only Go
//	go run ./demo --json    prints just the report
//
// The node is go-ethereum's own, in this process; coffer and coffer-signer are the real programs, built and started from
// here; the database is coffer's default one.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	asJSON := flag.Bool("json", false, "print just the report, as JSON")
	count := flag.Int("withdrawals", 2000, "how many withdrawals")
	callers := flag.Int("callers", 64, "how many callers hand them in at once")
	wallets := flag.Int("wallets", 8, "how many hot wallets pay")
	limit := flag.Duration("limit", 5*time.Minute, "give up after this long")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, *limit)
	err := run(ctx, settings{count: *count, callers: *callers, wallets: *wallets, json: *asJSON})
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

type settings struct {
	count, callers, wallets int
	json                    bool
}

func run(ctx context.Context, set settings) error {
	s := &show{settings: set, bar: newBar(os.Stderr, set.json)}
	err := s.play(ctx)
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if set.json {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(s.report)
	} else {
		s.report.print(os.Stdout)
		fmt.Print(next)
	}
	if err == nil && !s.report.good() {
		err = fmt.Errorf("not every withdrawal was paid exactly once")
	}
	return err
}
