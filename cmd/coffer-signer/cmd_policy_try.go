package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

func (a *app) policyTryCommand() *cobra.Command {
	var tokens []string
	var account, at string
	c := &cobra.Command{
		Use:   "try FILE INTENT",
		Short: "Say what a policy makes of an intent, without signing",
		Long: `Judges an intent by the policy in FILE. INTENT is a file with an intent in its canonical encoding, or - for standard
input; --authorization gives the tokens that would come with it. The verdict is that on a first signature from a key of
--account, with every limit unused: what was signed is in the journal, which is not looked at. It needs no home.

Exit 0 if it is permitted, 4 if it is refused.`,
		Example: `  coffer-signer policy try policy.toml intent.json --authorization coffer-authorization-1.AAAA
  coffer-signer policy try policy.toml - --account cold <intent.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "FILE and INTENT are needed, not %d arguments", len(args))
		},
		ValidArgsFunction: files,
		RunE: func(_ *cobra.Command, args []string) error {
			now, err := tryAt(at)
			if err != nil {
				return err
			}
			if !slices.Contains([]string{policy.Hot, policy.Cold, policy.Vault}, account) {
				return fault.New(fault.Usage, "bad_account", "--account hot, cold or vault", "account %q is not known", account)
			}
			_, p, err := signer.ReadPolicy(args[0])
			if err != nil {
				return err
			}
			i, err := a.readIntent(args[1])
			if err != nil {
				return err
			}
			return a.showVerdict(signer.TryPolicy(p, i, account, tokens, now))
		},
	}
	c.Flags().StringArrayVar(&tokens, "authorization", nil, "an authorization that comes with it; may be given several times")
	c.Flags().StringVar(&account, "account", policy.Hot, "the account of the key that would sign: hot, cold or vault")
	c.Flags().StringVar(&at, "at", "", "judge as if it were this time, as in 2026-11-28T12:00:00Z (default: now)")
	return c
}

func tryAt(at string) (time.Time, error) {
	if at == "" {
		return time.Now(), nil
	}
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return t, fault.New(fault.Usage, "bad_time", "--at 2026-11-28T12:00:00Z", "--at %q is not a time as RFC 3339 writes it", at)
	}
	return t, nil
}

// readIntent reads an intent from a file or standard input. One newline at its end is cut.
func (a *app) readIntent(path string) (i signing.Intent, err error) {
	f := a.stdin
	if path != "-" {
		if f, err = os.Open(path); err != nil {
			return i, fault.New(fault.NotFound, "no_file", "check the path", "the intent %s cannot be opened", path)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
	}
	b, err := io.ReadAll(io.LimitReader(f, wire.MaxIntent+2))
	if err != nil {
		return i, fmt.Errorf("read the intent: %w", err)
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	if len(b) > wire.MaxIntent {
		return i, fault.New(fault.Usage, "long_intent", "", "the intent is longer than %d bytes", wire.MaxIntent)
	}
	if i, err = signing.Parse(b); err != nil {
		return i, fault.Wrap(err, fault.Usage, "bad_intent", "the canonical encoding: fields in their order, no white space", "%s", path)
	}
	return i, nil
}

// verdictDocument is a verdict of policy try.
type verdictDocument struct {
	Verdict  string           `json:"verdict"` // permitted, refused
	Rule     string           `json:"rule"`
	Refusal  *signing.Refusal `json:"refusal"`
	MaxFee   string           `json:"max_fee"`       // what fee replacements are held to; empty: nothing is said
	Keys     []string         `json:"authorized_by"` // fingerprints
	Amount   string           `json:"amount"`        // what would be counted
	Fee      string           `json:"fee"`
	Counters []string         `json:"counters"`
}

func (a *app) showVerdict(v policy.Verdict) error {
	d := verdictDocument{Verdict: "permitted", Rule: v.Rule, Refusal: v.Refusal, MaxFee: v.Bound.MaxFee, Keys: append([]string{}, v.Bound.Keys...), Counters: append([]string{}, v.To...)}
	var refused error
	if r := v.Refusal; r != nil {
		d.Verdict = "refused"
		refused = fault.New(fault.Refused, r.Code, "coffer-signer policy explain FILE", "refused, %s: %s", r.Kind, r.Reason)
	} else {
		d.Amount, d.Fee = v.Add.Amount.String(), v.Add.Fee.String()
	}
	if a.json {
		return errors.Join(a.document(d), refused)
	}
	if refused == nil {
		a.say("permitted by rule %q, with its limits taken as unused", v.Rule)
		a.say("counts   %s, and at most %s as its fee", d.Amount, d.Fee)
		for _, c := range d.Counters {
			a.say("in       %s", c)
		}
		if d.MaxFee != "" {
			a.say("max fee  %s, fee replacements included", d.MaxFee)
		}
	}
	return refused
}
