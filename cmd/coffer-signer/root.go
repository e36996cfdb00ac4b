package main

import (
	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/helptext"
)

const rootLong = `coffer-signer is the signing machine: it alone holds keys. coffer sends it whole payments, never hashes; it
builds each transaction itself, signs at most one payload for a nonce and at most one nonce for a payment, and writes
both down before it answers. It listens on a unix socket, or over a network to those to whom it gave a certificate.

Its files are in $COFFER_SIGNER_HOME, else ~/.coffer-signer: vault.age, the keys, sealed with a passphrase, and
journal.db, what was signed. Keep copies of both; a machine without its journal does not start.`

const rootExample = `  coffer-signer init --passphrase-file passphrase
  coffer-signer serve --passphrase-file passphrase`

// exitCodes stands under every help text.
const exitCodes = "0 done · 1 failed · 2 usage · 3 not found · 4 refused to keep an invariant · 5 not allowed (a file open to " +
	"others, a wrong passphrase) · 6 no signing machine answers · 7 partly done · 130 interrupted (docs/exit-codes.md)"

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "coffer-signer",
		Short:         "Hold coffer's keys and sign its payments, each once",
		Long:          rootLong,
		Example:       rootExample,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          helptext.UnknownVerb,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print one JSON document (docs/json.md)")
	root.AddCommand(a.initCommand(), a.serveCommand(), a.statusCommand(), a.lockCommand(), a.releaseCommand(),
		a.freezeCommand(), a.unfreezeCommand(), a.approveCommand(), a.loadCommand(), a.backupCommand(), a.restoreCommand(), a.policyCommand(), a.versionCommand())
	root.AddCommand(a.certCommand(), a.logCommand(), a.keyCommand(), a.signCommand())
	helptext.Install(root, exitCodes)
	completions(root)
	return root
}

// noArguments refuses arguments by name.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "%q is one argument too many", args[0])
}
