// Command signer measures the whole signing machine against the bare cryptography that it cannot do without, in one run on one machine.
//
//	CGO_ENABLED=0 go run ./bench/signer                 as the released programs are built
//	CGO_ENABLED=0 go run ./bench/signer -rounds 15 -cpuprofile cpu.prof
//
// For each payment both sides do the same operations on all cores: one secp256k1 signature (go-ethereum's crypto), one Ed25519
// verification (of the authorization) and one Ed25519 signature (of the receipt). The bare side does nothing else. The whole machine
// also reads and checks the intent, judges by a policy with limits, binds slots and payment ids, counts, journals, and syncs the journal
// before it answers. "machine" is asked in its own process, "socket" over its unix socket by coffer's client, which verifies each answer:
// what the client costs is in that figure.
//
// The journal is on the disk that -dir is on, which must not be memory. bbolt syncs twice for each commit (its pages, then the meta page
// that makes them count); commits are read back from the journal.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"coffer.internal/internal/signer"
)

// settings are what a run is started with.
type settings struct {
	dir      string
	payments int // in each measurement
	batch    int
	callers  int
	rounds   int
	ways     []string
}

func main() {
	s := settings{}
	flag.StringVar(&s.dir, "dir", os.TempDir(), "where the signing machine's home is made: on a real disk")
	flag.IntVar(&s.payments, "payments", 16*1024, "payments in each measurement")
	flag.IntVar(&s.batch, "batch", 256, "payments in each request")
	flag.IntVar(&s.callers, "callers", 24, "requests at a time: with few, all may wait for the disk")
	flag.IntVar(&s.rounds, "rounds", 7, "how often each way is measured, in turns")
	ways := flag.String("ways", "bare,machine,socket", "what is measured, comma-separated; bare always")
	profile := flag.String("cpuprofile", "", "write a profile of the whole run")
	flag.Parse()
	s.ways = strings.Split(*ways, ",")
	if !slices.Contains(s.ways, "bare") {
		s.ways = append(s.ways, "bare")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := profiled(*profile, func() error { return run(ctx, os.Stdout, s) }); err != nil {
		fmt.Fprintln(os.Stderr, "bench/signer:", err)
		stop()
		os.Exit(1)
	}
}

func profiled(file string, run func() error) error {
	if file == "" {
		return run()
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	err = run()
	pprof.StopCPUProfile()
	if err := f.Close(); err != nil {
		return err
	}
	return err
}

// run measures the ways in turns, so that whatever else the machine does meets all of them.
func run(ctx context.Context, out io.Writer, s settings) error {
	signer.CollectSeldom() // as coffer-signer serve does
	m, err := newMachine(ctx, s.dir)
	if err != nil {
		return err
	}
	defer m.close()
	fmt.Fprintf(out, "%s; %d payments in batches of %d from %d callers, %d rounds\n", m.settings(), s.payments, s.batch, s.callers, s.rounds)
	ways := s.ways
	rates, costs := map[string][]float64{}, map[string][]float64{}
	for round := range s.rounds {
		w, err := m.prepare(s)
		if err != nil {
			return err
		}
		for i := range ways {
			way := ways[(i+round)%len(ways)]
			took, err := m.measure(ctx, way, w, s)
			if err != nil {
				return fmt.Errorf("%s: %w", way, err)
			}
			rates[way] = append(rates[way], float64(s.payments)/took.wall.Seconds())
			costs[way] = append(costs[way], float64(took.cpu.Microseconds())/float64(s.payments))
		}
	}
	base := median(rates["bare"])
	for _, way := range ways {
		ratios := make([]float64, s.rounds)
		for i := range ratios {
			ratios[i] = rates[way][i] / rates["bare"][i]
		}
		fmt.Fprintf(out, "%-8s %8.0f payments/s  %.2f of bare (rounds: %.2f to %.2f)  %4.0f µs of CPU each\n",
			way, median(rates[way]), median(rates[way])/base, slices.Min(ratios), slices.Max(ratios), median(costs[way]))
	}
	commits, signed, err := m.commits()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d commits of %d payments: %d syncs, %.0f payments each\n", commits, signed, 2*commits, float64(signed)/float64(2*commits))
	return nil
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// spent is what something took.
type spent struct{ wall, cpu time.Duration }

// elapsed is what something takes: by the clock, and of this process's CPU time, which other processes do not change.
func elapsed(do func() error) (spent, error) {
	began, before := time.Now(), cpuTime()
	err := do()
	return spent{time.Since(began), cpuTime() - before}, err
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("bench/signer: " + err.Error()) // it has no other reason than a wrong argument
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
