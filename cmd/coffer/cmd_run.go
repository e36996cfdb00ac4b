package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"coffer.internal"
)

func (a *app) runCommand() *cobra.Command {
	var standby bool
	var metrics string
	c := &cobra.Command{
		Use:   "run",
		Short: "Be the daemon: pay what was accepted, until stopped",
		Long: `Moves every accepted withdrawal to its end: chooses a wallet, binds a nonce, has the signing machine sign,
sends, and follows it on the chain until it is final. Stopped at any moment, by any signal, the next one goes on
where it was. Its log goes to stderr.

On PostgreSQL any number of daemons, on any number of machines, share the wallets: each drives its share, and when one
is killed or cut off the others take its wallets within the lease (15 s; lease in coffer.toml). On SQLite one daemon
runs per file; with --standby another one waits, and takes over when that one has ended, however it ended.

With --metrics it serves Prometheus metrics at /metrics of that address, which has to be this machine's loopback
(docs/metrics.md). Alarms are told to the receivers of [alarms] in coffer.toml (docs/alarms.md).`,
		Example: `  coffer run
  coffer run --standby
  coffer run --metrics 127.0.0.1:9464`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := a.logger()
			return a.withOptions(cmd.Context(), coffer.Options{Log: log, Metrics: metrics}, func(s *coffer.System) error {
				if s.Chains() == 0 {
					log.Warn("no chain has a node, so nothing is paid", "hint", "add rpc to a [chain.evm.N] of coffer.toml, then start again")
				}
				drive := s.Run
				if standby {
					drive = s.Standby
				}
				err := drive(cmd.Context())
				if errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
					return nil // stopped as it was told
				}
				return err
			})
		},
	}
	c.Flags().StringVar(&metrics, "metrics", "", "serve Prometheus metrics on this HOST:PORT of the loopback, as in 127.0.0.1:9464")
	c.Flags().BoolVar(&standby, "standby", false, "on SQLite: wait while another daemon runs, and take over when it has ended")
	return c
}
