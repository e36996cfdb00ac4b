package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
)

func (a *app) operatorCommand() *cobra.Command {
	return parent("operator", "Who may change things, and by which SSH key",
		`As long as nobody is named, everybody who reaches the database may do everything, and each change says so. From the first operator on,
each change is signed by the key of one whose role is enough, over exactly what is done; the signature is kept with the audit row, and
ssh-keygen checks it (docs/operators.md). Your ssh-agent signs, or --operator-key FILE. To look needs no key.

Roles: viewer looks; auditor looks and keeps the audit log's key; operator does what the day brings; officer approves, names
operators, and does all that an operator does. From the second officer on, what can hurt takes two people: coffer approve.`,
		`  coffer operator add alice --role officer --key ~/.ssh/id_ed25519.pub
  coffer operator list`,
		a.operatorAddCommand(), a.operatorListCommand(), a.operatorRevokeCommand(), a.operatorRotateCommand())
}

func (a *app) operatorAddCommand() *cobra.Command {
	var role, key, reason string
	c := &cobra.Command{
		Use:   "add NAME --role ROLE --key FILE",
		Short: "Name an operator",
		Long: `Names an operator, with a role (viewer, auditor, operator, officer) and the public key of FILE, as ssh-keygen writes it: of type ed25519,
or of a security key (ed25519-sk, ecdsa-sk). The first one must be an officer. A name and a key are never given to anybody else,
also not after they were revoked.

Refused (4): a name or key that was named before. Not allowed (5): without an officer's signature, once somebody is named.`,
		Example: `  coffer operator add bob --role operator --key bob.pub --reason "new colleague"
  coffer operator add alice --role officer --key ~/.ssh/id_ed25519_sk.pub`,
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := publicKey(key)
			if err != nil {
				return err
			}
			return a.act(cmd.Context(), coffer.Act{Verb: operators.OperatorAdd, Operator: args[0], Role: role, Key: text}, reason)
		},
	}
	c.Flags().StringVar(&role, "role", "", "viewer, auditor, operator or officer (required)")
	c.Flags().StringVar(&key, "key", "", "file of the public key (required)")
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	_ = c.MarkFlagRequired("role") // the flags are there
	_ = c.MarkFlagRequired("key")
	return c
}

// publicKey reads the public key of a file, in the form in which it is kept.
func publicKey(path string) (string, error) {
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fault.New(fault.NotFound, "no_file", "ssh-keygen -t ed25519 makes a key, and FILE.pub beside it", "%s does not exist", path)
	case err != nil:
		return "", fault.Wrap(err, fault.NotAllowed, "unreadable_file", "check its rights", "read %s", path)
	}
	kept, _, err := operators.ParseKey(string(b))
	return kept, err
}

func (a *app) operatorListCommand() *cobra.Command {
	var allowed bool
	c := &cobra.Command{
		Use:   "list",
		Short: "Show who is named, and who was",
		Long: `Lists every key that was ever named, oldest first. With --allowed-signers it prints them as ssh-keygen wants them (a file of
allowed signers), so that somebody else checks what stands in the audit log:

  ssh-keygen -Y verify -f allowed_signers -I alice -n coffer -s statement.sig < statement`,
		Example: `  coffer operator list
  coffer operator list --allowed-signers > allowed_signers`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(s *coffer.System) error {
				all, err := s.Operators(cmd.Context())
				if err != nil {
					return err
				}
				return a.showOperators(all, allowed)
			})
		},
	}
	c.Flags().BoolVar(&allowed, "allowed-signers", false, "print a file of allowed signers for ssh-keygen -Y verify")
	return c
}

// operatorView is an operator in a document.
type operatorView struct {
	Name        string  `json:"name"`
	Role        string  `json:"role"`
	Fingerprint string  `json:"fingerprint"`
	Key         string  `json:"key"`
	AddedAt     *string `json:"added_at"`
	RevokedAt   *string `json:"revoked_at"`
}

func viewOperator(o coffer.Operator) operatorView {
	return operatorView{o.Name, o.Role, o.Fingerprint, o.Key, stamp(o.AddedAt), stamp(o.RevokedAt)}
}

func (a *app) showOperators(all []coffer.Operator, allowed bool) error {
	switch {
	case allowed:
		for _, o := range all {
			a.say("%s", allowedSigner(o))
		}
	case a.json:
		views := make([]operatorView, len(all))
		for i, o := range all {
			views[i] = viewOperator(o)
		}
		return a.document(map[string]any{"operators": views})
	case len(all) == 0:
		a.note("nobody is named as operator: everybody who reaches the database may change everything")
	default:
		cells := make([][]string, len(all))
		for i, o := range all {
			cells[i] = []string{o.Name, o.Role, o.Fingerprint, strings.Fields(o.Key)[0], moment(o.AddedAt), moment(o.RevokedAt)}
		}
		table(a.stdout, []string{"NAME", "ROLE", "FINGERPRINT", "KEY_TYPE", "ADDED", "REVOKED"}, cells)
	}
	return nil
}

// allowedSigner is a line of an ALLOWED SIGNERS file (ssh-keygen(1)): good for our namespace alone, and until the key was revoked.
func allowedSigner(o coffer.Operator) string {
	options := `namespaces="coffer"`
	if !o.RevokedAt.IsZero() {
		options += `,valid-before="` + o.RevokedAt.UTC().Format("20060102150405Z") + `"`
	}
	return o.Name + " " + options + " " + o.Key
}

func (a *app) operatorRevokeCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "revoke NAME",
		Short: "Take an operator's rights away",
		Long: `From then on his key allows nothing; what he proposed can be approved no more. He stays listed, and what he signed before can be
checked as ever. Nobody else gets his name.

Refused (4): the last officer. Not found (3): nobody of that name has a good key.`,
		Example: `  coffer operator revoke alice --reason "left on Friday"`,
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.act(cmd.Context(), coffer.Act{Verb: operators.OperatorRevoke, Operator: args[0]}, reason)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	return c
}

func (a *app) operatorRotateCommand() *cobra.Command {
	var key, reason string
	c := &cobra.Command{
		Use:     "rotate NAME --key FILE",
		Short:   "Give an operator another key, and revoke the one he has",
		Long:    `The operator keeps name and role. What he proposed by the key that he had can be approved no more.`,
		Example: `  coffer operator rotate alice --key ~/.ssh/id_ed25519_sk.pub --reason "new security key"`,
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := publicKey(key)
			if err != nil {
				return err
			}
			return a.act(cmd.Context(), coffer.Act{Verb: operators.OperatorRotate, Operator: args[0], Key: text}, reason)
		},
	}
	c.Flags().StringVar(&key, "key", "", "file of the new public key (required)")
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	_ = c.MarkFlagRequired("key") // the flag is there
	return c
}

// showOperator shows an operator after an act about him.
func (a *app) showOperator(act coffer.Act, o coffer.Operator) error {
	if a.json {
		return a.document(viewOperator(o))
	}
	switch act.Verb {
	case operators.OperatorRevoke:
		a.say("%s: revoked, %s", o.Name, o.Fingerprint)
	case operators.OperatorRotate:
		a.say("%s: %s, now by %s", o.Name, o.Role, o.Fingerprint)
	default:
		a.say("%s: %s, by %s", o.Name, o.Role, o.Fingerprint)
	}
	return nil
}
