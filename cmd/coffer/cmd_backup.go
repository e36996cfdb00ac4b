package main

import (
	"time"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
)

func (a *app) backupCommand() *cobra.Command {
	var to []string
	c := &cobra.Command{
		Use:   "backup FILE|DIR",
		Short: "Write ledger and coffer.toml into one sealed file, while everything runs",
		Long: `Writes every row of the ledger as it is at one moment, and coffer.toml, into FILE, which must not exist, or into a file in the folder
DIR that is called by ledger and time. The file is sealed with age for the recipients: those of --to, else those of [backup] in
coffer.toml. Whoever has the file and a recipient's key has all that coffer knows, URLs with their passwords too; signing keys are not in
it (coffer-signer backup). There is no backup that is not sealed. The key of the audit log signs it.

It may run beside anything, and nobody waits for it. A file is there when it is whole, or not at all. It is the
same for both databases, so it is also the way from one to the other. coffer run writes one by itself as often as [backup] says.`,
		Example: `  coffer backup /mnt/backup --to age1…
  coffer backup ledger.age --to "$(cat officer.pub)" --to "$(cat ~/.ssh/id_ed25519.pub)"`,
		Args: exactly("FILE|DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(s *coffer.System) error {
				b, err := s.Backup(cmd.Context(), args[0], to)
				if err != nil {
					return err
				}
				return a.showBackup(b)
			})
		},
	}
	c.Flags().StringArrayVar(&to, "to", nil, "who can open it: age1… or an ssh-ed25519 public key; once for each")
	c.AddCommand(a.backupVerifyCommand(), a.backupKeyCommand())
	return c
}

func (a *app) backupVerifyCommand() *cobra.Command {
	var from coffer.BackupSource
	c := &cobra.Command{
		Use:   "verify FILE --identity KEYFILE",
		Short: "Restore a backup into a database that is thrown away, and check all of it",
		Long: `Opens a backup with a recipient's key, compares all of it with its manifest, and the manifest with its signature: by the audit key of
--key (coffer audit key printed it), else by that of this home. Then it restores it into a database in a temporary folder, verifies the
audit log there, and looks whether a nonce lies above its wallet's cursor, or a payment has live attempts at two nonces. It needs no
ledger, so it runs on any machine. The folder is thrown away; while it is there, it holds the ledger, not sealed.

Refused (4): a file that was cut off or altered, is newer than this program, or is signed by nobody whose key was given. 5: sealed for
others.`,
		Example: `  coffer backup verify ledger.age --identity officer.key
  coffer backup verify ledger.age --identity officer.key --key "$(cat coffer-audit.pub)"`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if from.Identity == "" {
				return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "--identity is missing: the file of a recipient's key")
			}
			from.Path = args[0]
			settings, err := a.load()
			if err != nil {
				return err
			}
			v, err := coffer.VerifyBackup(cmd.Context(), settings, from)
			if err != nil {
				return err
			}
			return a.showBackupVerdict(v)
		},
	}
	c.Flags().StringVar(&from.Identity, "identity", "", "the file of a recipient's key, readable to its owner alone")
	c.Flags().StringArrayVar(&from.Keys, "key", nil, "the public key of the audit log (coffer audit key); may be said several times; default: this home's own")
	return c
}

func (a *app) backupKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "key FILE",
		Short: "Make a key that opens backups, and print the public one that they are sealed for",
		Long: `Writes a new age key into FILE (mode 0600), which must not exist, and prints its public key: that belongs into recipients of [backup] in
coffer.toml. Keep FILE where neither this machine nor the backups are, and a second one of somebody else's too: without any of the keys
nobody opens a backup. age-keygen makes the same.`,
		Example: `  coffer backup key officer.key`,
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			public, err := coffer.CreateBackupKey(args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.document(map[string]any{"recipient": public})
			}
			a.say("%s", public)
			return nil
		},
	}
}

// backupView is a backup in a document.
type backupView struct {
	File     string  `json:"file,omitempty"`
	Bytes    int64   `json:"bytes,omitempty"`
	Ledger   string  `json:"ledger"`
	TakenAt  *string `json:"taken_at"`
	Host     string  `json:"host"`
	Version  string  `json:"version"`
	Schema   int64   `json:"schema"`
	Digest   string  `json:"manifest_sha256"`
	SignedBy string  `json:"signed_by"`
	Wallets  int64   `json:"wallets"`
	Payments int64   `json:"withdrawals"`
	Attempts int64   `json:"attempts"`
	Entries  int64   `json:"audit_entries"`
	Rows     int64   `json:"rows"`
}

func viewBackup(m coffer.BackupManifest) backupView {
	v := backupView{
		Ledger: m.Ledger, TakenAt: stamp(m.TakenAt), Host: m.Host, Version: m.Version, Schema: m.Schema, Digest: m.Digest, SignedBy: m.SignedBy,
		Wallets: m.Rows("internal_wallets"), Payments: m.Rows("withdrawals"), Attempts: m.Rows("attempts"), Entries: m.Audit.Size,
	}
	for _, t := range m.Tables {
		v.Rows += t.Rows
	}
	return v
}

func (v backupView) fields(taken time.Time) [][2]string {
	return [][2]string{
		{"ledger", v.Ledger}, {"taken at", moment(taken)}, {"on", v.Host + ", coffer " + v.Version}, {"signed by", dash(v.SignedBy)},
		{"wallets", number(v.Wallets)}, {"withdrawals", number(v.Payments)}, {"attempts", number(v.Attempts)}, {"audit entries", number(v.Entries)},
		{"rows", number(v.Rows)}, {"manifest", v.Digest},
	}
}

func (a *app) showBackup(b coffer.Backup) error {
	v := viewBackup(b.Manifest)
	v.File, v.Bytes = b.Path, b.Bytes
	if a.json {
		return a.document(v)
	}
	fields(a.stdout, append([][2]string{{"file", v.File}, {"bytes", number(v.Bytes)}}, v.fields(b.Manifest.TakenAt)...))
	return nil
}

func (a *app) showBackupVerdict(v coffer.BackupVerdict) error {
	view := viewBackup(v.Manifest)
	bad := len(v.Findings) + len(v.Audit.Findings)
	if a.json {
		err := a.document(struct {
			backupView
			Unsealed int      `json:"audit_unsealed"`
			Audit    any      `json:"audit_findings"`
			Findings []string `json:"findings"`
		}{view, v.Audit.Unsealed, list(v.Audit.Findings), list(v.Findings)})
		if err != nil {
			return err
		}
	} else {
		fields(a.stdout, view.fields(v.Manifest.TakenAt))
		for _, f := range v.Audit.Findings {
			a.say("%-10s %s", f.Kind, f.Text)
		}
		for _, f := range v.Findings {
			a.say("%s", f)
		}
	}
	if bad > 0 {
		return fault.New(fault.Refused, "backup_inconsistent", "coffer audit verify where the ledger is; take an older backup, and compare",
			"the backup is what was written, and what it holds contradicts itself (findings: %d)", bad)
	}
	if !a.json {
		a.say("the backup is whole, and what it holds agrees with itself")
	}
	return nil
}
