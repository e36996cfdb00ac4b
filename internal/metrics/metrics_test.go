package metrics

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

type fixed struct {
	figures Figures
	err     error
}

func (f fixed) Figures(context.Context) (Figures, error) { return f.figures, f.err }

// busy is a set in which every metric has something.
func busy() *Set {
	s := New("0.1.0", fixed{figures: Figures{
		Now:   noon,
		Queue: []Queue{{"evm:1", "queued", 3, noon.Add(-time.Minute)}},
		Wallets: []Wallet{{
			Chain: "evm:1", Address: "0xa", Active: true, Braked: true, Leased: true, Cursor: 7, Free: 1, Reserved: 2, Unmined: 3, InFlight: 4, GapsLen: 5,
			Waits: noon.Add(-30 * time.Second),
		}},
		Alarms: []Alarm{{"evm:1", "foreign_use", true, 2}},
		Nodes:  []Node{{"evm:1", "http://a", true, 10, noon.Add(-2 * time.Second), 0}, {"evm:1", "http://b", false, 0, time.Time{}, 10}},
		Cache:  Cache{Hits: 5, Misses: 6, Size: 7}, SignerUp: true, Unsealed: 7, OldestUnsealed: noon.Add(-31 * time.Second),
		LastBackup: noon.Add(-time.Hour),
	}})
	s.Step("evm:1", "bind", time.Millisecond, errors.New("the node is gone"))
	s.Reached("evm:1", "mined", time.Second)
	s.Sent("evm:1", "accepted")
	s.Replaced("evm:1", "payment")
	s.Ended("evm:1", "failed")
	return s
}

func TestNamesAndUnitsFollowTheConventions(t *testing.T) {
	problems, err := testutil.GatherAndLint(busy().registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func scrape(t *testing.T, s *Set) string {
	t.Helper()
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	res, err := http.Get(server.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res.Status, err)
	}
	return string(text)
}

func TestAScrapeSaysWhatIsSoAndWhatWasDone(t *testing.T) {
	got := scrape(t, busy())
	for _, want := range []string{
		`coffer_backup_age_seconds 3600`,
		`coffer_withdrawals{chain="evm:1",state="queued"} 3`, `coffer_withdrawals_oldest_age_seconds{chain="evm:1",state="queued"} 60`,
		`coffer_wallet_lowest_unconfirmed_age_seconds{chain="evm:1",wallet="0xa"} 30`, `coffer_wallet_braked{chain="evm:1",wallet="0xa"} 1`,
		`coffer_wallet_lease_held{chain="evm:1",wallet="0xa"} 0`, `coffer_alarms{brake="true",chain="evm:1",kind="foreign_use"} 2`,
		`coffer_node_up{chain="evm:1",node="http://b"} 0`, `coffer_node_head_age_seconds{chain="evm:1",node="http://a"} 2`,
		`coffer_step_failures_total{chain="evm:1",step="bind"} 1`, `coffer_stage_duration_seconds_bucket{chain="evm:1",stage="mined",le="1"} 1`,
		`coffer_transactions_sent_total{chain="evm:1",verdict="accepted"} 1`, `coffer_withdrawals_ended_total{chain="evm:1",outcome="failed"} 1`,
		`coffer_replacements_total{chain="evm:1",purpose="payment"} 1`, `coffer_cache_hits_total 5`, `coffer_signer_up 1`, `coffer_scrape_failed 0`,
		`coffer_audit_unsealed_rows 7`, `coffer_audit_unsealed_oldest_age_seconds 31`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("it does not say %s", want)
		}
	}
	if strings.Contains(got, `coffer_node_head_height{chain="evm:1",node="http://b"}`) {
		t.Error("a node that does not answer has a head")
	}
}

func TestAScrapeWithoutADatabaseSaysSoAndTheRestAllTheSame(t *testing.T) {
	s := New("0.1.0", fixed{err: errors.New("the database is gone")})
	s.Sent("evm:1", "accepted")
	got := scrape(t, s)
	if !strings.Contains(got, "coffer_scrape_failed 1\n") || !strings.Contains(got, "coffer_transactions_sent_total") {
		t.Error(got)
	}
}

const page = "../../docs/metrics.md"

func TestThePageNamesEveryMetricAndNoOther(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	families, err := busy().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "coffer_") {
			kinds[f.GetName()] = strings.ToLower(f.GetType().String())
		}
	}
	var told []string
	ours, _, _ := strings.Cut(string(text), "## The signing machine's own") // what that serves is compared with its own test
	for line := range strings.Lines(ours) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.Contains(cells[1], "`coffer_") {
			continue
		}
		for _, name := range regexp.MustCompile("coffer_[a-z_]+").FindAllString(cells[1], -1) {
			told = append(told, name)
			if kind := strings.TrimSpace(cells[2]); kinds[name] != kind {
				t.Errorf("%s is a %s there, and %q here", name, kind, kinds[name])
			}
		}
	}
	for name := range kinds {
		if !slices.Contains(told, name) {
			t.Errorf("%s is not on the page", name)
		}
	}
	_, rules, _ := strings.Cut(string(text), "```yaml")
	for _, name := range regexp.MustCompile("coffer_[a-z_]+").FindAllString(rules, -1) {
		if !slices.Contains(told, strings.TrimSuffix(name, "_bucket")) {
			t.Errorf("a rule asks for %s, which there is not", name)
		}
	}
}

func TestPromtoolTakesTheExampleRules(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (Debian package prometheus)")
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	rules, _, _ := strings.Cut(rest, "```")
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(promtool, "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%s", out)
	}
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(scrape(t, busy()))
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%s", out)
	}
}
