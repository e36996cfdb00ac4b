package main

import (
	"time"

	"github.com/spf13/cobra"

	"coffer.internal/internal/keyfile"
	"coffer.internal/internal/signer/officers"
)

func (a *app) approveCommand() *cobra.Command {
	var act officers.Act
	var key string
	var valid time.Duration
	c := &cobra.Command{
		Use:   "approve --device DEVICE --action ACTION --subject SUBJECT --key FILE",
		Short: "Approve, as an officer, what a signing machine is to do",
		Long: `Prints an approval: a directive to one machine to do one thing, signed with an officer's key. It runs anywhere: it needs no home, no
machine and no network. The command that wants approvals prints the line to run; compare its subject with what you know before you
run it. What you approve:

  release   a payment may be signed at another nonce than the one that the subject names
  unfreeze  the machine may sign again
  load      the machine takes over a file, named by its SHA-256, as what was signed before
  policy    the machine takes another policy, named by its hash

FILE is an Ed25519 key in PKCS#8 PEM (openssl genpkey -algorithm ed25519), with no rights for others (0600).`,
		Example: `  coffer-signer approve --device SHA256:… --action unfreeze --subject 9f86d081 \
    --key officer.key`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			k, err := keyfile.Read(key)
			if err != nil {
				return err
			}
			defer clear(k)
			token, err := act.Sign(k, time.Now(), valid)
			if err != nil {
				return err
			}
			if a.json {
				return a.document(struct {
					Device   string `json:"device"`
					Action   string `json:"action"`
					Subject  string `json:"subject"`
					Approval string `json:"approval"`
				}{act.Device, act.Action, act.Subject, token})
			}
			a.say("%s", token)
			return nil
		},
	}
	c.Flags().StringVar(&act.Device, "device", "", "the machine that is to do it")
	c.Flags().StringVar(&act.Action, "action", "", "what it is to do: release, unfreeze, load or policy")
	c.Flags().StringVar(&act.Subject, "subject", "", "what it is to do that with")
	c.Flags().StringVar(&key, "key", "", "file with the officer's key")
	c.Flags().DurationVar(&valid, "for", 24*time.Hour, "how long the approval is valid")
	for _, f := range []string{"device", "action", "subject", "key"} {
		_ = c.MarkFlagRequired(f) // the flag is there
	}
	return c
}
