package reconcile_test

import (
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"coffer.internal/internal/reconcile"
)

func TestTheListOfCodesIsTheOneInTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../docs/reconcile.md")
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| [^|]+ \\| [^|]+ \\|$").FindAllStringSubmatch(string(page), -1) {
		shown = append(shown, m[1])
	}
	var known []string
	for _, c := range reconcile.Codes() {
		known = append(known, string(c))
	}
	slices.Sort(shown)
	slices.Sort(known)
	if !slices.Equal(shown, known) {
		t.Errorf("docs/reconcile.md shows\n%v, the program knows\n%v", shown, known)
	}
}

func TestTheNextRunBeginsWhereNothingIsMissed(t *testing.T) {
	since := time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
	r := reconcile.Report{Since: since, Until: since.Add(24 * time.Hour), Ended: 3, Transactions: 2}
	mark, err := reconcile.ParseMark(reconcile.MarkOf(r).String())
	if err != nil || mark != reconcile.MarkOf(r) {
		t.Fatalf("%+v, %v", mark, err)
	}
	if next := mark.Next(); !next.Equal(r.Until.Add(-time.Hour)) {
		t.Errorf("after a clean run it begins at %s", next)
	}
	for name, r := range map[string]reconcile.Report{
		"a difference":           {Since: since, Until: r.Until, Differences: make([]reconcile.Difference, 1)},
		"a node that is silent":  {Since: since, Until: r.Until, Unchecked: []reconcile.Unchecked{{Count: 2}}},
		"more than can be named": {Since: since, Until: r.Until, More: 1},
	} {
		if next := reconcile.MarkOf(r).Next(); !next.Equal(since) {
			t.Errorf("after %s it begins at %s", name, next)
		}
	}
	if first := (reconcile.Mark{Until: since, Differences: 1}).Next(); !first.IsZero() {
		t.Errorf("what was never clean is looked at from %s on", first)
	}
	if _, err := reconcile.ParseMark("x"); err == nil {
		t.Error("anything is a mark")
	}
}
