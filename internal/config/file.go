package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"coffer.internal/internal/fault"
)

// file is coffer.toml as it is written. What is nil is not in it.
type file struct {
	path     string
	settings Settings // what it says, to be signed for

	Database       *string                          `toml:"database"`
	Signer         *string                          `toml:"signer"`
	SignerCA       *string                          `toml:"signer_ca"`
	SignerCert     *string                          `toml:"signer_cert"`
	SignerKey      *string                          `toml:"signer_key"`
	PoolSize       *int64                           `toml:"pool_size"`
	ReservationTTL *string                          `toml:"reservation_ttl"`
	Lease          *string                          `toml:"lease"`
	ServiceKey     *string                          `toml:"service_key"`
	AuthorizeFor   *string                          `toml:"authorize_for"`
	Alarms         *alarmsTable                     `toml:"alarms"`
	Audit          *auditTable                      `toml:"audit"`
	Backup         *backupTable                     `toml:"backup"`
	Reconcile      *reconcileTable                  `toml:"reconcile"`
	OperatorKey    *string                          `toml:"operator_key"`
	Service        *string                          `toml:"service"`
	FourEyes       *fourEyesTable                   `toml:"four_eyes"`
	Chain          map[string]map[string]chainTable `toml:"chain"`
}

// chainTable is [chain.TYPE.ID].
type chainTable struct {
	RPC            []string              `toml:"rpc"`
	WS             []string              `toml:"ws"`
	Confirmations  *int64                `toml:"confirmations"`
	Finality       *string               `toml:"finality"`
	Strategy       *string               `toml:"strategy"`
	MaxUnmined     *int64                `toml:"max_unmined"`
	Poll           *string               `toml:"poll"`
	HeadMaxAge     *string               `toml:"head_max_age"`
	StuckAfter     *string               `toml:"stuck_after"`
	FeePercentile  *int64                `toml:"fee_percentile"`
	FeeBlocks      *int64                `toml:"fee_blocks"`
	MinPriorityFee *string               `toml:"min_priority_fee"`
	MaxFeePerGas   *string               `toml:"max_fee_per_gas"`
	MaxFee         *string               `toml:"max_fee"`
	BumpPercent    *int64                `toml:"bump_percent"`
	BumpAfter      *string               `toml:"bump_after"`
	L1Fee          *string               `toml:"l1_fee"`
	Asset          map[string]assetTable `toml:"asset"`
}

// assetTable is [chain.TYPE.ID.asset.SYMBOL].
type assetTable struct {
	Contract *string `toml:"contract"`
	Decimals *int64  `toml:"decimals"`
}

// The keys of the tables, for hints, and what each takes.
var (
	topKeys       = []string{"database", "signer", "signer_ca", "signer_cert", "signer_key", "pool_size", "reservation_ttl", "lease", "service_key", "authorize_for", "operator_key", "service", "alarms", "audit", "backup", "reconcile", "four_eyes", "chain"}
	alarmKeys     = []string{"webhook", "alertmanager"}
	auditKeys     = []string{"key", "checkpoints"}
	backupKeys    = []string{"recipients", "dir", "every", "keep"}
	reconcileKeys = []string{"every"}
	eyesKeys      = []string{"verbs", "valid"}
	chainKeys     = []string{
		"rpc", "ws", "confirmations", "finality", "strategy", "max_unmined", "poll", "head_max_age", "stuck_after", "fee_percentile", "fee_blocks", "min_priority_fee",
		"max_fee_per_gas", "max_fee", "bump_percent", "bump_after", "l1_fee", "asset",
	}
	assetKeys = []string{"contract", "decimals"}
	takes     = map[string]string{
		"database": "a string", "signer": "a string", "signer_ca": "the path of a file", "signer_cert": "the path of a file", "signer_key": "the path of a file",
		"pool_size": "a whole number", "reservation_ttl": `a duration, as in "60s"`, "lease": `a duration, as in "15s"`,
		"service_key": "a string", "authorize_for": `a duration, as in "24h"`,
		"rpc": `a list of URLs, as in ["http://127.0.0.1:8545"]`, "confirmations": "a whole number", "finality": `"finalized"`,
		"strategy": "a string", "max_unmined": "a whole number", "poll": `a duration, as in "2s"`,
		"head_max_age": `a duration, as in "2m"`, "stuck_after": `a duration, as in "10m"`,
		"webhook": "a string", "alertmanager": "a string",
		"operator_key": "the path of a file", "service": `a word, as in "payouts"`,
		"verbs": `a list, as in ["sync:force", "operator_add"]`, "valid": `a duration, as in "24h"`,
		"key": "the path of a file", "checkpoints": `a list, as in ["stdout", "syslog", "/mnt/audit/checkpoints"]`,
		"recipients": `a list of public keys, as in ["age1…"]`, "dir": "the path of a folder", "every": `a duration, as in "24h"`, "keep": "a whole number",
		"contract": "a string", "decimals": "a whole number",
		"ws": `a list of URLs, as in ["ws://127.0.0.1:8546"]`, "fee_percentile": "a whole number", "fee_blocks": "a whole number",
		"min_priority_fee": `an amount, as in "1 gwei"`, "max_fee_per_gas": `an amount, as in "100 gwei"`,
		"max_fee": `an amount, as in "0.05 ether"`, "bump_percent": "a whole number", "bump_after": `a duration, as in "45s"`,
		"l1_fee": `"op-stack" or "none"`,
	}
	// secretKeys may hold secrets: their values are shown only redacted, or not at all.
	secretKeys = []string{"rpc", "ws", "database", "signer", "webhook", "alertmanager", "recipients"}
)

