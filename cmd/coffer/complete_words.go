package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/config"
	"coffer.internal/internal/store"
)

// mostRequests is how many of the newest payments are looked through for a request id.
const mostRequests = 500

// addresses offers the wallets that fit, each address once.
func (a *app) addresses(fits func(store.Wallet) bool) completer {
	return func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return a.look(cmd, func(ctx context.Context, _ coffer.Config, r store.Reader) ([]cobra.Completion, error) {
			ws, err := r.Wallets(ctx, store.WalletFilter{})
			if err != nil {
				return nil, err
			}
			var order []string
			about := map[string][]string{}
			for _, w := range ws {
				address := spelled(w, typed)
				if !fits(w) || !strings.HasPrefix(address, typed) {
					continue
				}
				if about[address] == nil {
					order = append(order, address)
				}
				about[address] = append(about[address], describe(w))
			}
			out := make([]cobra.Completion, len(order))
			for i, address := range order {
				out[i] = cobra.CompletionWithDesc(address, strings.Join(about[address], "; "))
			}
			return out, nil
		})
	}
}

// spelled is an address as it was begun: who types an EVM address in lower case goes on so.
func spelled(w store.Wallet, typed string) string {
	if w.ChainType == "evm" && typed == strings.ToLower(typed) && strings.Trim(typed, "0x123456789") != "" {
		return strings.ToLower(w.Address)
	}
	return w.Address
}

func describe(w store.Wallet) string {
	text := fmt.Sprintf("%s on %s, nonce %d", w.WalletType, config.ChainName(w.ChainType, w.ChainID), w.Nonce)
	if !w.Active {
		text += ", inactive"
	}
	return text
}

// chains offers the chains of a wallet whose address stands before, else those of the settings and of all wallets.
func (a *app) chains(cmd *cobra.Command, before []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.lookChains(cmd, func(c chainRef, of []store.Wallet) (string, bool) {
		if len(before) > 0 && cmd.Name() != "create-internal" && len(argumentsOf(cmd)) > 0 && argumentsOf(cmd)[0] == "ADDRESS" {
			fits := wanted(cmd.Name())
			of = slices.DeleteFunc(of, func(w store.Wallet) bool { return !strings.EqualFold(w.Address, before[0]) || !fits(w) })
			return config.ChainName(c.chainType, c.id), len(of) > 0
		}
		return config.ChainName(c.chainType, c.id), true
	}, func(c chainRef) string { return strconv.FormatInt(c.id, 10) })
}

// typesOfChain offers the types that the chain id before it has, or all.
func (a *app) typesOfChain(cmd *cobra.Command, before []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	known, directive := a.lookChains(cmd, func(c chainRef, _ []store.Wallet) (string, bool) {
		return config.ChainName(c.chainType, c.id), strconv.FormatInt(c.id, 10) == before[len(before)-1]
	}, func(c chainRef) string { return c.chainType })
	if len(known) == 0 {
		return offer(chainTypes...)(cmd, before, typed)
	}
	return known, directive
}

// chainRef names a chain.
type chainRef struct {
	chainType string
	id        int64
}

// lookChains offers the chains of the settings and of the registered wallets that fit, each word once with its name. The
// settings alone are offered when there is no database.
func (a *app) lookChains(cmd *cobra.Command, fits func(chainRef, []store.Wallet) (string, bool), word func(chainRef) string) (
	[]cobra.Completion, cobra.ShellCompDirective) {
	list := func(c coffer.Config, ws []store.Wallet) []cobra.Completion {
		of := map[chainRef][]store.Wallet{}
		for _, ch := range c.Chains {
			of[chainRef{ch.Type, ch.ID}] = nil
		}
		for _, w := range ws {
			ref := chainRef{w.ChainType, w.ChainID}
			of[ref] = append(of[ref], w)
		}
		refs := make([]chainRef, 0, len(of))
		for ref := range of {
			refs = append(refs, ref)
		}
		slices.SortFunc(refs, func(a, b chainRef) int { return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.chainType, b.chainType)) })
		var words []string
		names := map[string][]string{}
		for _, ref := range refs {
			if name, ok := fits(ref, of[ref]); ok {
				if names[word(ref)] == nil {
					words = append(words, word(ref))
				}
				names[word(ref)] = append(names[word(ref)], name)
			}
		}
		out := make([]cobra.Completion, len(words))
		for i, w := range words {
			out[i] = cobra.CompletionWithDesc(w, strings.Join(names[w], ", "))
		}
		return out
	}
	out, directive := a.look(cmd, func(ctx context.Context, c coffer.Config, r store.Reader) ([]cobra.Completion, error) {
		ws, err := r.Wallets(ctx, store.WalletFilter{})
		return list(c, ws), err
	})
	if c, err := a.load(); err == nil && len(out) == 0 {
		out = list(c, nil)
	}
	return out, directive
}

// assets offers the symbols of the chain that --chain-id names, or of all chains.
func (a *app) assets(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c, err := a.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	only := cmd.Flags().Lookup("chain-id")
	var out []cobra.Completion
	for _, ch := range c.Chains {
		if only != nil && only.Changed && only.Value.String() != strconv.FormatInt(ch.ID, 10) {
			continue
		}
		for _, asset := range ch.Assets {
			out = append(out, cobra.CompletionWithDesc(asset.Symbol, "token on "+ch.Name))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// requests offers the newest request ids.
func (a *app) requests(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.look(cmd, func(ctx context.Context, _ coffer.Config, r store.Reader) ([]cobra.Completion, error) {
		ws, err := r.Withdrawals(ctx, store.WithdrawalFilter{Newest: true, Limit: mostRequests})
		var out []cobra.Completion
		for _, w := range ws {
			if strings.HasPrefix(w.Payment, typed) {
				state := w.State
				if w.Outcome != "" {
					state = w.Outcome
				}
				out = append(out, cobra.CompletionWithDesc(w.Payment, state))
			}
		}
		return out, err
	})
}
