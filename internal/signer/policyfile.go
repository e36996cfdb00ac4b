package signer

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/officers"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/signing"
)

// PolicyFile is the policy's file in the signing machine's home.
const PolicyFile = "policy.toml"

const (
	installDefault = "coffer-signer policy install --default --passphrase-file FILE"
	installThis    = "coffer-signer policy install FILE --passphrase-file FILE"
)

// OpenJournal opens the journal of a machine with the policy that its home holds and its journal pins. There must be one, it must be the
// one that was installed last, and this vault must have signed that: the codes are policy_missing, policy_changed and policy_pin.
func OpenJournal(home string, v *vault.Vault, o journal.Options) (*journal.Journal, error) {
	p, err := policyOf(home)
	if err != nil {
		return nil, err
	}
	o.Policy = p
	j, err := journal.Open(home, v.Device(), o)
	if err != nil {
		return nil, err
	}
	if err := pinned(j, v.Device(), p); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// policyOf reads the policy in a home.
func policyOf(home string) (*policy.Policy, error) {
	path := filepath.Join(home, PolicyFile)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Refused, "policy_missing", installDefault, "%s does not exist, and what no policy permits is not signed", path)
	}
	if err := vault.CheckPrivate(path, 0o600); err != nil {
		return nil, err
	}
	_, p, err := ReadPolicy(path)
	return p, err
}

// ReadPolicy reads a policy and its text from a file.
func ReadPolicy(path string) (text []byte, p *policy.Policy, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fault.New(fault.NotFound, "no_file", "check the path", "%s does not exist", path)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the policy: %w", err)
	}
	text, err = io.ReadAll(io.LimitReader(f, policy.MaxFile+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, nil, fmt.Errorf("read the policy: %w", err)
	}
	if p, err = policy.Parse(text); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, p, nil
}

// pinned says why a policy is not the one that a journal pins, or nil.
func pinned(j *journal.Journal, device string, p *policy.Policy) error {
	inForce, pin, err := PolicyInForce(j, device)
	if err != nil {
		return err
	}
	if inForce.Hash() != p.Hash() {
		return fault.New(fault.Refused, "policy_changed", "put the installed one back, or: "+installThis,
			"%s has hash %s, and the policy that %s installed at %s has %s", PolicyFile, p.Hash(), pin.By, pin.At.Format(time.RFC3339), pin.Hash)
	}
	return nil
}

// PolicyInForce is the policy that was installed last, as the journal keeps it, if the machine with this device signed that.
func PolicyInForce(j *journal.Journal, device string) (*policy.Policy, journal.Pin, error) {
	pin, ok, err := j.Pin()
	if err != nil {
		return nil, pin, err
	}
	if !ok {
		return nil, pin, fault.New(fault.Refused, "policy_missing", installDefault, "no policy was ever installed at this machine")
	}
	p, err := CheckPin(pin, device)
	return p, pin, err
}

// CheckPin reads the policy of a pin, if it is one of the machine with this device.
func CheckPin(pin journal.Pin, device string) (*policy.Policy, error) {
	if len(pin.Identity) != ed25519.PublicKeySize || signing.Fingerprint(pin.Identity) != device ||
		!ed25519.Verify(pin.Identity, signing.PinStatement(device, pin.Hash, pin.At, pin.By), pin.Signature) {
		return nil, badPin("the pin of policy %s is not signed by machine %s", pin.Hash, device)
	}
	p, err := policy.Parse(pin.Text)
	if err != nil {
		return nil, fmt.Errorf("the policy that the journal keeps: %w", err)
	}
	if p.Hash() != pin.Hash {
		return nil, badPin("the journal keeps a policy with hash %s, and its pin is of %s", p.Hash(), pin.Hash)
	}
	return p, nil
}

func badPin(format string, args ...any) error {
	return fault.New(fault.Refused, "policy_pin", "somebody wrote into the journal: find out who, then "+installThis, format, args...)
}

// PolicyChange is a policy that is to be in force.
type PolicyChange struct {
	Text      []byte
	Approvals []string // directives of officers (signing.ActionPolicy, subject: its hash)
	At        time.Time
}

// OfficersOf are the officers of a policy, as acts are approved by them.
func OfficersOf(p *policy.Policy) []officers.Officer {
	var of []officers.Officer
	for _, o := range p.Officers() {
		of = append(of, officers.Officer{Name: o.Name, Key: o.Key})
	}
	return of
}

// Officers are those of the policy in force; nobody if none was ever installed.
func Officers(j *journal.Journal, device string) ([]officers.Officer, error) {
	p, _, err := PolicyInForce(j, device)
	if fault.Code(err) == "policy_missing" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return OfficersOf(p), nil
}

// Officers are those of the policy in force.
func (m *Machine) Officers() ([]officers.Officer, error) { return Officers(m.journal, m.device) }

// lastOfficers are those of the last policy that this machine itself signed: a pin that somebody wrote into the journal has none.
func lastOfficers(j *journal.Journal, device string) ([]officers.Officer, error) {
	pins, err := j.Pins()
	if err != nil {
		return nil, err
	}
	for _, pin := range slices.Backward(pins) {
		if p, err := CheckPin(pin, device); err == nil {
			return OfficersOf(p), nil
		}
	}
	return nil, nil
}

// InstallPolicy puts a policy in force: it writes the machine's file, and pins it in the journal with the identity key's signature. Nobody
// may be served meanwhile. already is true if it is the one in force. If the policy before it names officers, two of them approve it.
//
// The file comes first: a machine that is stopped between the two has a file that is not pinned, and says so until it is installed again.
func InstallPolicy(ctx context.Context, home string, v *vault.Vault, j *journal.Journal, c PolicyChange) (pin journal.Pin, already bool, err error) {
	p, err := policy.Parse(c.Text)
	if err != nil {
		return pin, false, err
	}
	if inForce, old, err := PolicyInForce(j, v.Device()); err == nil && inForce.Hash() == p.Hash() {
		return old, true, vault.Replace(filepath.Join(home, PolicyFile), c.Text)
	}
	of, err := lastOfficers(j, v.Device())
	if err != nil {
		return pin, false, err
	}
	approval, err := officers.Act{Device: v.Device(), Action: signing.ActionPolicy, Subject: p.Hash()}.Approve(of, c.Approvals, c.At)
	if err != nil {
		return pin, false, err
	}
	if err := vault.Replace(filepath.Join(home, PolicyFile), c.Text); err != nil {
		return pin, false, err
	}
	pin = journal.Pin{Hash: p.Hash(), At: c.At.UTC().Truncate(time.Second), By: UserName(os.Geteuid()), Approvals: approval.Tokens, Text: c.Text,
		Identity: v.Identity().Public().(ed25519.PublicKey)}
	pin.Signature = ed25519.Sign(v.Identity(), signing.PinStatement(v.Device(), pin.Hash, pin.At, pin.By))
	return pin, false, j.AddPin(ctx, pin)
}
