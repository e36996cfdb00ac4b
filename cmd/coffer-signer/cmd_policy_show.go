package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/signing"
)

func (a *app) policyShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show the policy in force, as it was installed",
		Long: `Prints the policy that the journal of this home pins, byte for byte; who installed it when, and its hash, go to
stderr. It needs no passphrase, and asks the process that serves if there is one.`,
		Example: `  coffer-signer policy show >policy.toml`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pin, err := a.pin(cmd.Context())
			if err != nil {
				return err
			}
			p, err := signer.CheckPin(pin, signing.Fingerprint(pin.Identity))
			if err != nil {
				return err
			}
			if a.json {
				return a.document(struct {
					Hash     string    `json:"hash"`
					At       time.Time `json:"at"`
					By       string    `json:"by"`
					Device   string    `json:"device"`
					Text     string    `json:"text"`
					Warnings []string  `json:"warnings"`
				}{pin.Hash, pin.At, pin.By, signing.Fingerprint(pin.Identity), string(pin.Text), append([]string{}, p.Warnings()...)})
			}
			a.note("policy %s, installed at %s by %s, signed by %s", pin.Hash, pin.At.Format(time.RFC3339), pin.By, signing.Fingerprint(pin.Identity))
			_, err = a.stdout.Write(pin.Text)
			return err
		},
	}
}

// pin reads the pin of a home's policy from its journal, or asks the process that has the journal open.
func (a *app) pin(ctx context.Context) (pin journal.Pin, err error) {
	err = a.atHome(
		func(home string) error {
			answer, err := client.Policy(ctx, signer.AdminSocket(home))
			pin = journal.Pin(answer)
			return err
		},
		func(home string) (err error) {
			k, closing, err := a.openJournal(home)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, closing()) }()
			device, err := k.Journal.Device()
			if err != nil {
				return err
			}
			_, pin, err = signer.PolicyInForce(k.Journal, device)
			return err
		})
	return pin, err
}
