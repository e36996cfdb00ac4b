package config_test

import (
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/config"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
)

// homeWith is a home with a coffer.toml.
func homeWith(t *testing.T, text string) string {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, config.FileName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return home
}

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

var sameNumber = cmp.Comparer(func(a, b *big.Int) bool { return a == b || a != nil && b != nil && a.Cmp(b) == 0 })

func load(t *testing.T, text string) config.Config {
	t.Helper()
	c, err := config.Load(homeWith(t, text), env(), config.Flags{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// nothing is the digest of a file that says nothing: printf 'coffer settings v1\n{}' | sha256sum
const nothing = "fbff9b7a0162f334cba3d0c950493b4b70e1ccf2b3f70e50f68de356ba84099a"

func TestWithoutAFileEverySettingHasItsDefault(t *testing.T) {
	home := filepath.Join(t.TempDir(), "nothing-here")
	got, err := config.Load(home, env(), config.Flags{})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Home: home, Settings: config.Settings{Digest: nothing}, Database: "sqlite:" + home + "/coffer.db", Signer: "unix:" + home + "/signer.sock",
		SignerFiles: config.SignerFiles{CA: home + "/signer-ca.pem", Cert: home + "/signer-client.pem", Key: home + "/signer-client.key"},
		PoolSize:    min(4*runtime.NumCPU(), 32), ReservationTTL: time.Minute, Lease: 15 * time.Second,
		ServiceKey: filepath.Join(home, "service.key"), AuthorizeFor: 24 * time.Hour, Audit: config.Audit{Key: filepath.Join(home, "audit.key")},
		Backup:    config.Backup{Keep: 14},
		Reconcile: config.Reconcile{Every: 24 * time.Hour},
		FourEyes:  config.FourEyes{Verbs: operators.DefaultMatters, Valid: 24 * time.Hour},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFlagsBeatTheEnvironmentThatBeatsTheFile(t *testing.T) {
	home := homeWith(t, `
database = "postgres://file@h/db"
signer = "unix:of-file.sock"
`)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name             string
		env              func(string) string
		flags            config.Flags
		database, signer string
	}{
		{"file", env(), config.Flags{}, "postgres://file@h/db", "unix:" + home + "/of-file.sock"},
		{"environment", env("COFFER_DB", "postgres://env@h/db", "COFFER_SIGNER", "unix:of-env.sock"), config.Flags{}, "postgres://env@h/db", "unix:" + here + "/of-env.sock"},
		{"flags", env("COFFER_DB", "postgres://env@h/db", "COFFER_SIGNER", "unix:/e"), config.Flags{DB: "sqlite:x.db", Signer: "https://s.example:7000"}, "sqlite:" + here + "/x.db", "https://s.example:7000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := config.Load(home, c.env, c.flags)
			if err != nil || got.Database != c.database || got.Signer != c.signer {
				t.Errorf("%s, %s, %v; want %s, %s", got.Database, got.Signer, err, c.database, c.signer)
			}
		})
	}
}

func TestAWholeFileIsRead(t *testing.T) {
	got := load(t, `
pool_size = 7
reservation_ttl = "1h30m"
[chain.evm.31337]
rpc = ["http://127.0.0.1:8545", "https://node.example/v3/key"]
ws = ["wss://node.example/v3/key"]
fee_percentile = 70
fee_blocks = 5
min_priority_fee = "1.5 gwei"
max_fee_per_gas = "100 gwei"
max_fee = "0.05 ether"
bump_percent = 12
bump_after = "1m"
l1_fee = "op-stack"
confirmations = 5
strategy = "lowest-nonce"
max_unmined = 3
poll = "100ms"
[chain.evm.31337.asset.USDT]
contract = "0xdac17f958d2ee523a2206206994597c13d831ec7"
decimals = 6
[chain.evm.31337.asset.DAI]
contract = "0x6B175474E89094C44Da98b954EedeAC495271d0F"
decimals = 18
[chain.evm.56]
finality = "finalized"
[chain.btc.0]
`)
	want := []config.Chain{
		{Type: "btc", ID: 0, Name: "Bitcoin", NativeSymbol: "BTC", NativeDecimals: 8, Confirmations: 6, Strategy: "lowest-nonce", MaxUnmined: 16, Poll: 30 * time.Second, StuckAfter: 5 * time.Minute},
		{Type: "evm", ID: 56, Name: "BNB Smart Chain", NativeSymbol: "BNB", NativeDecimals: 18, Finalized: true, Strategy: "lowest-nonce", MaxUnmined: 16, Poll: time.Second, HeadMaxAge: 2 * time.Minute, StuckAfter: 5 * time.Minute,
			Fees: config.Fees{
				Percentile: 50, Blocks: 10, MinPriority: big.NewInt(1), MaxPerGas: big.NewInt(50e9), Max: big.NewInt(5e16),
				BumpPercent: 10, BumpAfter: 15 * time.Second,
			}},
		{Type: "evm", ID: 31337, Name: "local dev", NativeSymbol: "ETH", NativeDecimals: 18,
			RPC: []string{"http://127.0.0.1:8545", "https://node.example/v3/key"}, WS: []string{"wss://node.example/v3/key"},
			Fees: config.Fees{
				Percentile: 70, Blocks: 5, MinPriority: big.NewInt(15e8), MaxPerGas: big.NewInt(100e9), Max: big.NewInt(5e16),
				BumpPercent: 12, BumpAfter: time.Minute, L1: "op-stack",
			},
			Confirmations: 5, Strategy: "lowest-nonce", MaxUnmined: 3, Poll: 100 * time.Millisecond, StuckAfter: 5 * time.Minute, Assets: []config.Asset{
				{Symbol: "DAI", Contract: "0x6B175474E89094C44Da98b954EedeAC495271d0F", Decimals: 18},
				{Symbol: "USDT", Contract: "0xdAC17F958D2ee523a2206206994597C13D831ec7", Decimals: 6},
			}},
	}
	if diff := cmp.Diff(want, got.Chains, sameNumber); diff != "" {
		t.Error(diff)
	}
	if got.PoolSize != 7 || got.ReservationTTL != 90*time.Minute {
		t.Errorf("pool_size %d, reservation_ttl %s", got.PoolSize, got.ReservationTTL)
	}
}

func TestAChainThatNobodyKnowsWaitsLong(t *testing.T) {
	got := load(t, "[chain.evm.777777]\n").Chains[0]
	if got.Finalized || got.Confirmations != 64 || got.NativeDecimals != 18 || got.Name != "evm 777777" {
		t.Errorf("%+v", got)
	}
}

func TestWellKnownChainsKnowTheirCoinAndWhenAPaymentIsFinal(t *testing.T) {
	for _, c := range []struct {
		id            string
		symbol        string
		finalized     bool
		confirmations int
	}{
		{"1", "ETH", true, 0}, {"11155111", "ETH", true, 0}, {"56", "BNB", true, 0}, {"137", "POL", true, 0}, {"42161", "ETH", true, 0},
		{"10", "ETH", true, 0}, {"8453", "ETH", true, 0}, {"43114", "AVAX", true, 0}, {"1337", "ETH", false, 2}, {"31337", "ETH", false, 2},
	} {
		got := load(t, "[chain.evm."+c.id+"]\n").Chains[0]
		if got.NativeSymbol != c.symbol || got.NativeDecimals != 18 || got.Finalized != c.finalized || got.Confirmations != c.confirmations || got.RPC != nil {
			t.Errorf("chain %s: %+v", c.id, got)
		}
	}
}

// A default of the template stands behind a # without a space; prose has one.
var setting = regexp.MustCompile(`(?m)^#([^ \n])`)

// anywhere is a configuration without the home that its paths begin at.
func anywhere(c config.Config) config.Config {
	for _, p := range []*string{&c.Database, &c.Signer, &c.SignerFiles.CA, &c.SignerFiles.Cert, &c.SignerFiles.Key, &c.ServiceKey, &c.Audit.Key} {
		*p = strings.ReplaceAll(*p, c.Home, "")
	}
	c.Home = ""
	return c
}

func TestTheTemplateSetsNothingAndShowsTheTrueDefaults(t *testing.T) {
	empty, asWritten := load(t, ""), load(t, config.Template)
	empty, asWritten = anywhere(empty), anywhere(asWritten)
	if diff := cmp.Diff(empty, asWritten); diff != "" {
		t.Errorf("as written it sets something: %s", diff)
	}
	shown := load(t, setting.ReplaceAllString(config.Template, "$1"))
	defaults := load(t, `
[chain.evm.31337]
rpc = ["http://127.0.0.1:8545"]
ws = ["ws://127.0.0.1:8546"]
[chain.evm.31337.asset.USDT]
contract = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
decimals = 6
`)
	shown, defaults = anywhere(shown), anywhere(defaults)
	shown.Settings, defaults.Settings = config.Settings{}, config.Settings{} // what a file says, and what holds where it is silent
	if diff := cmp.Diff(defaults, shown, sameNumber); diff != "" {
		t.Errorf("what it shows is not the default: %s", diff)
	}
	for _, key := range []string{"database", "signer", "signer_ca", "signer_cert", "signer_key", "pool_size", "reservation_ttl", "service_key", "authorize_for", "rpc", "confirmations", "strategy", "max_unmined", "poll", "contract", "decimals",
		"ws", "fee_percentile", "fee_blocks", "min_priority_fee", "max_fee_per_gas", "max_fee", "bump_after", "bump_percent", "l1_fee"} {
		if !regexp.MustCompile(`(?m)^#` + key + ` = `).MatchString(config.Template) {
			t.Errorf("it does not show %s", key)
		}
	}
}

func TestTheTemplateTellsTheBuiltInPollAndFinalityOfEachChain(t *testing.T) {
	polls := map[string]time.Duration{
		"1337": 250 * time.Millisecond, "31337": 250 * time.Millisecond, "1": 4 * time.Second, "11155111": 4 * time.Second, "999": 2 * time.Second,
		"10": time.Second, "56": time.Second, "137": time.Second, "8453": time.Second, "42161": time.Second, "43114": time.Second,
	}
	for id, want := range polls {
		got := load(t, "[chain.evm."+id+"]\n").Chains[0]
		if got.Poll != want {
			t.Errorf("chain %s polls every %s, the template says %s", id, got.Poll, want)
		}
		if got.Finalized && !strings.Contains(config.Template, id+" "+got.Name) {
			t.Errorf("the template does not name %s %s as finalized", id, got.Name)
		}
	}
}

func TestTheTemplateTellsTheBuiltInBoundsOfTheGuard(t *testing.T) {
	for id, want := range map[string][2]time.Duration{
		"1337": {0, 5 * time.Minute}, "31337": {0, 5 * time.Minute}, "1": {5 * time.Minute, 15 * time.Minute}, "11155111": {5 * time.Minute, 15 * time.Minute},
		"56": {2 * time.Minute, 5 * time.Minute}, "8453": {2 * time.Minute, 5 * time.Minute}, "999": {10 * time.Minute, 15 * time.Minute},
	} {
		if got := load(t, "[chain.evm."+id+"]\n").Chains[0]; got.HeadMaxAge != want[0] || got.StuckAfter != want[1] {
			t.Errorf("chain %s: head_max_age %s, stuck_after %s; the template says %s", id, got.HeadMaxAge, got.StuckAfter, want)
		}
	}
}

func TestABrokenFileIsRefusedWithFileKeyAndValue(t *testing.T) {
	const usdt = "[chain.evm.1.asset.USDT]\n"
	const contract = `contract = "0xdAC17F958D2ee523a2206206994597C13D831ec7"` + "\n"
	for _, c := range []struct{ name, text, says, hint string }{
		{"unknown key", "\npool_sise = 3\n", "unknown key pool_sise (line 2)", "database, signer, signer_ca, signer_cert, signer_key, pool_size, reservation_ttl, lease, service_key, authorize_for, operator_key, service, alarms, audit, backup, reconcile, four_eyes, chain"},
		{"unknown key of a chain", "[chain.evm.1]\nmax_unmind = 3\n", "unknown key chain.evm.1.max_unmind (line 2)", "max_unmined"},
		{"unknown key of an asset", usdt + contract + "decimal = 6\n", "unknown key chain.evm.1.asset.USDT.decimal (line 3)", "contract, decimals"},
		{"two unknown keys", "a = 1\nb = 2\n", "unknown key a (line 1), b (line 2)", "database"},
		{"unknown table", "[daemon]\n", "unknown key daemon (line 1)", "database"},
		{"wrong type", "pool_size = \"many\"\n", `line 1: pool_size = "many" must be a whole number`, ""},
		{"a number too large", "pool_size = 99999999999999999999\n", "line 1", ""},
		{"no TOML", "pool_size = \n", "line 1 is not TOML", ""},
		{"twice", "pool_size = 1\npool_size = 2\n", "is not TOML", ""},
		{"negative", "pool_size = -1\n", "pool_size = -1 must be from 0 to 1000", ""},
		{"no duration", "reservation_ttl = \"soon\"\n", `reservation_ttl = "soon" must be a duration`, ""},
		{"no unit", "reservation_ttl = \"60\"\n", `reservation_ttl = "60" must be a duration`, ""},
		{"negative duration", "reservation_ttl = \"-1s\"\n", `reservation_ttl = "-1s" must be from 100ms`, ""},
		{"service key", "service_key = \"\"\n", `service_key = "…" is not a file`, "service.key"},
		{"authorize_for", "authorize_for = \"1s\"\n", `authorize_for = "1s" must be from 1m0s`, ""},
		{"database", "database = \"mysql:whatever\"\n", `database = "mysql:…" is not a database`, "sqlite:PATH or postgres://"},
		{"database in memory", "database = \"sqlite::memory:\"\n", `is not a database`, "sqlite:PATH"},
		{"signer", "signer = \"tcp://x\"\n", `signer = "tcp://x" is not where`, "unix:PATH or https://HOST:PORT"},
		{"chain type", "[chain.ton.1]\n", `[chain.ton] = "ton" is not a chain type`, "evm, btc, solana"},
		{"chain id", "[chain.evm.0]\n", `[chain.evm.0] = "0" is not a chain id of evm`, "EIP-155"},
		{"chain id with a zero", "[chain.evm.01]\n", `"01" is not a chain id of evm`, "EIP-155"},
		{"chain id that is a word", "[chain.evm.mainnet]\n", `"mainnet" is not a chain id of evm`, "EIP-155"},
		{"both finalities", "[chain.evm.1]\nconfirmations = 2\nfinality = \"finalized\"\n", `chain.evm.1.finality = "finalized" stands beside confirmations = 2`, "leave one"},
		{"finality", "[chain.evm.1]\nfinality = \"safe\"\n", `chain.evm.1.finality = "safe"`, "finalized"},
		{"confirmations", "[chain.evm.1]\nconfirmations = 0\n", "chain.evm.1.confirmations = 0 must be from 1", ""},
		{"strategy", "[chain.evm.1]\nstrategy = \"Best One\"\n", `chain.evm.1.strategy = "Best One" cannot be the name of a strategy`, "lowest-nonce"},
		{"max_unmined", "[chain.evm.1]\nmax_unmined = 0\n", "chain.evm.1.max_unmined = 0 must be from 1 to 1000", ""},
		{"poll", "[chain.evm.1]\npoll = \"1us\"\n", `chain.evm.1.poll = "1us" must be from 10ms to 1h0m0s`, ""},
		{"head_max_age", "[chain.evm.1]\nhead_max_age = \"2d\"\n", `chain.evm.1.head_max_age = "2d" must be a duration`, ""},
		{"stuck_after", "[chain.evm.1]\nstuck_after = \"0s\"\n", `chain.evm.1.stuck_after = "0s" must be from 1s`, ""},
		{"unknown key of reconcile", "[reconcile]\never = \"24h\"\n", "unknown key reconcile.ever (line 2)", "every"},
		{"reconciled too often", "[reconcile]\nevery = \"1s\"\n", `reconcile.every = "1s" must be "0s", or from 1m0s`, "coffer init"},
		{"reconciled backwards", "[reconcile]\nevery = \"-1h\"\n", `reconcile.every = "-1h" must be from 0s`, "coffer init"},
		{"unknown key of audit", "[audit]\nkeys = \"\"\n", "unknown key audit.keys (line 2)", "key, checkpoints"},
		{"an audit key that is no file", "[audit]\nkey = \"\"\n", `audit.key = "…" is not a file`, "audit.key"},
		{"unknown key of backup", "[backup]\nto = \"\"\n", "unknown key backup.to (line 2)", "recipients, dir, every, keep"},
		{"a recipient that is none", "[backup]\nrecipients = [\"bob\"]\n", `backup.recipients = "bob" is no recipient`, "age1"},
		{"a recipient that is secret", "[backup]\nrecipients = [\"AGE-SECRET-KEY-1QQQ\"]\n", `"AGE-SECRET-KEY…" is no recipient`, "age1"},
		{"backups to nowhere", "[backup]\nrecipients = [\"age1x\"]\nevery = \"24h\"\n", "no folder or no recipient", "dir ="},
		{"backups for nobody", "[backup]\ndir = \"b\"\nevery = \"24h\"\n", "no folder or no recipient", "recipients ="},
		{"backups too often", "[backup]\nrecipients = [\"age1x\"]\ndir = \"b\"\nevery = \"1s\"\n", "must be from 1m0s", "coffer init"},
		{"no backup kept", "[backup]\nkeep = 0\n", "0 must be from 1", "coffer init"},
		{"a place for checkpoints that is none", "[audit]\ncheckpoints = [\"http://x\"]\n", `audit.checkpoints = "http://x" is no place`, "syslog"},
		{"unknown key of alarms", "[alarms]\nwebhok = \"\"\n", "unknown key alarms.webhok (line 2)", "webhook, alertmanager"},
		{"a webhook that is none", "[alarms]\nwebhook = \"ftp://x/secret\"\n", `alarms.webhook = "ftp://x/…" is not where`, "http://"},
		{"rpc of another kind", "[chain.evm.1]\nrpc = [\"ftp://x\"]\n", `chain.evm.1.rpc[0] = "ftp://x" is not where a node is asked`, "http://"},
		{"a websocket to ask", "[chain.evm.1]\nrpc = [\"ws://x\"]\n", `chain.evm.1.rpc[0] = "ws://x" is not where a node is asked`, "stands in ws"},
		{"heads over http", "[chain.evm.1]\nrpc = [\"http://x\"]\nws = [\"http://x\"]\n", `chain.evm.1.ws[0] = "http://x" is not where a node tells`, "ws://"},
		{"heads of nobody", "[chain.evm.1]\nws = [\"ws://x\"]\n", `chain.evm.1.ws = "ws://x" is of no use`, "rpc"},
		{"rpc twice", "[chain.evm.1]\nrpc = [\"http://a\", \"http://a\"]\n", `chain.evm.1.rpc[1] = "http://a" stands there twice`, "once"},
		{"checksum", usdt + "contract = \"0xdac17F958D2ee523a2206206994597C13D831ec7\"\ndecimals = 6\n", "chain.evm.1.asset.USDT.contract: 0xdac17F958D2ee523a2206206994597C13D831ec7 has a wrong checksum", "0xdAC17F958D2ee523a2206206994597C13D831ec7"},
		{"zero contract", usdt + "contract = \"0x0000000000000000000000000000000000000000\"\ndecimals = 6\n", "is no contract", ""},
		{"no contract", usdt + "decimals = 6\n", "chain.evm.1.asset.USDT.contract = nothing: it is required", ""},
		{"no decimals", usdt + contract, "chain.evm.1.asset.USDT.decimals = nothing: it is required", ""},
		{"decimals", usdt + contract + "decimals = 37\n", "chain.evm.1.asset.USDT.decimals = 37 must be from 0 to 36", ""},
		{"the coin's name", "[chain.evm.56.asset.bnb]\n" + contract + "decimals = 18\n", `"bnb" is the chain's own coin`, ""},
		{"one contract twice", usdt + contract + "decimals = 6\n[chain.evm.1.asset.USDX]\n" + contract + "decimals = 8\n", "is the contract of USDT as well", ""},
		{"two that differ in case", usdt + contract + "decimals = 6\n[chain.evm.1.asset.usdt]\n" + contract + "decimals = 6\n", "differs from another asset only in upper and lower case", ""},
		{"a token on btc", "[chain.btc.0.asset.X]\n" + contract + "decimals = 6\n", "btc has no tokens", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := homeWith(t, c.text)
			_, err := config.Load(home, env(), config.Flags{})
			if !errors.Is(err, fault.Usage) {
				t.Fatalf("%v; want a usage fault", err)
			}
			if said := err.Error(); !strings.Contains(said, c.says) || !strings.Contains(said, filepath.Join(home, config.FileName)) || strings.Contains(said, "\n") {
				t.Errorf("says %q; want file and %q in one line", said, c.says)
			}
			if hint := fault.Hint(err); hint == "" || !strings.Contains(hint, c.hint) {
				t.Errorf("hint %q; want %q", hint, c.hint)
			}
		})
	}
}

func TestABrokenFlagOrVariableIsNamed(t *testing.T) {
	home := homeWith(t, "")
	_, err := config.Load(home, env("COFFER_DB", "nonsense"), config.Flags{})
	if !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "COFFER_DB = ") {
		t.Error(err)
	}
	_, err = config.Load(home, env("COFFER_DB", "nonsense"), config.Flags{DB: "sqlite:"})
	if !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "--db = ") {
		t.Error(err)
	}
	_, err = config.Load(home, env(), config.Flags{Signer: "unix:"})
	if !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "--signer = ") {
		t.Error(err)
	}
}
