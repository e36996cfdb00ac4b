package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"coffer.internal"
	"coffer.internal/internal/helptext"
	"coffer.internal/internal/store"
)

// completeWithin is how long a person who pressed the tab key waits at most.
const completeWithin = 1500 * time.Millisecond

// completer offers what may stand in one place, given the arguments before it.
type completer func(cmd *cobra.Command, before []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective)

// completions gives every command below root its completion. What fits an argument follows from its name in Use, so a new
// command has it from the first day; what fits a flag follows from the flag's name.
//
// Completing asks the settings and the database, never a node or the signing machine. Whatever goes wrong, it offers nothing.
func (a *app) completions(root *cobra.Command) {
	byFlag := a.flagCompleters()
	for _, c := range helptext.All(root) {
		if c.ValidArgsFunction == nil {
			c.ValidArgsFunction = a.completeArgument
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if complete, ok := byFlag[f.Name]; ok {
				_ = c.RegisterFlagCompletionFunc(f.Name, cobra.CompletionFunc(complete)) // it fails for one that has its own
			}
		})
	}
}

func (a *app) flagCompleters() map[string]completer {
	nothing := offer()
	return map[string]completer{
		"chain-id": a.chains, "chain-type": offer(chainTypes...), "wallet-type": offer(walletTypes...), "asset": a.assets,
		"wait":        offer("signed", "mined", "final"),
		"state":       offer("queued", "assigned", "needs_review", "held", "ended", "paid", "failed", "refused", "cancelled"),
		"same-key-as": a.addresses(func(w store.Wallet) bool { return w.ChainType == "evm" && w.Device != "" }),
		"request":     nothing, "ref": nothing, "reason": nothing, "amount": nothing, "to": nothing, "count": nothing, "fence": nothing,
		"device": nothing, "path": nothing, "max-fee": nothing, "authorization": nothing,
		"from":     a.addresses(func(w store.Wallet) bool { return w.Device != "" && w.WalletType != "hot" }),
		"operator": a.operators, "role": offer("viewer", "auditor", "operator", "officer"),
		"nonce": nothing, "limit": nothing, "before": nothing, "since": offer("0"), "until": nothing,
	}
}

var (
	chainTypes  = []cobra.Completion{"evm", "btc", "solana"}
	walletTypes = []cobra.Completion{"hot", "multisig", "cold", "vault"}
)

// offer always offers the same.
func offer(words ...cobra.Completion) completer {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeArgument completes by the name that the argument has in Use.
func (a *app) completeArgument(cmd *cobra.Command, before []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	names := argumentsOf(cmd)
	if len(before) >= len(names) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	complete := offer()
	switch names[len(before)] {
	case "ADDRESS":
		complete = a.addresses(wanted(cmd.Name()))
	case "CHAIN_ID":
		complete = a.chains
	case "CHAIN_TYPE":
		complete = a.typesOfChain
	case "WALLET_TYPE":
		complete = offer(walletTypes...)
	case "REQUEST_ID":
		complete = a.requests
	case "NAME":
		if cmd.Name() == "revoke" || cmd.Name() == "rotate" {
			complete = a.operators
		}
	case "DIGEST":
		complete = a.settings
	case "ID":
		if cmd.Name() == "approve" || cmd.Parent().Name() == "proposal" {
			complete = a.openProposals
		}
	case "FILE", "FILE|DIR":
		return nil, cobra.ShellCompDirectiveDefault
	}
	return complete(cmd, before, typed)
}

// wanted says which wallets a verb is for.
func wanted(verb string) func(store.Wallet) bool {
	return func(w store.Wallet) bool {
		switch verb {
		case "activate":
			return !w.Active
		case "deactivate":
			return w.Active
		case "create-internal": // an address that coffer does not have yet
			return false
		}
		return true
	}
}

// argumentsOf are the names of a command's arguments, of the last way to use it whose switches are all given.
func argumentsOf(cmd *cobra.Command) []string {
	forms := strings.Split(cmd.Use, " | ")
	form := forms[0]
	for _, other := range forms[1:] {
		if !slices.ContainsFunc(strings.Fields(other), func(word string) bool {
			f := cmd.Flags().Lookup(strings.TrimPrefix(word, "--"))
			return strings.HasPrefix(word, "--") && f != nil && f.NoOptDefVal != "" && !f.Changed
		}) {
			form = other
		}
	}
	var names []string
	words := strings.Fields(form)[1:]
	for i := 0; i < len(words); i++ {
		name, flag := strings.Trim(words[i], "[]"), strings.HasPrefix(words[i], "--")
		switch f := cmd.Flags().Lookup(strings.TrimPrefix(name, "--")); {
		case flag && f != nil && f.NoOptDefVal == "":
			i++ // its value
		case !flag:
			names = append(names, name)
		}
	}
	return names
}

// look asks settings and database, for completeWithin at most. Without a home there is nothing to ask, and none is made.
func (a *app) look(cmd *cobra.Command, find func(context.Context, coffer.Config, store.Reader) ([]cobra.Completion, error)) (
	[]cobra.Completion, cobra.ShellCompDirective) {
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, completeWithin)
	defer cancel()
	found := make(chan []cobra.Completion, 1)
	go func() {
		var got []cobra.Completion
		defer func() {
			_ = recover() // a broken completion is no more than none
			found <- got
		}()
		_ = a.withDatabase(ctx, func(c coffer.Config, db store.DB) error {
			return db.View(ctx, func(r store.Reader) (err error) {
				got, err = find(ctx, c, r)
				return err
			})
		})
	}()
	select {
	case got := <-found:
		return got, cobra.ShellCompDirectiveNoFileComp
	case <-ctx.Done(): // whoever is late is not waited for: the process ends now
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}
