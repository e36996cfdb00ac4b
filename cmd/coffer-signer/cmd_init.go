package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/bip39"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/vault"
)

// maxWords bounds what is read of words: 24 words of BIP-39 have at most 215 characters.
const maxWords = 4096

func (a *app) initCommand() *cobra.Command {
	var pass passphrase
	var service serviceKey
	var imported bool
	c := &cobra.Command{
		Use:   "init",
		Short: "Make the keys of a new signing machine",
		Long: `Makes $COFFER_SIGNER_HOME with a vault, sealed with the passphrase, and an empty journal. It prints the 24 words that
every key comes from, once: write them down on paper. There is no other way to see them, and with them alone the keys can
be made again.

It installs a policy as well: hot keys pay what the withdrawal service authorizes, and nothing else. The service's key is
service.key in $COFFER_HOME, where coffer finds it; it is made if it is not there. --service-key names another one: a file
with the private or only the public key in PEM, or ed25519:BASE64. Read the policy and make it yours (docs/policy.md):

  coffer-signer policy explain policy.toml

With --import the words come from you: typed on the terminal, where they are not shown, or from standard input when
that is not a terminal. An imported machine knows nothing of what another signed with the same words: never have
both in use. So it begins frozen: load what coffer holds (coffer signer export, coffer-signer load), then unfreeze it.`,
		Example: `  coffer-signer init --passphrase-file passphrase
  coffer-signer init --passphrase-file passphrase --import`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			home, err := a.home()
			if err != nil {
				return err
			}
			if vault.Exists(home) {
				return fault.New(fault.Refused, "vault_exists", "coffer-signer serve --passphrase-file FILE", "%s holds a signing machine's keys already", home)
			}
			p, err := pass.read()
			if err != nil {
				return err
			}
			defer clear(p)
			var words []string
			if imported {
				if words, err = a.readWords(pass.fd == 0); err != nil {
					return err
				}
			}
			if words != nil {
				if err := bip39.Check(words); err != nil {
					return err
				}
			}
			made := initialised{Home: home}
			if made.ServiceKey, made.service, err = a.service(service); err != nil {
				return err
			}
			words, device, err := a.create(cmd.Context(), home, words, p, policy.Default(made.service), imported)
			if device == "" {
				return err
			}
			// From here on there are keys: whatever else failed, their words are shown.
			if made.Device = device; !imported {
				made.Words = words
			}
			return errors.Join(err, a.showInit(made))
		},
	}
	pass.flags(c)
	service.flags(c)
	c.Flags().BoolVar(&imported, "import", false, "use words that exist (BIP-39) instead of new ones")
	return c
}

// create makes journal and vault, in this order: a vault never stands without its journal. The vault is opened once, which
// shows that the passphrase opens it, and gives the device; and the policy is installed. With a device, there are keys.
func (a *app) create(ctx context.Context, home string, words []string, passphrase, text []byte, imported bool) (_ []string, device string, err error) {
	if err := journal.Create(home); err != nil {
		return nil, "", err
	}
	if imported { // before there are keys
		if err := freezeImported(ctx, home); err != nil {
			return nil, "", err
		}
	}
	words, err = vault.Create(home, words, passphrase, a.seal)
	if err != nil {
		return nil, "", err
	}
	v, err := vault.Open(home, passphrase, vault.Options{})
	if err != nil {
		return nil, "", err
	}
	defer v.Close()
	_, _, err = install(ctx, home, v, signer.PolicyChange{Text: text, At: time.Now()})
	return words, v.Device(), err
}

// freezeImported freezes a machine whose words are not new: it does not know what was signed with them.
func freezeImported(ctx context.Context, home string) (err error) {
	j, err := journal.OpenAlone(home, journal.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	_, _, err = j.Freeze(ctx, journal.FreezeCause{
		At: time.Now().UTC().Truncate(time.Second), By: journal.Itself,
		Reason: "made from words that exist: load what coffer holds of them, then unfreeze",
	})
	return err
}

// readWords reads the words of --import.
func (a *app) readWords(stdinTaken bool) ([]string, error) {
	if stdinTaken {
		return nil, fault.New(fault.Usage, "usage", "--passphrase-file FILE", "the words and the passphrase cannot both come from standard input")
	}
	fd := int(a.stdin.Fd())
	var line []byte
	var err error
	if term.IsTerminal(fd) {
		fmt.Fprint(a.stderr, "the words, in one line (not shown): ")
		line, err = term.ReadPassword(fd)
		fmt.Fprintln(a.stderr)
	} else {
		line, err = io.ReadAll(io.LimitReader(a.stdin, maxWords))
	}
	if err != nil {
		return nil, fmt.Errorf("read the words: %w", err)
	}
	defer clear(line)
	return strings.Fields(string(line)), nil
}

// initialised is what init has made.
type initialised struct {
	Home       string   `json:"home"`
	Device     string   `json:"device"`
	Words      []string `json:"words"`       // null if they were imported
	ServiceKey string   `json:"service_key"` // whose authorizations the policy wants; empty: it permits no payment

	service ed25519.PublicKey
}

func (a *app) showInit(made initialised) error {
	if made.Words != nil {
		a.note("WARNING: these words are the keys. Write them down on paper now and show them to nobody; they are never shown again.")
	} else {
		a.note("WARNING: this machine knows nothing of what was signed elsewhere with the same words. Never have both in use.")
		a.note("It is frozen: load what coffer holds (coffer signer export FILE, then coffer-signer load FILE), then coffer-signer unfreeze.")
	}
	if a.json {
		return a.document(made)
	}
	for i := 0; i < len(made.Words); i += 6 {
		a.say("%s", strings.Join(made.Words[i:min(i+6, len(made.Words))], " "))
	}
	a.say("device  %s", made.Device)
	if made.service != nil {
		a.say("service %s", policy.WriteKey(made.service))
	}
	a.note("next: coffer-signer serve --passphrase-file FILE")
	return nil
}
