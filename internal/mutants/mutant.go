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

// mutant is a patch with its header.
type mutant struct {
	name             string // of its file, without .patch
	guard, pkg, test string
	patch            []byte
}

// load reads the mutants whose names match, those of one package beside each other: they share what is built.
func load(dir string, match *regexp.Regexp) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, errors.New("no patches found; run it from the project's root: make mutants"))
	}
	var mutants []mutant
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".patch")
		if !match.MatchString(name) {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		m, err := parse(name, text)
		if err != nil {
			return nil, err
		}
		mutants = append(mutants, m)
	}
	if len(mutants) == 0 {
		return nil, fmt.Errorf("no mutant matches %q", match)
	}
	slices.SortStableFunc(mutants, func(a, b mutant) int { return strings.Compare(a.pkg, b.pkg) })
	return mutants, nil
}

// parse reads a patch and its header. Every line above the patch belongs to the header.
func parse(name string, text []byte) (mutant, error) {
	m := mutant{name: name, patch: text}
	header, _, found := bytes.Cut(text, []byte("\n--- a/"))
	lines := bufio.NewScanner(bytes.NewReader(header))
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch value = strings.TrimSpace(value); field {
		case "guard":
			m.guard = value
		case "package":
			m.pkg = value
		case "test":
			m.test = value
		default:
			return mutant{}, fmt.Errorf("%s: %q is no line of a header", name, lines.Text())
		}
	}
	switch {
	case !found:
		return mutant{}, fmt.Errorf("%s: it holds no patch", name)
	case m.guard == "" || m.pkg == "" || m.test == "":
		return mutant{}, fmt.Errorf("%s: its header lacks guard, package or test", name)
	case strings.HasSuffix(m.pkg, "..."):
		return mutant{}, fmt.Errorf("%s: package: names one package", name)
	}
	return m, nil
}
