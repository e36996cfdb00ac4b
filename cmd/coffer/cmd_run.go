package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"coffer.internal"
)

func (a *app) runCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Be the daemon: pay what was accepted, until stopped",
		Long: `Moves every accepted withdrawal to its end: chooses a wallet, binds a nonce, has the signing machine sign,
sends, and follows it on the chain until it is final. One daemon runs per database. Stopped at any moment,
by any signal, the next one goes on where it was. Its log goes to stderr.`,
		Example: "  coffer run",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withOptions(cmd.Context(), coffer.Options{Log: a.logger()}, func(s *coffer.System) error {
				err := s.Run(cmd.Context())
				if errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
					return nil // stopped as it was told
				}
				return err
			})
		},
	}
}
