package officers

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

var now = time.Unix(1_800_000_000, 0).UTC()

func key(n byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = n
	return ed25519.NewKeyFromSeed(seed)
}

func officer(name string, n byte) Officer { return Officer{name, key(n).Public().(ed25519.PublicKey)} }

var (
	act   = Act{Device: "SHA256:d", Action: signing.ActionUnfreeze, Subject: "f1"}
	three = []Officer{officer("anna", 1), officer("bo", 2), officer("chen", 3)}
)

func (a Act) by(t *testing.T, n byte) string {
	t.Helper()
	token, err := a.Sign(key(n), now, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func directive(n byte, change func(*signing.Directive)) string {
	d := signing.Directive{Device: act.Device, Action: act.Action, Subject: act.Subject, Issued: now, Expires: now.Add(time.Hour)}
	change(&d)
	return d.Token(key(n))
}

func TestTwoDifferentOfficersApprove(t *testing.T) {
	got, err := act.Approve(three, []string{act.by(t, 1), act.by(t, 3)}, now)
	if err != nil || strings.Join(got.Officers, " ") != "anna chen" || len(got.Tokens) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := act.Approve(three, []string{act.by(t, 1), act.by(t, 2), act.by(t, 3)}, now); err != nil {
		t.Errorf("three: %v", err)
	}
	if got, err := act.Approve(nil, nil, now); err != nil || len(got.Officers) > 0 {
		t.Errorf("a policy without officers: %v, %v", got, err)
	}
}

func TestWhatIsNoApprovalIsRefused(t *testing.T) {
	good := act.by(t, 1)
	for name, c := range map[string]struct {
		of     []Officer
		tokens []string
		code   string
	}{
		"nobody":            {three, nil, "approval_missing"},
		"one":               {three, []string{good}, "approval_missing"},
		"the same twice":    {three, []string{good, good}, "officer_twice"},
		"twice, later":      {three, []string{good, directive(1, func(d *signing.Directive) { d.Issued = now.Add(time.Second) })}, "officer_twice"},
		"a stranger":        {three, []string{good, act.by(t, 9)}, "not_an_officer"},
		"another machine":   {three, []string{good, directive(2, func(d *signing.Directive) { d.Device = "SHA256:e" })}, "approval_differs"},
		"another action":    {three, []string{good, directive(2, func(d *signing.Directive) { d.Action = signing.ActionLoad })}, "approval_differs"},
		"another subject":   {three, []string{good, directive(2, func(d *signing.Directive) { d.Subject = "f2" })}, "approval_differs"},
		"expired":           {three, []string{good, directive(2, func(d *signing.Directive) { d.Expires = now })}, "approval_expired"},
		"from the future":   {three, []string{good, directive(2, func(d *signing.Directive) { d.Issued = now.Add(5*time.Minute + time.Second) })}, "approval_from_the_future"},
		"for ever":          {three, []string{good, directive(2, func(d *signing.Directive) { d.Expires = now.Add(MaxFor + time.Second) })}, "approval_too_long"},
		"no token":          {three, []string{good, "x"}, "approval_unreadable"},
		"another kind":      {three, []string{good, signing.Authorization{Issued: now, Expires: now}.Token(key(2))}, "approval_unreadable"},
		"bent":              {three, []string{good, good[:len(good)-2] + "AA"}, "approval_unreadable"},
		"a bad one besides": {three, []string{good, act.by(t, 2), "x"}, "approval_unreadable"},
		"none are named":    {nil, []string{good}, "no_officers"},
		"too many":          {three, make([]string, MaxTokens+1), "too_many_approvals"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := act.Approve(c.of, c.tokens, now)
			if fault.Code(err) != c.code || len(got.Officers) > 0 {
				t.Errorf("got %v, %v, want %s", got, err, c.code)
			}
		})
	}
	if _, err := act.Approve(three, []string{good, directive(2, func(d *signing.Directive) { d.Issued = now.Add(5 * time.Minute) })}, now); err != nil {
		t.Errorf("a clock that is 5 minutes ahead: %v", err)
	}
}

func TestAMissingApprovalTellsTheOfficersCommand(t *testing.T) {
	_, err := act.Approve(three, nil, now)
	if h := fault.Hint(err); !strings.Contains(h, "coffer-signer approve --device 'SHA256:d' --action unfreeze --subject 'f1' --key FILE") {
		t.Errorf("hint: %q", h)
	}
}

func TestOnlyWhatCanBeObeyedIsSigned(t *testing.T) {
	for name, c := range map[string]struct {
		act   Act
		valid time.Duration
		code  string
	}{
		"no subject":     {Act{"d", signing.ActionLoad, ""}, time.Hour, "usage"},
		"unknown action": {Act{"d", "pay", "s"}, time.Hour, "bad_action"},
		"too short":      {act, time.Millisecond, "bad_for"},
		"too long":       {act, MaxFor + time.Second, "bad_for"},
	} {
		if _, err := c.act.Sign(key(1), now, c.valid); fault.Code(err) != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
}
