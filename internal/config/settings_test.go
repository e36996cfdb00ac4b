package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/config"
	"coffer.internal/internal/operators"
)

func TestSettingsAreWhatTheFileSaysAndNotHow(t *testing.T) {
	one := load(t, "pool_size = 5\nservice = \"payouts\"\n[chain.evm.1]\nconfirmations = 3\nrpc = [\"http://a:1\"]\n").Settings
	for _, same := range []string{
		"# why\nservice   = 'payouts' # who\npool_size = 0x5\n\n\n[chain]\n[chain.evm.1]\nrpc = [\n  \"http://a:1\", # the node\n]\nconfirmations = 3\n",
		"pool_size = 5\nservice = \"payouts\"\nchain.evm.1.confirmations = 3\nchain.evm.1.rpc = [\"http://a:1\"]\n",
	} {
		if diff := cmp.Diff(one, load(t, same).Settings); diff != "" {
			t.Errorf("%s: %s", same, diff)
		}
	}
	for _, other := range []string{
		"service = \"payouts\"\n[chain.evm.1]\nconfirmations = 3\nrpc = [\"http://a:1\"]\n", // pool_size as built in
		"pool_size = 5\nservice = \"payouts\"\n[chain.evm.1]\nconfirmations = 2\nrpc = [\"http://a:1\"]\n",
		"pool_size = 5\nservice = \"payouts\"\n[chain.evm.1]\nconfirmations = 3\nrpc = [\"http://a:1\", \"http://b:1\"]\n",
		"pool_size = 5\nservice = \"payouts\"\n[chain.evm.10]\nconfirmations = 3\nrpc = [\"http://a:1\"]\n",
		"pool_size = 5\nservice = \"payouts\"\n[four_eyes]\nverbs = []\n[chain.evm.1]\nconfirmations = 3\nrpc = [\"http://a:1\"]\n",
	} {
		if load(t, other).Settings.Digest == one.Digest {
			t.Errorf("%s has the same digest", other)
		}
	}
	if got := load(t, "").Settings; got.Digest != nothing || len(got.View) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
	if got := load(t, config.Template).Settings; got.Digest != nothing {
		t.Errorf("of the template: %+v", got)
	}
}

func TestTheEnvironmentAndFlagsAreNoSettings(t *testing.T) {
	home := homeWith(t, "pool_size = 5\n")
	over, err := config.Load(home, env("COFFER_DB", "postgres://h/db"), config.Flags{Signer: "unix:x"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(load(t, "pool_size = 5\n").Settings, over.Settings); diff != "" {
		t.Error(diff)
	}
}

func TestTheViewShowsNoSecret(t *testing.T) {
	const secret = "5ec12e7"
	got := load(t, `
database = "postgres://coffer:`+secret+`@db.example/coffer?password=`+secret+`"
signer = "https://signer.internal:8443"
[alarms]
webhook = "https://hooks.example/`+secret+`"
alertmanager = "https://user:`+secret+`@alerts.example"
[backup]
recipients = ["age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z"]
[chain.evm.1]
rpc = ["https://node.example/v3/`+secret+`", "http://127.0.0.1:8545"]
ws = ["wss://`+secret+`:x@node.example?key=`+secret+`"]
`).Settings.View
	want := []string{
		`alarms.alertmanager = "https://…@alerts.example" [not shown: `,
		`alarms.webhook = "https://hooks.example/…" [not shown: `,
		`backup.recipients[0] = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z"`,
		`chain.evm.1.rpc[0] = "https://node.example/…" [not shown: `,
		`chain.evm.1.rpc[1] = "http://127.0.0.1:8545"`,
		`chain.evm.1.ws[0] = "wss://…@node.example?…" [not shown: `,
		`database = "postgres://coffer@db.example/coffer?…" [not shown: `,
		`signer = "https://signer.internal:8443"`,
	}
	if len(got) != len(want) {
		t.Fatalf("the view: %q", got)
	}
	for i, line := range got {
		if !strings.HasPrefix(line, want[i]) || len(line) != len(want[i]) && len(line) != len(want[i])+len("0011223344556677]") || strings.Contains(line, secret) {
			t.Errorf("%s, want %s", line, want[i])
		}
	}
}

func TestADifferenceIsNamedByItsKey(t *testing.T) {
	was := load(t, "pool_size = 5\n[chain.evm.1]\nrpc = [\"https://a.example/k1\"]\nfinality = \"finalized\"\n").Settings
	is := load(t, "pool_size = 6\nservice = \"x\"\n[chain.evm.1]\nrpc = [\"https://a.example/k2\"]\n").Settings
	got := config.SettingsChanges(was.View, is.View)
	for i, c := range got {
		got[i].Before, _, _ = strings.Cut(c.Before, " [")
		if shown, rest, hides := strings.Cut(c.After, " ["); hides {
			_, note, _ := strings.Cut(rest, "]")
			got[i].After = shown + note
		}
	}
	want := []operators.Change{
		{Subject: "chain.evm.1.finality", Before: `"finalized"`, After: "not set"},
		{Subject: "chain.evm.1.rpc[0]", Before: `"https://a.example/…"`, After: `"https://a.example/…" (differs in what is not shown)`},
		{Subject: "pool_size", Before: "5", After: "6"},
		{Subject: "service", After: `"x"`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := config.SettingsChanges(was.View, was.View); len(got) != 0 {
		t.Errorf("of the same: %v", got)
	}
}
