package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"syscall"
	"time"

	"coffer.internal/internal/auditlog"
)

// sealLoads are the loads on which sealing is measured: callers × wallets.
var sealLoads = [][2]int{{1, 1}, {16, 1}, {64, 1}, {256, 1}, {256, 16}}

// sealing measures what sealing the audit log costs those who get nonces: coffer's own way with a sealer beside it, as in coffer run, and
// without, turn by turn. A rate with a sealer counts only if the sealer came along: what waits after each round is sealed and timed too. The
// CPU is this process's, so it says something on a machine that does other work as well; of PostgreSQL it leaves the server out.
func sealing(ctx context.Context, out io.Writer, name string, b *bench, length time.Duration, rounds int) error {
	seal, err := b.sealer(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s (%s), %d rounds of %s each, medians\n%-18s  %12s  %12s  %6s  %14s  %10s  %s\n", name, b.settings, rounds, length,
		"callers × wallets", "not sealed", "sealed", "ratio", "CPU a nonce", "CPU ratio", "left to seal")
	w := b.cofferWay()
	for _, cell := range sealLoads {
		var without, with, ratios, cpu, cpus, left []float64
		for range rounds {
			spent := cpuTime()
			bare, err := b.once(ctx, w, cell, length)
			if err != nil {
				return err
			}
			bareCPU := (cpuTime() - spent).Seconds() / float64(max(bare.done, 1))
			if err := seal.All(ctx); err != nil { // what nobody sealed
				return err
			}
			spent = cpuTime()
			running, stop := context.WithCancel(ctx)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				seal.Run(running, 0)
			}()
			sealed, err := b.once(ctx, w, cell, length)
			stop()
			<-ended
			if err != nil {
				return err
			}
			sealedCPU := (cpuTime() - spent).Seconds() / float64(max(sealed.done, 1))
			began := time.Now()
			if err := seal.All(ctx); err != nil {
				return err
			}
			without, with = append(without, bare.rate()), append(with, sealed.rate())
			cpu, cpus = append(cpu, sealedCPU*1e6), append(cpus, sealedCPU/bareCPU)
			ratios, left = append(ratios, sealed.rate()/bare.rate()), append(left, time.Since(began).Seconds())
		}
		fmt.Fprintf(out, "%-18s  %10.0f/s  %10.0f/s  %6.2f  %11.0f µs  %10.2f  %.2f s\n", fmt.Sprintf("%d × %d", cell[0], cell[1]),
			median(without), median(with), median(ratios), median(cpu), median(cpus), median(left))
	}
	return nil
}

// once is one round of a load on fresh wallets.
func (b *bench) once(ctx context.Context, w way, cell [2]int, length time.Duration) (result, error) {
	ids, err := b.wallets(ctx, cell[1])
	if err != nil {
		return result{}, err
	}
	r, err := load(ctx, w, ids, cell[0], length)
	if err == nil {
		err = w.check(ctx, ids, r.done)
	}
	return r, err
}

func (b *bench) sealer(ctx context.Context) (*auditlog.Sealer, error) {
	ledger, err := b.db.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := auditlog.NewSigner(ledger, key)
	if err != nil {
		return nil, err
	}
	return &auditlog.Sealer{DB: b.db, Signer: signer, Log: slog.New(slog.DiscardHandler)}, nil
}

// cpuTime is what this process has used of the CPUs.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
