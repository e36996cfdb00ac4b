package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/newfile"
	"coffer.internal/internal/operators"
)

func (a *app) auditKeyCommand() *cobra.Command {
	var create bool
	c := &cobra.Command{
		Use:   "key",
		Short: "Print the public key of the audit log, for auditors; --create makes the key",
		Long: `Prints the public key whose signatures stand under the checkpoints that this home seals, as sumdb/note writes keys. Give it to your
auditors. With --create the key is made first: audit.key in the home, or what key of [audit] in coffer.toml names (mode 0600). Its
owner could sign another history: an auditor believes the checkpoints that he kept, not the key alone.`,
		Example: `  coffer audit key --create
  coffer audit key > coffer-audit.pub`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if create {
				return a.act(cmd.Context(), coffer.Act{Verb: operators.AuditKeyCreate}, "")
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				key, err := s.AuditKey(cmd.Context())
				if err != nil {
					return err
				}
				return a.showAuditKey(key)
			})
		},
	}
	c.Flags().BoolVar(&create, "create", false, "make the key; one that is there is never written over")
	return c
}

func (a *app) showAuditKey(key string) error {
	if a.json {
		return a.document(map[string]any{"key": key})
	}
	a.say("%s", key)
	return nil
}

func (a *app) auditCheckpointCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "checkpoint",
		Short: "Seal what is not sealed yet, and print the newest checkpoint",
		Long: `Seals the audit rows that no daemon has sealed yet, and prints the checkpoint of the whole log (C2SP tlog-checkpoint): keep it where
nobody who can write the database can write. coffer run does so each second, and writes to the places that checkpoints of [audit] in
coffer.toml names.`,
		Example: `  coffer audit checkpoint >> /mnt/auditor/checkpoints`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(s *coffer.System) error {
				note, err := s.SealAudit(cmd.Context())
				if err != nil {
					return err
				}
				if a.json {
					return a.document(map[string]any{"checkpoint": string(note)})
				}
				a.say("%s", note)
				return nil
			})
		},
	}
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var against string
	var keys []string
	c := &cobra.Command{
		Use:   "verify",
		Short: "Find out whether an audit row was changed since it was sealed",
		Long: `Compares every audit row with what was sealed, and that with checkpoints: those in the database, and those of a file that was kept
elsewhere. Without such a file, whoever can write the database and has the key could have written all of it anew. What is not as it was
sealed is listed with its entry in the log: edited, deleted, inserted or reordered rows, a log that was cut off or put back. Rows that
were written after the last checkpoint are counted, and vouched for by nothing yet.`,
		Example: `  coffer audit verify
  coffer audit verify --against /mnt/auditor/checkpoints --key "$(cat coffer-audit.pub)"`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := readIfAny(against)
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				v, err := s.VerifyAudit(cmd.Context(), file, keys)
				if err != nil {
					return err
				}
				return a.showVerdict(v, against)
			})
		},
	}
	c.Flags().StringVar(&against, "against", "", "a file of checkpoints that was kept elsewhere")
	c.Flags().StringArrayVar(&keys, "key", nil, "the public key of the log (coffer audit key); may be said several times; default: this home's own")
	return c
}

func (a *app) showVerdict(v coffer.AuditVerdict, against string) error {
	if a.json {
		if err := a.document(map[string]any{
			"entries": v.Entries, "checkpoints": v.Against, "unsealed": v.Unsealed, "oldest_unsealed": stamp(v.Oldest), "findings": list(v.Findings),
		}); err != nil {
			return err
		}
	} else {
		for _, f := range v.Findings {
			a.say("%-10s %s", f.Kind, f.Text)
		}
		a.say("%d entries compared with %d checkpoints", v.Entries, v.Against)
		if v.Unsealed > 0 {
			a.say("%d rows are not sealed yet, the oldest of %s: nothing vouches for them", v.Unsealed, moment(v.Oldest))
		}
	}
	if len(v.Findings) > 0 {
		return fault.New(fault.Refused, "audit_tampered", "keep this database as it is, for whoever has to find out; the checkpoints that were kept say until when it was right",
			"the audit log is not as it was sealed (findings: %d)", len(v.Findings))
	}
	if !a.json && against == "" {
		a.say("all is as it was sealed; with --against FILE, a checkpoint that was kept elsewhere says so too")
	} else if !a.json {
		a.say("all is as it was sealed")
	}
	return nil
}

