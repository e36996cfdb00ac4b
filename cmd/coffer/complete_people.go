package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/store"
)

// operators offers those whose keys are good.
func (a *app) operators(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.look(cmd, func(ctx context.Context, _ coffer.Config, r store.Reader) ([]cobra.Completion, error) {
		named, err := r.Operators(ctx)
		var words []cobra.Completion
		for _, o := range named {
			if o.RevokedAt.IsZero() {
				words = append(words, cobra.CompletionWithDesc(o.Name, o.Role))
			}
		}
		return words, err
	})
}

// settings offers the digests of those in force.
func (a *app) settings(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.look(cmd, func(ctx context.Context, _ coffer.Config, r store.Reader) ([]cobra.Completion, error) {
		all, err := r.Settings(ctx)
		var words []cobra.Completion
		for _, s := range goodSettings(all) {
			words = append(words, cobra.CompletionWithDesc(s.Digest, "accepted "+moment(s.AcceptedAt)+", by "+s.AcceptedBy))
		}
		return words, err
	})
}

// openProposals offers the proposals that somebody may approve.
func (a *app) openProposals(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.look(cmd, func(ctx context.Context, _ coffer.Config, r store.Reader) ([]cobra.Completion, error) {
		open, err := r.Proposals(ctx, store.ProposalFilter{State: store.ProposalOpen})
		var words []cobra.Completion
		for _, p := range open {
			if act, err := operators.ParseAct([]byte(p.Act)); err == nil {
				words = append(words, cobra.CompletionWithDesc(fmt.Sprint(p.ID), fmt.Sprintf("%s %s, by %s", act.Verb, act.Subject(), p.Maker)))
			}
		}
		return words, err
	})
}
