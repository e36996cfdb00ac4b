package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// mutant is a patch with its header, or a set of patches.
type mutant struct {
	name             string // of its file, without its ending
	guard, pkg, test string
	without          []string // a set's: the mutants that it is made of
	shows            string   // what the failing test must say; empty: anything
	attempts         []string // a patch's: those of the attacker's suite that succeed without it
	patches          [][]byte // applied in this order
}

// The endings of a mutant's file.
const (
	patchFile = ".patch"
	setFile   = ".set"
)

// noAttempt is before the reason why no attempt of the attacker's suite succeeds without a guard.
const noAttempt = "none: "

// load reads the mutants whose names match, those of one package beside each other: they share what is built.
func load(dir string, match *regexp.Regexp) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+patchFile))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, errors.New("no patches found; run it from the project's root: make mutants"))
	}
	sets, err := filepath.Glob(filepath.Join(dir, "*"+setFile))
	if err != nil {
		return nil, err
	}
	var mutants []mutant
	for _, f := range append(files, sets...) {
		name := strings.TrimSuffix(filepath.Base(f), filepath.Ext(f))
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		m, err := parse(name, filepath.Ext(f), text)
		if err != nil {
			return nil, err
		}
		for _, other := range m.without {
			patch, err := os.ReadFile(filepath.Join(dir, other+patchFile))
			if err != nil {
				return nil, fmt.Errorf("%s: without: %w", name, err)
			}
			m.patches = append(m.patches, patch)
		}
		if match.MatchString(name) {
			mutants = append(mutants, m)
		}
		for _, a := range m.attacks() {
			if match.MatchString(name) || match.MatchString(a.name) {
				mutants = append(mutants, a)
			}
		}
	}
	if len(mutants) == 0 {
		return nil, fmt.Errorf("no mutant matches %q", match)
	}
	slices.SortStableFunc(mutants, func(a, b mutant) int { return strings.Compare(a.pkg, b.pkg) })
	return mutants, nil
}

// attacks are the attempts that a patch names: each is to succeed with this one guard taken away.
func (m mutant) attacks() (all []mutant) {
	for _, attempt := range m.attempts {
		all = append(all, mutant{
			name: m.name + "@" + attempt, guard: "attempt " + attempt + ", without " + m.name, pkg: "./attack",
			test: "^TestAttack$/^" + attempt + "$", shows: "the attacker has", patches: m.patches,
		})
	}
	return all
}

// parse reads a patch and its header, or a set. Every line above the patch belongs to the header; a set is nothing but its header.
func parse(name, ending string, text []byte) (mutant, error) {
	m := mutant{name: name}
	header, _, found := bytes.Cut(text, []byte("\n--- a/"))
	if found {
		m.patches = [][]byte{text}
	}
	lines := bufio.NewScanner(bytes.NewReader(header))
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch value = strings.TrimSpace(value); {
		case field == "guard":
			m.guard = value
		case field == "package":
			m.pkg = value
		case field == "test":
			m.test = value
		case field == "attack" && ending == patchFile && strings.HasPrefix(value, noAttempt):
		case field == "attack" && ending == patchFile:
			m.attempts = strings.Split(value, ", ")
		case field == "without" && ending == setFile:
			m.without = strings.Split(value, ", ")
		case field == "shows" && ending == setFile:
			m.shows = value
		default:
			return mutant{}, fmt.Errorf("%s: %q is no line of a header", name, lines.Text())
		}
	}
	switch {
	case ending == patchFile && !found:
		return mutant{}, fmt.Errorf("%s: it holds no patch", name)
	case ending == setFile && (found || len(m.without) == 0):
		return mutant{}, fmt.Errorf("%s: a set names patches and holds none", name)
	case m.guard == "" || m.pkg == "" || m.test == "":
		return mutant{}, fmt.Errorf("%s: its header lacks guard, package or test", name)
	case strings.HasSuffix(m.pkg, "..."):
		return mutant{}, fmt.Errorf("%s: package: names one package", name)
	}
	return m, nil
}
