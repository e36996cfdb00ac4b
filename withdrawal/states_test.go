package withdrawal_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"coffer.internal/withdrawal"
)

// edge is a line of a state diagram.
var edge = regexp.MustCompile(`^\s+(\w+) --> (\w+):`)

func TestThePageDrawsTheTables(t *testing.T) {
	page, err := os.ReadFile("../docs/state-machine.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "## A withdrawal")
	forWithdrawals, forAttempts, _ := strings.Cut(rest, "## An attempt")
	for what, table := range map[string]struct {
		text  string
		edges map[string][]string
	}{
		"withdrawal": {forWithdrawals, withdrawal.WithdrawalEdges},
		"attempt":    {forAttempts, withdrawal.AttemptEdges},
	} {
		drawn := map[string][]string{}
		for line := range strings.Lines(table.text) {
			if m := edge.FindStringSubmatch(line); m != nil {
				drawn[m[1]] = append(drawn[m[1]], m[2])
			}
		}
		for _, from := range slices.Sorted(maps.Keys(table.edges)) {
			want := slices.Sorted(slices.Values(table.edges[from]))
			if got := slices.Sorted(slices.Values(drawn[from])); !slices.Equal(got, want) {
				t.Errorf("%s: the page draws %s → %v, the table has %v", what, from, got, want)
			}
		}
		if len(drawn) != len(table.edges) {
			t.Errorf("%s: the page draws steps from %v", what, slices.Sorted(maps.Keys(drawn)))
		}
	}
}
