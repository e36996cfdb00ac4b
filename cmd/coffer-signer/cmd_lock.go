package main

import "github.com/spf13/cobra"

func (a *app) lockCommand() *cobra.Command {
	var flags machineFlags
	c := &cobra.Command{
		Use:   "lock",
		Short: "Stop all signing at once",
		Long: `The process that serves zeroes its keys and signs nothing more. Payments wait. To go on, stop that process and
serve again with the passphrase.`,
		Example: "  coffer-signer lock",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			machine, at, err := a.dial(flags)
			if err != nil {
				return err
			}
			already, err := machine.Lock(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.document(map[string]any{"signer": at, "locked": true, "already_locked": already})
			}
			if already {
				a.say("already locked")
				return nil
			}
			a.say("locked")
			a.note("to go on: stop that process, then coffer-signer serve --passphrase-file FILE")
			return nil
		},
	}
	flags.flags(c)
	return c
}
