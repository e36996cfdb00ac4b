package main

import (
	"github.com/spf13/cobra"

	"coffer.internal/internal/helptext"
)

// completions says what the shell may offer. Nothing is asked for it: only release takes an argument, and whoever
// releases a payment types its id.
func completions(root *cobra.Command) {
	words := map[string][]cobra.Completion{
		"socket-mode":   {cobra.CompletionWithDesc("0600", "its owner alone"), cobra.CompletionWithDesc("0660", "a group too")},
		"socket-group":  nil,
		"passphrase-fd": nil,
		"metrics":       nil,
		"max-requests":  nil,
		"max-intents":   nil,
		"host":          nil,
		"name":          nil,
		"days":          nil,
		"head":          nil,
		"since":         nil,
		"code":          nil,
		"role": {
			cobra.CompletionWithDesc("client", "coffer: signatures and keys"), cobra.CompletionWithDesc("reader", "looks, and changes nothing"),
			cobra.CompletionWithDesc("officer", "locks and freezes"),
		},
		"reason":  nil,
		"ledger":  nil,
		"chain":   nil,
		"ref":     nil,
		"account": {"hot", "cold", "vault"},
	}
	for _, c := range helptext.All(root) {
		if c.ValidArgsFunction == nil {
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
		for flag, offered := range words {
			if c.LocalFlags().Lookup(flag) != nil {
				_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(offered, cobra.ShellCompDirectiveNoFileComp)) // only once
			}
		}
	}
}
