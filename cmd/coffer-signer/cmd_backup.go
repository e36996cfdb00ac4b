package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/internal/signer/wire"
)

// maxKeyFile is the longest file of recipients or identities that is read.
const maxKeyFile = 64 << 10

func (a *app) backupCommand() *cobra.Command {
	var req wire.BackupRequest
	var file string
	c := &cobra.Command{
		Use:   "backup FILE --recipient age1…",
		Short: "Copy keys, journal and policy into one file, sealed with age",
		Long: `Writes the vault (still sealed with its passphrase), the journal as it is at one moment, and the policy into FILE, which must not
exist, sealed for the recipients (age-keygen makes their keys). It needs no passphrase, and works whether the machine is served or not;
while it is served, the identity key signs what is in it.

A backup is old as soon as anything more is signed: whoever restores it loads what coffer holds before it signs again. Certificates and
the log of requests are not in it.`,
		Example: `  coffer-signer backup /mnt/backup/signer.age --recipient age1…
  coffer-signer backup verify /mnt/backup/signer.age --identity key.txt`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if req.Path, err = filepath.Abs(args[0]); err != nil {
				return err
			}
			if file != "" {
				text, err := readKeyFile(file)
				if err != nil {
					return err
				}
				req.Recipients = append(req.Recipients, string(text))
			}
			if len(req.Recipients) == 0 {
				return fault.New(fault.Usage, "usage", "--recipient age1…, as age-keygen prints it", "a backup is sealed for somebody: no recipient is named")
			}
			done, err := keep(cmd.Context(), a, wire.PathBackup, req, signer.Keeping.Backup)
			if err != nil {
				return err
			}
			return a.showBackup("backed up", done)
		},
	}
	c.Flags().StringArrayVar(&req.Recipients, "recipient", nil, "age recipient; once for each")
	c.Flags().StringVar(&file, "recipients-file", "", "file with age recipients, one a line")
	c.AddCommand(a.backupVerifyCommand())
	return c
}

func (a *app) backupVerifyCommand() *cobra.Command {
	var identity string
	c := &cobra.Command{
		Use:     "verify FILE --identity KEYFILE",
		Short:   "Open a backup and check that it is whole",
		Long:    `Reads all of it, compares each part with the manifest, and the manifest's signature with the machine's identity key. It writes nothing.`,
		Example: `  coffer-signer backup verify signer.age --identity key.txt`,
		Args:    oneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			done, err := fromBackup(args[0], identity, func(f *os.File, identities []age.Identity) (wire.BackupAnswer, error) {
				return signer.ReadBackup(f, identities, nil)
			})
			if err != nil {
				return err
			}
			return a.showBackup("whole", done)
		},
	}
	identityFlag(c, &identity)
	return c
}

func (a *app) restoreCommand() *cobra.Command {
	var identity string
	c := &cobra.Command{
		Use:   "restore FILE --identity KEYFILE",
		Short: "Make the machine's home of a backup; it comes back frozen",
		Long: `Into a home that does not exist or is empty. A backup that is cut, altered or sealed for others is refused, and nothing is written.

The machine is frozen: it does not know what was signed after the backup was made. Load what coffer holds (coffer signer export,
coffer-signer load), then coffer-signer unfreeze. Never have the old machine and this one in use together.`,
		Example: `  coffer-signer restore signer.age --identity key.txt`,
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			home, err := a.home()
			if err != nil {
				return err
			}
			done, err := fromBackup(args[0], identity, func(f *os.File, identities []age.Identity) (wire.BackupAnswer, error) {
				return signer.Restore(cmd.Context(), home, f, identities, signer.UserName(os.Geteuid()), time.Now())
			})
			if err != nil {
				return err
			}
			if err := a.showBackup("restored", done); err != nil {
				return err
			}
			a.note("the machine is frozen. next: coffer-signer serve, coffer-signer load FILE (coffer signer export makes it), coffer-signer unfreeze")
			return nil
		},
	}
	identityFlag(c, &identity)
	return c
}

func identityFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "identity", "", "file with the age identity of a recipient, readable to its owner alone")
	_ = c.MarkFlagRequired("identity") // the flag is there
}

func readIdentities(path string) ([]age.Identity, error) {
	if err := vault.CheckPrivate(path, 0o600); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the identity: %w", err)
	}
	all, err := age.ParseIdentities(f)
	if err != nil {
		err = fault.New(fault.Usage, "bad_identity", "a file as age-keygen -o makes it", "%s holds no age identity", path) // what it holds is secret
	}
	return all, errors.Join(err, f.Close())
}

// readKeyFile reads a small file of what is no secret.
func readKeyFile(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err == nil && st.Size() > maxKeyFile {
		return nil, fault.New(fault.Usage, "long_file", "", "%s has %d bytes; at most %d are read", path, st.Size(), maxKeyFile)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "no_file", "check the path", "read the recipients")
	}
	return b, nil
}

// fromBackup opens a backup, with what opens its seal, and reads it.
func fromBackup(path, identity string, read func(*os.File, []age.Identity) (wire.BackupAnswer, error)) (done wire.BackupAnswer, err error) {
	identities, err := readIdentities(identity)
	if err != nil {
		return done, err
	}
	f, err := os.Open(path)
	if err != nil {
		return done, fault.Wrap(err, fault.NotFound, "no_file", "check the path", "read the backup")
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	done, err = read(f, identities)
	done.Path = path
	return done, err
}

func (a *app) showBackup(what string, b wire.BackupAnswer) error {
	if b.SignedBy == "" {
		a.note("WARNING: nobody served when it was made, so it is not signed: whoever knew the recipients could have made it")
	}
	if a.json {
		return a.document(b)
	}
	a.say("%s", what)
	m := b.Manifest
	for _, f := range [][2]string{
		{"file", b.Path}, {"device", m.Device}, {"made", m.MadeAt.UTC().Format(time.RFC3339)}, {"keys", fmt.Sprint(m.Keys)}, {"signed", fmt.Sprint(m.Signed)},
		{"refused", fmt.Sprint(m.Refused)}, {"version", m.Version},
	} {
		a.say("%-7s  %s", f[0], f[1])
	}
	return nil
}
