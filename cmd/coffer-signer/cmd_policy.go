package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/helptext"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/vault"
)

func (a *app) policyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "Say what the signing machine may sign, and change it",
		Long: `A policy says which keys may sign what: on which chains, to whom, how much, at what fee, and whose authorizations that
takes. What no rule permits is refused. It is one file, policy.toml in the machine's home, whose hash is pinned in the
journal when it is installed. docs/policy.md describes the file.`,
		Example: `  coffer-signer policy explain policy.toml
  coffer-signer policy install policy.toml --passphrase-file passphrase`,
		Args: helptext.UnknownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(a.policyExplainCommand(), a.policyTryCommand(), a.policyInstallCommand(), a.policyShowCommand())
	return c
}

// oneFile wants exactly one FILE.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "exactly one FILE is needed, not %d", len(args))
}

// files offers files for an argument.
func files(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

func (a *app) policyInstallCommand() *cobra.Command {
	var pass passphrase
	var service serviceKey
	var usual bool
	var approvals []string
	c := &cobra.Command{
		Use:   "install FILE | install --default",
		Short: "Put a policy in force",
		Long: `Writes FILE into the machine's home as policy.toml and pins its hash in the journal, with time, user and the
machine's signature. Nobody may be served meanwhile: stop ` + "`coffer-signer serve`" + `, install, and serve again.

If the policy in force names officers, two of them approve the new one: the command tells what each of them runs, and
takes what that prints with --approval.

--default installs the policy that init writes (--service-key and --no-service-key are as there). Said again with the
policy in force: already installed, exit 0.`,
		Example: `  coffer-signer policy explain new.toml
  coffer-signer policy install new.toml --passphrase-file passphrase
  coffer-signer policy install --default --passphrase-file passphrase`,
		Args: func(cmd *cobra.Command, args []string) error {
			if usual {
				return noArguments(cmd, args)
			}
			return oneFile(cmd, args)
		},
		ValidArgsFunction: files,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.policyText(args, service)
			if err != nil {
				return err
			}
			return a.installPolicy(cmd.Context(), &pass, signer.PolicyChange{Text: text, Approvals: approvals, At: time.Now()})
		},
	}
	pass.flags(c)
	approvalFlag(c, &approvals)
	service.flags(c)
	c.Flags().BoolVar(&usual, "default", false, "install the policy that init writes")
	return c
}

// policyText is the text of a file, or of the default policy if there is none.
func (a *app) policyText(args []string, service serviceKey) ([]byte, error) {
	if len(args) == 1 {
		if service != (serviceKey{}) {
			return nil, fault.New(fault.Usage, "usage", "name the keys in FILE", "--service-key and --no-service-key belong to --default")
		}
		text, _, err := signer.ReadPolicy(args[0])
		return text, err
	}
	_, key, err := a.service(service)
	return policy.Default(key), err
}

func (a *app) installPolicy(ctx context.Context, pass *passphrase, change signer.PolicyChange) error {
	return a.atHome(
		func(home string) error {
			return fault.New(fault.Refused, "already_serving", "stop `coffer-signer serve`, say it again, and serve again",
				"a policy is fixed while it is served, and another process serves %s", home)
		},
		func(home string) error {
			v, err := openVault(home, pass)
			if err != nil {
				return err
			}
			defer v.Close()
			pin, already, err := install(ctx, home, v, change)
			if err != nil {
				return err
			}
			return a.showPin(pin, already)
		})
}

// install opens the journal of a home that this process holds, for a policy that is to be put in force.
func install(ctx context.Context, home string, v *vault.Vault, change signer.PolicyChange) (pin journal.Pin, already bool, err error) {
	j, err := journal.Open(home, v.Device(), journal.Options{})
	if err != nil {
		return pin, false, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	return signer.InstallPolicy(ctx, home, v, j, change)
}

// pinDocument is a policy that was installed.
type pinDocument struct {
	Already  bool      `json:"already_installed"`
	Hash     string    `json:"hash"`
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Warnings []string  `json:"warnings"`
}

func (a *app) showPin(pin journal.Pin, already bool) error {
	p, err := policy.Parse(pin.Text)
	if err != nil {
		return err
	}
	for _, w := range p.Warnings() {
		a.note("WARNING: %s", w)
	}
	if a.json {
		return a.document(pinDocument{already, pin.Hash, pin.At, pin.By, append([]string{}, p.Warnings()...)})
	}
	said := "installed"
	if already {
		said = "already installed"
	}
	a.say("%s", said)
	a.say("hash  %s", pin.Hash)
	a.say("at    %s", pin.At.Format(time.RFC3339))
	a.say("by    %s", pin.By)
	return nil
}