func list[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

func (a *app) auditProveCommand() *cobra.Command {
	var checkpoint string
	var keys []string
	c := &cobra.Command{
		Use:   "prove ID",
		Short: "Write the proof that an audit row is in the log",
		Long: `Prints a proof (C2SP tlog-proof, the row itself in it) that an audit row is in the log: for the newest checkpoint, or with
--checkpoint for the last one of a file that somebody kept. coffer audit check verifies it on any machine, with the public key alone.`,
		Example: `  coffer audit prove 4711 > 4711.tlog-proof`,
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := rowID(args[0])
			if err != nil {
				return err
			}
			file, err := readIfAny(checkpoint)
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				proof, err := s.ProveAudit(cmd.Context(), id, file, keys)
				if err != nil {
					return err
				}
				if a.json {
					return a.document(map[string]any{"proof": string(proof)})
				}
				_, err = a.stdout.Write(proof)
				return err
			})
		},
	}
	c.Flags().StringVar(&checkpoint, "checkpoint", "", "a file whose last checkpoint the proof is to be for; default: the newest of the log")
	c.Flags().StringArrayVar(&keys, "key", nil, "the public key of that checkpoint; default: this home's own")
	return c
}

func (a *app) auditCheckCommand() *cobra.Command {
	var against, signatures string
	var keys []string
	c := &cobra.Command{
		Use:   "check FILE --key KEY",
		Short: "Check a proof of an audit row, on any machine, without a database",
		Long: `Verifies a proof that coffer audit prove wrote, with the public key of the log alone, and shows the row. With --against, the proof must
be for the last checkpoint of that file.

With --signatures DIR, what operators signed to have it done is written there, each with its signature beside it, for ssh-keygen:

  ssh-keygen -Y verify -f allowed_signers -I alice -n coffer -s 1-alice.json.sig < 1-alice.json`,
		Example: `  coffer audit check 4711.tlog-proof --key "$(cat coffer-audit.pub)" --against checkpoints
  coffer audit check 4711.tlog-proof --key "$(cat coffer-audit.pub)" --signatures .`,
		Args: exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(keys) == 0 {
				return fault.New(fault.Usage, "usage", "coffer audit check --help", "--key is missing")
			}
			proof, err := readIfAny(args[0])
			if err != nil {
				return err
			}
			file, err := readIfAny(against)
			if err != nil {
				return err
			}
			p, err := coffer.CheckAuditProof(proof, file, keys)
			if err != nil {
				return err
			}
			if signatures != "" {
				if err := a.writeSigned(p.Row, signatures); err != nil {
					return err
				}
			}
			if a.json {
				return a.document(map[string]any{
					"entry": p.Entry, "row": json.RawMessage(coffer.EncodeAudit(p.Row)), "size": p.Checkpoint.Size, "origin": p.Checkpoint.Origin, "root": p.Checkpoint.Root.String(),
				})
			}
			a.say("%s", coffer.EncodeAudit(p.Row))
			a.say("is entry %d of the %d of %s, root %s", p.Entry, p.Checkpoint.Size, p.Checkpoint.Origin, p.Checkpoint.Root)
			return nil
		},
	}
	c.Flags().StringVar(&against, "against", "", "a file of checkpoints: the proof must be for its last one")
	c.Flags().StringVar(&signatures, "signatures", "", "a folder in which what operators signed is written, for ssh-keygen -Y verify")
	c.Flags().StringArrayVar(&keys, "key", nil, "the public key of the log, as coffer audit key prints it")
	return c
}

// writeSigned writes what operators signed to have done what a row is about: each statement in a file, and its signature in one beside it.
func (a *app) writeSigned(row coffer.AuditRow, dir string) error {
	all, err := operators.DecodeSigned(row.Signed)
	if err != nil {
		return fault.Wrap(err, fault.Refused, "bad_proof", "coffer audit verify", "audit row %d", row.ID)
	}
	if len(all) == 0 {
		return fault.New(fault.NotFound, "not_signed_for", "leave --signatures out", "no operator signed for audit row %d", row.ID)
	}
	for i, s := range all {
		st, err := operators.ParseStatement([]byte(s.Statement))
		if err != nil {
			return err
		}
		if err := operators.CheckName(st.Operator); err != nil { // it becomes the name of a file
			return err
		}
		name := filepath.Join(dir, fmt.Sprintf("%d-%s.json", i+1, st.Operator))
		if err := newfile.Write(name, []byte(s.Statement)); err != nil {
			return err
		}
		if err := newfile.Write(name+".sig", []byte(s.Signature)); err != nil {
			return err
		}
		a.note("%s: what %s signed, by %s; its signature: %s.sig", name, st.Operator, s.Fingerprint, name)
	}
	return nil
}

// maxProof is the size of the largest file of checkpoints or proofs that is read, in bytes: some years of checkpoints.
const maxProof = 1 << 30

// readIfAny reads a file whole; nil if no name is given.
func readIfAny(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "no_file", "name a file that can be read", "read %s", name)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxProof+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "no_file", "name a file that can be read", "read %s", name)
	}
	if len(b) > maxProof {
		return nil, fault.New(fault.Usage, "file_too_large", "name a file of checkpoints", "%s has more than %d bytes", name, maxProof)
	}
	return b, nil
}

func rowID(text string) (id int64, err error) {
	if id, err = strconv.ParseInt(text, 10, 64); err != nil || id < 1 || number(id) != text {
		return 0, fault.New(fault.Usage, "bad_id", "coffer audit list shows the ids", "%q is no id of an audit row", text)
	}
	return id, nil
}
