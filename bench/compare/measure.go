package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// tree is a revision's files and its two programs.
type tree struct {
	name, root  string
	bench, demo string
}

func (t *tree) build(ctx context.Context, bin string) error {
	t.bench, t.demo = filepath.Join(bin, "bench"), filepath.Join(bin, "demo")
	return command(ctx, t.root, "go", "build", "-o", bin+string(filepath.Separator), "./bench", "./demo")
}

// command runs a program in a folder; what it printed is in the error.
func command(ctx context.Context, dir, program string, args ...string) error {
	_, err := output(ctx, dir, program, args...)
	return err
}

func output(ctx context.Context, dir, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir // the demo builds coffer from the tree that it stands in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(program), strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return out, nil
}

// figure is one number of both revisions.
type figure struct {
	name       string
	base, this float64
}

// measure runs both revisions' programs turn by turn, so that what else the machine does meets both alike; who begins alternates.
func measure(ctx context.Context, out io.Writer, trees [2]*tree, o options) ([]figure, error) {
	var names []string
	seen := map[string]map[string][]float64{} // by figure, then by tree
	note := func(t *tree, name string, value float64) {
		if seen[name] == nil {
			seen[name] = map[string][]float64{}
			names = append(names, name)
		}
		seen[name][t.name] = append(seen[name][t.name], value)
		fmt.Fprintf(out, "  %-4s  %-32s  %8.0f/s\n", t.name, name, value)
	}
	for turn := range o.runs {
		fmt.Fprintf(out, "run %d of %d\n", turn+1, o.runs)
		order := slices.Clone(trees[:])
		if turn%2 == 1 {
			slices.Reverse(order)
		}
		for _, t := range order {
			text, err := output(ctx, t.root, t.bench, "-for", o.length.String())
			if err != nil {
				return nil, err
			}
			rates, err := allocation(text)
			if err != nil {
				return nil, err
			}
			for _, r := range rates {
				note(t, "allocation, "+r.database, r.mean())
			}
		}
		for _, t := range order {
			text, err := output(ctx, t.root, t.demo, "-json", "-withdrawals", fmt.Sprint(o.withdrawals))
			if err != nil {
				return nil, err
			}
			var report struct {
				PerSecond float64 `json:"per_second"`
			}
			if err := json.Unmarshal(text, &report); err != nil || report.PerSecond <= 0 {
				return nil, fmt.Errorf("the demo of %s prints %s: %v", t.name, text, err)
			}
			note(t, "demo, payments", report.PerSecond)
		}
	}
	var figures []figure
	for _, name := range names {
		figures = append(figures, figure{name, median(seen[name][trees[0].name]), median(seen[name][trees[1].name])})
	}
	return figures, nil
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}
