package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/signing"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

func (a *app) signerCommand() *cobra.Command {
	return parent("signer", "Stop a signing machine, or hand to it what coffer knows of it", `A signing machine that is misused is stopped: freeze. One that lost its journal, or whose journal is an
old one, must not sign before it knows again what it signed: export.`,
		"  coffer signer freeze --reason \"somebody else asks it\"\n  coffer signer export /media/stick/signer.ndjson",
		a.signerFreezeCommand(), a.signerExportCommand(), a.signerRequestCommand())
}

func (a *app) signerFreezeCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "freeze --reason TEXT",
		Short: "Have the signing machine sign nothing more, until officers unfreeze it",
		Long: `An emergency stop, for one person. The machine answers no request for signatures and makes no keys from then on, also after a restart,
until coffer-signer unfreeze is said there, which takes two officers if its policy names them. Payments wait: what was asked for stays
asked, and goes on after it. What is signed already is sent and tracked.

The machine is asked first, and the database only for the record: it works when that is away, and then ends with exit code 6.
Unreachable (6): the machine does not answer; stop its process there.`,
		Example: "  coffer signer freeze --reason \"payments that nobody submitted\"",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			f, err := coffer.FreezeSigner(cmd.Context(), c, coffer.Options{}, reason)
			if f.ID == "" {
				return err
			}
			return errors.Join(a.showFrozen(f), err)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why; it is recorded, here and at the machine")
	_ = c.MarkFlagRequired("reason") // the flag is there
	return c
}

func (a *app) showFrozen(f signing.Frozen) error {
	if a.json {
		return a.document(f)
	}
	word := "frozen"
	if f.Already {
		word = "already frozen"
	}
	a.say("%s", word)
	fields(a.stdout, [][2]string{{"freeze", f.ID}, {"why", f.Why}, {"device", dash(f.Device)}})
	a.note("to go on, at the machine: coffer-signer unfreeze")
	return nil
}

func (a *app) signerExportCommand() *cobra.Command {
	var device string
	c := &cobra.Command{
		Use:   "export FILE",
		Short: "Write what the ledger knows of a signing machine",
		Long: `Writes, in one snapshot, the wallets of a signing machine and everything that it was asked for, with what it answered and the
numbers of its receipts. At the machine, coffer-signer load FILE takes it in; two officers approve the SHA-256 that is printed here.
The machine itself is not asked, since it may be lost. The file holds no secret; it is made with mode 0600, and never over
another one. Stop coffer run first, so that nothing is answered after it.

Refused (4): a file that exists. Not found (3): no wallet whose key that machine holds.`,
		Example: "  coffer signer export signer.ndjson\n  coffer signer export signer.ndjson --device SHA256:…",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(s *coffer.System) error {
				x, err := exportTo(cmd.Context(), s, device, args[0])
				if err != nil {
					return err
				}
				return a.showExported(x)
			})
		},
	}
	c.Flags().StringVar(&device, "device", "", "which machine, if there are several (coffer list --json)")
	return c
}

// exported is what the command prints.
type exported struct {
	withdrawal.Exported
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

func (a *app) showExported(x exported) error {
	if a.json {
		return a.document(x)
	}
	a.say("%s: %d wallets, %d attempts, up to receipt %d", x.File, x.Wallets, x.Attempts, x.Highest)
	a.say("device  %s", x.Device)
	a.say("sha256  %s", x.SHA256)
	a.note("at the machine: coffer-signer load %s", filepath.Base(x.File))
	return nil
}

// exportTo writes the file, whole or not at all.
func exportTo(ctx context.Context, s *coffer.System, device, path string) (x exported, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return x, fault.New(fault.Refused, "file_exists", "name a new file", "%s exists, and is not written over", path)
	}
	if err != nil {
		return x, fault.Wrap(err, fault.NotAllowed, "file_not_made", "name a file in a folder that you may write to", "make %s", path)
	}
	sum := sha256.New()
	x.Exported, err = s.ExportSigner(ctx, device, io.MultiWriter(f, sum))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return x, errors.Join(err, os.Remove(path))
	}
	x.File, x.SHA256 = path, hex.EncodeToString(sum.Sum(nil))
	return x, nil
}

func (a *app) deviceCommand() *cobra.Command {
	return parent("device", "Move wallets to another signing machine", `Each wallet names the signing machine that holds its key, by the fingerprint of the machine's
identity key (coffer-signer status).`, "  coffer device rebind SHA256:old… SHA256:new… --reason \"the old one is lost\"", a.deviceRebindCommand())
}

func (a *app) deviceRebindCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "rebind OLD NEW --reason TEXT",
		Short: "Have another machine with the same keys sign for all wallets of one",
		Long: `A signing machine that was made anew from its words holds the same keys and is another device. rebind asks the machine that
answers, which must be NEW, for the key of each wallet of OLD, and moves all of them in one transaction, with audit rows; if one key
is missing or at another path, none. Load the machine first (coffer signer export, coffer-signer load): before that it knows nothing
of what was signed. OLD must never sign again.

Refused (4): when another machine answers, or a key is not there. Not found (3): no wallet of OLD.`,
		Example: "  coffer device rebind SHA256:old… SHA256:new… --reason \"its disk is gone\"",
		Args:    exactly("OLD", "NEW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.act(cmd.Context(), coffer.Act{Verb: operators.DeviceRebind, From: args[0], Device: args[1]}, reason)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why; it is recorded")
	return c
}

func (a *app) showRebound(from, to string, moved []wallet.Wallet) error {
	if a.json {
		views := make([]walletView, len(moved))
		for i, w := range moved {
			views[i] = viewWallet(w)
		}
		return a.document(map[string]any{"from": from, "to": to, "wallets": views})
	}
	for _, w := range moved {
		a.say("%s on %s %d: %s", w.Address, w.ChainType, w.ChainID, to)
	}
	return nil
}
