package policy

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"coffer.internal/internal/fault"
)

// MaxFile is the longest policy that is read, in bytes.
const MaxFile = 256 << 10

// version is that of the file's format.
const version = 1

// file is a policy as it is written. What is nil is not in it.
type file struct {
	Version    *int64            `toml:"version"`
	Authorizer []authorizerTable `toml:"authorizer"`
	Rule       []ruleTable       `toml:"rule"`
}

// authorizerTable is an [[authorizer]].
type authorizerTable struct {
	Name *string `toml:"name"`
	Role *string `toml:"role"`
	Key  *string `toml:"key"`
}

// ruleTable is a [[rule]].
type ruleTable struct {
	Name     *string  `toml:"name"`
	Purposes []string `toml:"purposes"`
	Keys     []string `toml:"keys"`
	Accounts []string `toml:"accounts"`
	Chains   []string `toml:"chains"`
	Assets   []string `toml:"assets"`
	To       []string `toml:"to"`

	AuthorizedBy  any    `toml:"authorized_by"` // a table role → number, or "nobody"
	OfficersAbove any    `toml:"officers_above"`
	Officers      *int64 `toml:"officers"`

	Payment       any `toml:"payment"`
	MaxFee        any `toml:"max_fee"`
	MaxFeePerGas  any `toml:"max_fee_per_gas"`
	MaxFeePercent any `toml:"max_fee_percent"`
	MaxSatPerVB   any `toml:"max_sat_per_vb"`
	MaxLamports   any `toml:"max_lamports"`

	EachKey *limitTable `toml:"each_key"`
	AllKeys *limitTable `toml:"all_keys"`
}

// limitTable is [rule.each_key] or [rule.all_keys].
type limitTable struct {
	Hour      any    `toml:"hour"`
	Day       any    `toml:"day"`
	HourCount *int64 `toml:"hour_count"`
	DayCount  *int64 `toml:"day_count"`
	FeeHour   any    `toml:"fee_hour"`
	FeeDay    any    `toml:"fee_day"`
}

// The keys of the tables, for hints, and what those take that are not amounts.
var (
	topKeys        = []string{"version", "authorizer", "rule"}
	authorizerKeys = []string{"name", "role", "key"}
	ruleKeys       = []string{
		"name", "purposes", "keys", "accounts", "chains", "assets", "to", "authorized_by", "officers_above", "officers", "payment", "max_fee", "max_fee_per_gas",
		"max_fee_percent", "max_sat_per_vb", "max_lamports", "each_key", "all_keys",
	}
	limitKeys = []string{"hour", "day", "hour_count", "day_count", "fee_hour", "fee_day"}
	takes     = map[string]string{
		"version": "a whole number", "authorizer": "a table of its own, [[authorizer]]", "rule": "a table of its own, [[rule]]",
		"name": "a string", "role": "a string", "key": "a string",
		"purposes": `a list, as in ["withdraw"]`, "keys": "a list of addresses", "accounts": `a list, as in ["hot"]`, "chains": `a list, as in ["evm:1"]`,
		"assets": `a list, as in ["coin"]`, "to": "a list of addresses", "officers": "a whole number", "hour_count": "a whole number", "day_count": "a whole number",
		"each_key": "a table, [rule.each_key]", "all_keys": "a table, [rule.all_keys]",
	}
)

const hintPage = "docs/policy.md describes the file"

// bad is the fault of a policy that cannot be right.
func bad(format string, args ...any) error {
	return fault.New(fault.Usage, "bad_policy", hintPage, format, args...)
}

// readFile reads the text of a policy against its shape. Every key must be known and have its type.
func readFile(text []byte) (*file, error) {
	if len(text) > MaxFile {
		return nil, fault.New(fault.Usage, "policy_too_long", hintPage, "the policy has %d bytes; at most %d are read", len(text), MaxFile)
	}
	// Twice: what fails as a plain document is no TOML; what fails only against the struct has a wrong key or type.
	var plain map[string]any
	if err := toml.Unmarshal(text, &plain); err != nil {
		return nil, noTOML(err)
	}
	f := &file{}
	dec := toml.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(f); err != nil {
		return nil, misfit(err)
	}
	if f.Version == nil || *f.Version != version {
		return nil, fault.New(fault.Usage, "policy_version", fmt.Sprintf("version = %d, above everything else", version), "the policy %s; this program reads version %d", versionOf(f), version)
	}
	return f, nil
}

func versionOf(f *file) string {
	if f.Version == nil {
		return "does not say its version"
	}
	return fmt.Sprintf("has version %d", *f.Version)
}

func noTOML(err error) error {
	where := "the policy"
	var d *toml.DecodeError
	if errors.As(err, &d) {
		line, _ := d.Position()
		where = fmt.Sprintf("line %d of the policy", line)
	}
	return bad("%s is not TOML: %s", where, strings.TrimPrefix(err.Error(), "toml: "))
}

// misfit says which keys are unknown, or which one's value is of the wrong type.
func misfit(err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		var names []string
		for _, e := range unknown.Errors {
			line, _ := e.Position()
			names = append(names, fmt.Sprintf("%s (line %d)", strings.Join(e.Key(), "."), line))
		}
		return fault.New(fault.Usage, "unknown_key", "the keys there are "+strings.Join(keysAt(unknown.Errors[0].Key()), ", "), "unknown key %s", strings.Join(names, ", "))
	}
	var d *toml.DecodeError
	if !errors.As(err, &d) || len(d.Key()) == 0 {
		return noTOML(err)
	}
	key := d.Key()
	line, _ := d.Position()
	want := takes[key[len(key)-1]]
	if want == "" {
		want = "of another type"
	}
	return bad("line %d of the policy: %s must be %s", line, strings.Join(key, "."), want)
}

// keysAt are the keys that stand beside a key.
func keysAt(key []string) []string {
	switch {
	case len(key) > 1 && key[0] == "authorizer":
		return authorizerKeys
	case len(key) > 2 && slices.Contains([]string{"each_key", "all_keys"}, key[1]):
		return limitKeys
	case len(key) > 1 && key[0] == "rule":
		return ruleKeys
	}
	return topKeys
}
