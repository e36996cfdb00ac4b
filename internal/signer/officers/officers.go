// Package officers judges what officers say to a signing machine: two different ones of the policy in force, each with a
// directive (signing.Directive) for exactly this act on exactly this machine.
//
// A policy that names no officers leaves such acts to the user that the machine runs as.
package officers

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

const (
	// Needed is how many officers an act takes.
	Needed = 2
	// MaxTokens is how many directives are looked at.
	MaxTokens = 16
	// maxAhead is how far the clock of an officer's machine may be ahead of the signing machine's.
	maxAhead = 5 * time.Minute
	// MaxFor is how long a directive may be valid. A longer one is an order to a machine that nobody thinks of any more.
	MaxFor = 7 * 24 * time.Hour
)

// Officer is one of the policy in force.
type Officer struct {
	Name string
	Key  ed25519.PublicKey
}

// Act is what a machine is to do.
type Act struct {
	Device  string // of the machine
	Action  string // signing.ActionRelease …
	Subject string
}

// Approval is what officers allowed an act with.
type Approval struct {
	Officers []string // their names; nobody if the policy names no officers
	Tokens   []string // the proof, as it came
}

// Approve says whether officers approve the act, and who they are. Every token has to be right: one that is expired, for another act or
// of somebody else refuses the act (fault.NotAllowed), because whoever sent it is mistaken about something. If no officer is named, the
// act needs nobody, and tokens are refused: whoever sent them believes in officers that are none here.
func (a Act) Approve(of []Officer, tokens []string, now time.Time) (Approval, error) {
	if len(tokens) > MaxTokens {
		return Approval{}, fault.New(fault.Usage, "too_many_approvals", "two are enough", "%d approvals; at most %d are looked at", len(tokens), MaxTokens)
	}
	if len(of) == 0 {
		if len(tokens) > 0 {
			return Approval{}, fault.New(fault.NotAllowed, "no_officers", "coffer-signer policy show; docs/policy.md says how officers are named",
				"approvals were given, and the policy in force names no officers")
		}
		return Approval{}, nil
	}
	got := Approval{Tokens: tokens}
	seen := map[string]bool{}
	for n, token := range tokens {
		name, err := a.judge(of, token, now)
		if err != nil {
			return Approval{}, fmt.Errorf("approval %d: %w", n+1, err)
		}
		if seen[name] {
			return Approval{}, fault.New(fault.NotAllowed, "officer_twice", a.hint(), "approval %d: officer %q has approved already; two different ones are needed", n+1, name)
		}
		seen[name] = true
		got.Officers = append(got.Officers, name)
	}
	if len(got.Officers) < Needed {
		return Approval{}, fault.New(fault.NotAllowed, "approval_missing", a.hint(), "it takes %d officers of %s to approve %s of %s, and %d did: it was not done",
			Needed, names(of), a.Action, a.Subject, len(got.Officers))
	}
	return got, nil
}

// judge says whose directive a token is, if it is one for this act.
func (a Act) judge(of []Officer, token string, now time.Time) (name string, err error) {
	d, err := signing.ParseDirective(token)
	if err != nil {
		return "", fault.Wrap(err, fault.NotAllowed, "approval_unreadable", a.hint(), "it is none")
	}
	if name = nameOf(of, d.Key); name == "" {
		return "", fault.New(fault.NotAllowed, "not_an_officer", "coffer-signer policy show", "key %s is that of no officer of the policy in force", signing.Fingerprint(d.Key))
	}
	for _, f := range []struct{ name, said, needed string }{{"device", d.Device, a.Device}, {"action", d.Action, a.Action}, {"subject", d.Subject, a.Subject}} {
		if f.said != f.needed {
			return "", fault.New(fault.NotAllowed, "approval_differs", a.hint(), "officer %q approved %s %q, not %q", name, f.name, f.said, f.needed)
		}
	}
	switch {
	case d.Issued.After(now.Add(maxAhead)):
		return "", fault.New(fault.NotAllowed, "approval_from_the_future", "set the clocks right", "officer %q approved at %s, and it is %s here",
			name, stamp(d.Issued), stamp(now))
	case !d.Expires.After(now):
		return "", fault.New(fault.NotAllowed, "approval_expired", a.hint(), "the approval of officer %q expired at %s", name, stamp(d.Expires))
	case d.Expires.Sub(d.Issued) > MaxFor:
		return "", fault.New(fault.NotAllowed, "approval_too_long", a.hint(), "the approval of officer %q is valid for %s; at most %s", name, d.Expires.Sub(d.Issued), MaxFor)
	}
	return name, nil
}

func nameOf(of []Officer, key ed25519.PublicKey) string {
	for _, o := range of {
		if o.Key.Equal(key) {
			return o.Name
		}
	}
	return ""
}

func names(of []Officer) string {
	all := make([]string, len(of))
	for i, o := range of {
		all[i] = o.Name
	}
	return strings.Join(all, ", ")
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Command is what an officer runs, on a machine of his own, to approve the act.
func (a Act) Command() string {
	return fmt.Sprintf("coffer-signer approve --device '%s' --action %s --subject '%s' --key FILE", a.Device, a.Action, a.Subject)
}

func (a Act) hint() string {
	return fmt.Sprintf("each of two officers: %s; then say it again with --approval TOKEN for each", a.Command())
}

// Sign makes an officer's directive for the act: valid from now on, for as long as is said (whole seconds).
func (a Act) Sign(key ed25519.PrivateKey, now time.Time, valid time.Duration) (string, error) {
	switch {
	case a.Device == "" || a.Action == "" || a.Subject == "":
		return "", fault.New(fault.Usage, "usage", "take the line that the machine's own command printed", "device, action and subject are all needed")
	case valid < time.Second || valid > MaxFor:
		return "", fault.New(fault.Usage, "bad_for", "--for 24h", "an approval is valid for a second at least and %s at most, not %s", MaxFor, valid)
	}
	if err := a.known(); err != nil {
		return "", err
	}
	now = now.UTC().Truncate(time.Second)
	return signing.Directive{Device: a.Device, Action: a.Action, Subject: a.Subject, Issued: now, Expires: now.Add(valid.Truncate(time.Second))}.Token(key), nil
}

// Actions are all that officers direct.
var Actions = []string{signing.ActionRelease, signing.ActionUnfreeze, signing.ActionLoad, signing.ActionPolicy}

func (a Act) known() error {
	for _, known := range Actions {
		if a.Action == known {
			return nil
		}
	}
	return fault.New(fault.Usage, "bad_action", "take the line that the machine's own command printed", "action %q is none of %s", a.Action, strings.Join(Actions, ", "))
}