const hintTemplate = "`coffer init` in an empty COFFER_HOME writes a coffer.toml that shows every key"

// readFile reads coffer.toml. One that does not exist is empty.
func readFile(path string) (*file, error) {
	f := &file{path: path}
	if err := checkMine(path, 0o600); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, badHome(path, err)
	}
	// Twice: what fails as a plain document is no TOML; what fails only against the struct has a wrong key or type.
	plain := map[string]any{}
	if err := toml.Unmarshal(text, &plain); err != nil {
		return nil, f.noTOML(err)
	}
	dec := toml.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(f); err != nil {
		return nil, f.misfit(err, text)
	}
	f.settings, err = settings(plain)
	return f, err
}

func (f *file) noTOML(err error) error {
	where := f.path
	var d *toml.DecodeError
	if errors.As(err, &d) {
		line, _ := d.Position()
		where = fmt.Sprintf("%s, line %d", f.path, line)
	}
	return fault.New(fault.Usage, "bad_config", hintTemplate, "%s is not TOML: %s", where, strings.TrimPrefix(err.Error(), "toml: "))
}

// misfit says which keys are unknown, or which one's value is of the wrong type.
func (f *file) misfit(err error, text []byte) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		var names []string
		for _, e := range unknown.Errors {
			line, _ := e.Position()
			names = append(names, fmt.Sprintf("%s (line %d)", strings.Join(e.Key(), "."), line))
		}
		return fault.New(fault.Usage, "unknown_key", "the keys there are "+strings.Join(keysAt(unknown.Errors[0].Key()), ", "),
			"%s: unknown key %s", f.path, strings.Join(names, ", "))
	}
	var d *toml.DecodeError
	if !errors.As(err, &d) || len(d.Key()) == 0 {
		return f.noTOML(err)
	}
	key := d.Key()
	line, _ := d.Position()
	last := key[len(key)-1]
	want := takes[last]
	if want == "" {
		want = "a table"
	}
	return fault.New(fault.Usage, "bad_config", hintTemplate, "%s, line %d: %s%s must be %s",
		f.path, line, strings.Join(key, "."), valueAt(text, line, last), want)
}

// keysAt are the keys that stand beside a key.
func keysAt(key []string) []string {
	switch {
	case len(key) > 1 && key[0] == "alarms":
		return alarmKeys
	case len(key) > 1 && key[0] == "audit":
		return auditKeys
	case len(key) > 1 && key[0] == "backup":
		return backupKeys
	case len(key) > 1 && key[0] == "reconcile":
		return reconcileKeys
	case len(key) > 1 && key[0] == "four_eyes":
		return eyesKeys
	case len(key) > 0 && key[0] != "chain" || len(key) < 4:
		return topKeys
	case len(key) >= 6 && key[3] == "asset":
		return assetKeys
	default:
		return chainKeys
	}
}

// valueAt is " = value" as it is written in a line, or nothing if it could hold a secret.
func valueAt(text []byte, line int, key string) string {
	lines := strings.Split(string(text), "\n")
	if slices.Contains(secretKeys, key) || line < 1 || line > len(lines) {
		return ""
	}
	_, value, found := strings.Cut(lines[line-1], "=")
	if !found || strings.Contains(value, "://") {
		return ""
	}
	return " = " + strings.TrimSpace(value)
}
