// Command sim plays coffer in a simulated world, thousands of times, each time with other faults, and then counts on the chain.
//
//	go run ./sim -seeds 10000      so many seeds, from 1 on
//	go run ./sim -seed 4711 -v     one seed, with everything that happens
//
// Real are the engine, the nonce ledger, the EVM adapter, the SQLite adapter (in memory, unsynced) and the signing machine with its
// journal. Simulated are the chain with its nodes (package world), time, and who dies when. docs/testing.md tells more.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

func main() {
	seeds := flag.Uint64("seeds", 300, "how many seeds")
	from := flag.Uint64("from", 1, "the first seed")
	seed := flag.Uint64("seed", 0, "play this seed alone")
	daemons := flag.Int("scene", 0, "play the scene with so many daemons")
	crashAt := flag.Int("crash", 0, "with -scene: crash at this durable step")
	var part share
	flag.IntVar(&part.part, "part", 0, "with -of: play only this part of the seeds, from 0 on, and write what came of it as JSON")
	flag.IntVar(&part.of, "of", 0, "how many parts there are")
	verbose := flag.Bool("v", false, "with -seed or -scene: show everything that happens")
	flag.Parse()
	var p *plan
	if *daemons > 0 {
		s := scene(*daemons, *crashAt)
		p, *seed = &s, sceneSeed
	}
	var err error
	switch {
	case part.of > 0:
		err = withTemplate(func(tpl *template) error { return playPart(tpl, *from, *seeds, 1, part, os.Stdout) })
	case *seed != 0:
		err = withTemplate(func(tpl *template) error { return one(tpl, *seed, p, *verbose, os.Stdout) })
	default:
		err = many(*from, *seeds, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	}
}

func withTemplate(do func(*template) error) error {
	tpl, err := makeTemplate()
	if err != nil {
		return err
	}
	defer tpl.remove()
	return do(tpl)
}

// one plays one run and says what came of it.
func one(tpl *template, seed uint64, p *plan, verbose bool, out io.Writer) error {
	var live io.Writer
	if verbose {
		live = out
	}
	r, err := playSeed(tpl, seed, p, live)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "seed %d: trace %016x, %d payments, %d paid, %d of %d in needs_review\n", seed, r.hash, r.payments, r.count.Paid, r.reviews, r.caused)
	if len(r.wrong) > 0 {
		r.again = fmt.Sprintf("go run ./sim -seed %d -v", seed)
		r.failure().show(out, !verbose)
		return fmt.Errorf("seed %d: %s", seed, r.wrong[0])
	}
	return nil
}

// playSeed plays one run in a world of its own.
func playSeed(tpl *template, seed uint64, p *plan, live io.Writer) (r result, err error) {
	t, err := newTown(tpl, seed, p, live)
	if err != nil {
		return r, fmt.Errorf("seed %d: %w", seed, err)
	}
	r = t.playOut()
	return r, t.close()
}

// playOut plays, and makes a violation of a panic.
func (t *town) playOut() (r result) {
	defer func() {
		if p := recover(); p != nil {
			t.violate("panic: %v\n%s", p, debug.Stack())
			r = result{seed: t.seed, trace: t.trace, wrong: t.wrong}
		}
	}()
	return t.play()
}
