package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coffer.internal/internal/fault"
)

func TestWhatCannotBeRightIsRefusedWhole(t *testing.T) {
	key := func(b byte) string { return WriteKey(publicOf(b)) }
	authorizer := func(name, role, key string) string {
		return fmt.Sprintf("version = 1\n[[authorizer]]\nname = %q\nrole = %q\nkey = %q\n", name, role, key)
	}
	rules := func(rules ...string) string { return "version = 1\n" + authorizers + strings.Join(rules, "\n") }
	withdraw := func(lines string) string { return rules(withdrawRule(lines)) }
	byNobody := func(lines string) string { return withdraw("authorized_by = \"nobody\"\n" + lines) }
	instead := func(old, new string) string {
		return rules(strings.Replace(withdrawRule(`authorized_by = "nobody"`), old, new, 1))
	}
	all := func(lines string) string { return byNobody("[rule.all_keys]\n" + lines) }
	for _, c := range []struct{ name, text, says string }{
		{"no TOML", "version = 1\nrule", "line 2 of the policy is not TOML"},
		{"no version", "", "does not say its version"},
		{"another version", "version = 2", "has version 2"},
		{"an unknown key", "version = 1\nrules = 1", "unknown key rules (line 2)"},
		{"an unknown key of a rule", byNobody("pay = 1"), "unknown key rule.pay"},
		{"an unknown limit", all("week = 1"), "unknown key rule.all_keys.week"},
		{"a wrong type", "version = \"1\"", "version must be a whole number"},
		{"a list that is none", instead(`["coin"]`, `"coin"`), "rule.assets must be a list"},

		{"a role", authorizer("x", "boss", key(1)), `role = "boss" is not`},
		{"no key", authorizer("x", "risk", ""), `key = "" is not`},
		{"a short key", authorizer("x", "risk", "ed25519:AAAA"), "base64 of 32 bytes"},
		{"no prefix", authorizer("x", "risk", strings.TrimPrefix(key(1), "ed25519:")), "base64 of 32 bytes"},
		{"no padding", authorizer("x", "risk", strings.TrimRight(key(1), "=")), "base64 of 32 bytes"},
		{"a key that everybody signs with", authorizer("x", "risk", "ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), "is no Ed25519 key"},
		{"a name", authorizer("x/y", "risk", key(1)), `name = "x/y" is not`},
		{"one officer", authorizer("anna", "officer", key(1)), `"anna" is the only officer`},
		{"a name twice", authorizer("x", "risk", key(1)) + authorizer("x", "risk", key(2))[12:], `two authorizers are called "x"`},
		{"a key twice", authorizer("x", "risk", key(1)) + authorizer("y", "service", key(1))[12:], "have the same key"},

		{"no name", rules("[[rule]]\npurposes = [\"withdraw\"]"), "rule 1 has no name"},
		{"two of a name", rules(withdrawRule(`authorized_by = "nobody"`), strings.Replace(withdrawRule(`authorized_by = "nobody"`), "evm:1", "evm:2", 1)), `two rules are called "w"`},
		{"no purpose", instead(`["withdraw"]`, "[]"), "purposes names nothing"},
		{"a purpose", instead(`["withdraw"]`, `["payment"]`), `"payment" is not`},
		{"purposes that do not fit", instead(`["withdraw"]`, `["withdraw", "sweep"]`), "do not go together"},
		{"neither keys nor accounts", instead(`accounts = ["hot"]`, ""), "neither keys nor accounts"},
		{"an account", instead(`["hot"]`, `["warm"]`), `"warm" is not`},
		{"a key in lower case", instead(`accounts = ["hot"]`, `keys = ["`+strings.ToLower(from)+`"]`), "is nothing on evm:1"},
		{"the zero address", instead(`accounts = ["hot"]`, `keys = ["0x0000000000000000000000000000000000000000"]`), "is nothing on evm:1"},
		{"keys of another chain", instead(`accounts = ["hot"]`, `keys = ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"]`), "is nothing on evm:1"},
		{"a chain without a key", instead("accounts = [\"hot\"]\nchains = [\"evm:1\"]", "keys = [\""+from+"\"]\nchains = [\"evm:1\", \"btc:0\"]"), "keys names nothing on btc:0"},
		{"no chain", instead(`["evm:1"]`, "[]"), "chains names nothing"},
		{"a chain", instead("evm:1", "ethereum"), `chain "ethereum" is not one like`},
		{"chain 0", instead("evm:1", "evm:0"), "is no chain id of evm"},
		{"a chain with a zero before", instead("evm:1", "evm:01"), "is no chain id of evm"},
		{"a network that is none", instead("evm:1", "btc:9"), "Bitcoin has no chain id 9"},
		{"a chain in another", instead(`["evm:1"]`, `["evm:*", "evm:1"]`), "is in the other"},
		{"a chain twice", instead(`["evm:1"]`, `["evm:1", "evm:1"]`), "stands there twice"},
		{"no asset", instead(`assets = ["coin"]`, ""), "assets names nothing"},
		{"every asset and more", instead(`["coin"]`, `["*", "coin"]`), "nothing stands beside it"},
		{"an asset of another chain", instead(`["coin"]`, `["EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"]`), "is nothing on evm:1"},
		{"a token of Bitcoin", instead("chains = [\"evm:1\"]\nassets = [\"coin\"]", "chains = [\"evm:1\", \"btc:0\"]\nassets = [\""+usdt+"\"]"), "assets names nothing on btc:0"},
		{"to without a sweep", byNobody(`to = ["` + other + `"]`), "to belongs to sweep"},
		{"a sweep to nowhere", rules(strings.Replace(sweepRule(""), canonicalVault, "", 1)), "is nothing on evm:1"},
		{"a sweep without to", rules(strings.Replace(sweepRule(""), "to = [\""+canonicalVault+"\"]", "", 1)), "to names nothing"},

		{"nobody said who", withdraw(""), "does not say authorized_by"},
		{"another word", withdraw(`authorized_by = "anybody"`), `authorized_by = "anybody"`},
		{"an empty table", withdraw("authorized_by = {}"), "authorized_by is empty"},
		{"no one of a role", withdraw("authorized_by = { service = 0 }"), "service = 0 is not a number from 1"},
		{"a word as a number", withdraw(`authorized_by = { service = "1" }`), "is not a number from 1"},
		{"more than there are", withdraw("authorized_by = { service = 2 }"), "2 of role service are wanted, and the file names 1"},
		{"an unknown role", withdraw("authorized_by = { boss = 1 }"), `"boss" is not`},
		{"a list of roles", withdraw(`authorized_by = ["service"]`), "authorized_by = [service]"},
		{"mending with authorizations", rules(mendRule("authorized_by = { service = 1 }")), "want nobody's authorization"},
		{"officers above nothing", byNobody("officers = 2"), "go together"},
		{"more officers than there are", byNobody("officers_above = 1\nofficers = 3"), "3 of role officer are wanted"},
		{"officers that are wanted anyway", withdraw("authorized_by = { officer = 2 }\nofficers_above = 1\nofficers = 2"), "adds nothing"},
		{"officers above the cap", byNobody("officers_above = 5\nofficers = 2\npayment = 5"), "could never be reached"},
		{"officers for mending", rules(mendRule("officers_above = 1\nofficers = 2")), "belongs to withdraw and sweep"},

		{"nothing as a cap", byNobody("payment = 0"), "payment = 0 is not a whole number"},
		{"less than nothing", byNobody("payment = -1"), "payment = -1 is not a whole number"},
		{"a fraction", byNobody("payment = 1.5"), "payment = 1.5 is not a whole number"},
		{"a coin's name", byNobody(`payment = "1 ether"`), `payment = "1 ether" is not`},
		{"an underscore at the end", byNobody(`payment = "1_"`), `payment = "1_" is not`},
		{"above 2^256", byNobody(`payment = "1` + strings.Repeat("0", 78) + `"`), "is not a whole number of base units"},
		{"a date as a cap", byNobody("max_fee = 2026-11-28"), "max_fee = 2026-11-28 is not a whole number"},
		{"a share of all", byNobody("max_fee_percent = 100"), "is not above 0 and below 100"},
		{"a share of nothing", byNobody(`max_fee_percent = "0.00"`), "is not above 0 and below 100"},
		{"a share too fine", byNobody(`max_fee_percent = "0.001"`), `is not a share such as`},
		{"a share of tokens", instead(`["coin"]`, `["`+usdt+`"]`+"\nmax_fee_percent = 1"), "max_fee_percent is for payments of the chain's own coin"},
		{"sat on EVM", byNobody("max_sat_per_vb = 1"), "max_sat_per_vb is of chain type btc"},
		{"lamports on EVM", byNobody("max_lamports = 1"), "max_lamports is of chain type solana"},
		{"gas on Bitcoin", instead("evm:1", "btc:0\"]\nmax_fee_per_gas = 1\nto = [\""), "to belongs to sweep"},
		{"a fee of several coins", instead(`["evm:1"]`, `["evm:1", "btc:0"]`+"\nmax_fee = 1"), "max_fee cannot be an amount of the coins of several chain types"},
		{"fees of several coins", instead("chains = [\"evm:1\"]", "each_key = { fee_day = 1 }\nchains = [\"evm:1\", \"btc:0\"]"), "fee_hour and fee_day cannot be"},

		{"apples and pears", instead(`["coin"]`, `["coin", "`+usdt+`"]`+"\npayment = 1"), "payment cannot be an amount of several assets"},
		{"a sum of everything", instead(`["coin"]`, `["*"]`+"\nall_keys = { hour = 1 }"), "all_keys' hour and day cannot be an amount of several assets"},
		{"a sum of coins", instead("chains = [\"evm:1\"]", "each_key = { day = 1 }\nchains = [\"evm:1\", \"btc:0\"]"), "each_key's hour and day cannot be an amount of the coins"},
		{"officers above apples", instead(`["coin"]`, `["*"]`+"\nofficers_above = 1\nofficers = 2"), "officers_above cannot be an amount of several assets"},
		{"an hour above the day", all("hour = 2\nday = 1"), "all_keys.hour (2) is above all_keys.day (1)"},
		{"a count above the day's", all("hour_count = 2\nday_count = 1"), "all_keys.hour_count (2) is above"},
		{"fees above the day's", all("fee_hour = 2\nfee_day = 1"), "all_keys.fee_hour (2) is above"},
		{"one key above all", byNobody("each_key = { hour = 2 }\nall_keys = { hour = 1 }"), "each_key.hour (2) is above all_keys.hour (1)"},
		{"a payment above the hour", byNobody("payment = 2\nall_keys = { hour = 1 }"), "payment (2) is above all_keys.hour (1)"},
		{"a fee above the day", byNobody("max_fee = 2\nall_keys = { fee_day = 1 }"), "max_fee (2) is above all_keys.fee_day (1)"},
		{"no limit", byNobody("[rule.all_keys]"), "all_keys says no limit"},
		{"a count of nothing", all("hour_count = 0"), "hour_count = 0 is not from 1"},
		{"amounts for mending", rules(mendRule("payment = 1")), "payment belongs to withdraw and sweep"},
		{"sums for mending", rules(mendRule("[rule.all_keys]\nday = 1")), "hour and day belong to withdraw and sweep"},
		{"assets for mending", rules(mendRule(`assets = ["coin"]`)), "assets belong to withdraw and sweep"},
		{"mending on Bitcoin", rules(strings.Replace(mendRule(""), "evm:1", "btc:0", 1)), "are of EVM only"},

		{"a rule that never decides", rules(strings.NewReplacer(`"w"`, `"wide"`, "evm:1", "evm:*", `"coin"`, `"*"`).Replace(withdrawRule(`authorized_by = "nobody"`)),
			withdrawRule(`authorized_by = "nobody"`)), `rule "w" can never decide: rule "wide" (the 1st of the file)`},
	} {
		p, err := Parse([]byte(c.text))
		if err == nil || p != nil || !errors.Is(err, fault.Usage) || fault.Hint(err) == "" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v (hint %q), want %q", c.name, err, fault.Hint(err), c.says)
		}
	}
	long := []byte("version = 1\n" + strings.Repeat("#", MaxFile))
	if _, err := Parse(long); fault.Code(err) != "policy_too_long" {
		t.Error(err)
	}
	if _, err := Parse(long[:MaxFile]); err != nil {
		t.Error(err)
	}
}

// A narrower rule above a wider one, and rules that only meet in part, each have cases of their own.
func TestRulesThatEachDecideSomethingAreTaken(t *testing.T) {
	narrow := withdrawRule(`authorized_by = "nobody"`)
	wide := strings.NewReplacer(`"w"`, `"wide"`, "evm:1", "evm:*", `"coin"`, `"*"`).Replace(narrow)
	onKey := strings.NewReplacer(`"w"`, `"key"`, `accounts = ["hot"]`, `keys = ["`+from+`"]`).Replace(narrow)
	more := strings.NewReplacer(`"w"`, `"more"`, `["coin"]`, `["coin", "`+usdt+`"]`, `["hot"]`, `["hot", "cold"]`).Replace(narrow)
	for _, rules := range [][]string{{narrow, wide}, {onKey, narrow}, {narrow, onKey}, {narrow, more, wide}, {narrow, mendRule(""), sweepRule("")}} {
		policyOf(t, strings.Join(rules, "\n"))
	}
}

func TestTheHashIsThatOfTheBytes(t *testing.T) {
	p, err := Parse([]byte("version = 1\n"))
	if err != nil || p.Hash() != "SHA256:dbab12665d98aef021ba64953c61b0ed8a908cfb56a1c01e2fcb4b052b71a2a1" {
		t.Errorf("%q, %v", p.Hash(), err)
	}
	q, err := Parse([]byte("version = 1 \n"))
	if err != nil || p.Hash() == q.Hash() || new(Policy).Hash() != "" {
		t.Error("two files have one hash, or the zero policy has one")
	}
}

func TestOfficersAreTheAuthorizersOfThatRole(t *testing.T) {
	p := policyOf(t, "")
	var got []string
	for _, o := range p.Officers() {
		got = append(got, o.Name)
	}
	if !slices.Equal(got, []string{"anna", "bert"}) || len(p.Authorizers()) != 4 {
		t.Errorf("%v of %d", got, len(p.Authorizers()))
	}
}

// What a policy means is told in sentences, to the letter: UPDATE_GOLDEN=1 writes them again.
func TestAPolicySaysInSentencesWhatItMeans(t *testing.T) {
	files, err := filepath.Glob("testdata/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		got := strings.Join(p.Sentences(), "\n") + "\n"
		golden := strings.TrimSuffix(file, ".toml") + ".txt"
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v\n%s", golden, err, got)
		}
	}
}

func TestTheDefaultPolicyIsWhatTheTestdataShows(t *testing.T) {
	for file, text := range map[string][]byte{"default.toml": Default(publicOf(service)), "default-without-service.toml": Default(nil)} {
		path := filepath.Join("testdata", file)
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(path); err != nil || string(want) != string(text) {
			t.Errorf("%s differs (%v)", file, err)
		}
	}
}

// FuzzParse: a reader of policies never panics, and what it takes can be explained and judged by.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.toml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse(text)
		if err != nil {
			if !errors.Is(err, fault.Usage) {
				t.Errorf("%v is not the file's fault", err)
			}
			return
		}
		if len(p.Sentences()) < 3 || len(p.Officers()) == 1 {
			t.Errorf("%q", p.Sentences())
		}
		if v := p.Judge(question(payment())); v.Refusal == nil && v.Rule == "" {
			t.Error("permitted by no rule")
		}
	})
}
