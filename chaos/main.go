// Command chaos pays thousands of withdrawals with real parts while it breaks them: PostgreSQL with a synchronous standby, a geth
// and an anvil, the signing machine and three daemons, each a process. Then code that imports nothing of coffer's counts on the
// chains.
//
//	go run ./chaos                                     five minutes, 20,000 payments
//	go run ./chaos -for 1m -payments 1500 -rounds 1    each fault once
//	go run ./chaos -seed 7                             the faults of that seed, in its order
//	go run ./chaos -faults none -daemons 2             no fault: how fast two daemons pay
//
// Words: a fault is a kind of harm; a strike is one time that it is done. Just before a strike the payments are counted, by plain
// SQL, that stand in the state which the fault threatens. After the last strike all parts are healthy again; all payments must
// have ended 60 s later. A seed gives the order of the strikes and what they draw, not the moments at which processes are hit.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	s := settings{out: os.Stdout}
	flag.DurationVar(&s.length, "for", 5*time.Minute, "how long withdrawals come in and faults strike")
	flag.IntVar(&s.payments, "payments", 20_000, "how many withdrawals")
	flag.IntVar(&s.daemons, "daemons", 3, "how many daemons")
	flag.IntVar(&s.wallets, "wallets", 8, "how many hot wallets on each of the two chains")
	flag.IntVar(&s.rounds, "rounds", 3, "how often each fault strikes at least")
	flag.IntVar(&s.threatened, "threatened", 10, "how many payments each fault must have threatened, in all its strikes")
	flag.Uint64Var(&s.seed, "seed", rand.Uint64N(1_000_000), "the order of the strikes, and what they draw")
	flag.BoolVar(&s.keep, "keep", false, "leave the folder with the logs and data where it is")
	only := flag.String("faults", "all", "which faults strike, by name, comma-separated; all; none")
	flag.Parse()
	chosen, err := choose(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(2)
	}
	s.faults = chosen
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	_, err = run(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// choose finds faults by their names.
func choose(names string) ([]fault, error) {
	switch names {
	case "all":
		return faults, nil
	case "none":
		return nil, nil
	}
	var chosen []fault
	for name := range strings.SplitSeq(names, ",") {
		found := false
		for _, f := range faults {
			if f.name == name {
				chosen, found = append(chosen, f), true
			}
		}
		if !found {
			var known []string
			for _, f := range faults {
				known = append(known, f.name)
			}
			return nil, fmt.Errorf("no fault is called %q; there are: %s", name, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}
