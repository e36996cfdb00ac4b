package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/bip39"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/vault"
)

// maxWords bounds what is read of words: 24 words of BIP-39 have at most 215 characters.
const maxWords = 4096

func (a *app) initCommand() *cobra.Command {
	var pass passphrase
	var imported bool
	c := &cobra.Command{
		Use:   "init",
		Short: "Make the keys of a new signing machine",
		Long: `Makes $COFFER_SIGNER_HOME with a vault, sealed with the passphrase, and an empty journal. It prints the 24 words that
every key comes from, once: write them down on paper. There is no other way to see them, and with them alone the keys can
be made again.

With --import the words come from you: typed on the terminal, where they are not shown, or from standard input when
that is not a terminal. An imported machine knows nothing of what another signed with the same words: never have
both in use.`,
		Example: `  coffer-signer init --passphrase-file passphrase
  coffer-signer init --passphrase-file passphrase --import`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
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
			words, device, err := create(home, words, p)
			if err != nil {
				return err
			}
			if imported {
				words = nil
			}
			return a.showInit(home, device, words)
		},
	}
	pass.flags(c)
	c.Flags().BoolVar(&imported, "import", false, "use words that exist (BIP-39) instead of new ones")
	return c
}

// create makes journal and vault, in this order: a vault never stands without its journal. The vault is opened once, which
// shows that the passphrase opens it, and gives the device.
func create(home string, words []string, passphrase []byte) ([]string, string, error) {
	if words != nil {
		if err := bip39.Check(words); err != nil {
			return nil, "", err
		}
	}
	if err := journal.Create(home); err != nil {
		return nil, "", err
	}
	words, err := vault.Create(home, words, passphrase, vault.Options{})
	if err != nil {
		return nil, "", err
	}
	v, err := vault.Open(home, passphrase, vault.Options{})
	if err != nil {
		return nil, "", err
	}
	defer v.Close()
	return words, v.Device(), nil
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

func (a *app) showInit(home, device string, words []string) error {
	if words != nil {
		a.note("WARNING: these words are the keys. Write them down on paper now and show them to nobody; they are never shown again.")
	} else {
		a.note("WARNING: this machine knows nothing of what was signed elsewhere with the same words. Never have both in use.")
	}
	if a.json {
		return a.document(struct {
			Home   string   `json:"home"`
			Device string   `json:"device"`
			Words  []string `json:"words"` // null if they were imported
		}{home, device, words})
	}
	for i := 0; i < len(words); i += 6 {
		a.say("%s", strings.Join(words[i:min(i+6, len(words))], " "))
	}
	a.say("device  %s", device)
	a.note("next: coffer-signer serve --passphrase-file FILE")
	return nil
}
