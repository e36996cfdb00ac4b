package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/operators"
)

func (a *app) proposalCommand() *cobra.Command {
	return parent("proposal", "Show a proposal, or take it back", `What can hurt is proposed by one person and approved by another one: coffer approve (docs/operators.md).`,
		"  coffer proposal show 3\n  coffer proposal withdraw 3", a.proposalShowCommand(), a.proposalWithdrawCommand())
}

func (a *app) proposalShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show what exactly a proposal does",
		Long:    `Shows the act as it was signed, what it changes, who proposed it, and what became of it.`,
		Example: "  coffer proposal show 3",
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := proposalID(args[0])
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				p, err := s.Proposal(cmd.Context(), id)
				if err != nil {
					return err
				}
				return a.showProposal(p)
			})
		},
	}
}

func (a *app) proposalWithdrawCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:     "withdraw ID",
		Short:   "Take an open proposal back",
		Long:    `Ends an open proposal, so that nobody can approve it any more. Its maker may, and every officer.`,
		Example: `  coffer proposal withdraw 3 --reason "the wrong wallet"`,
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := proposalID(args[0])
			if err != nil {
				return err
			}
			return a.act(cmd.Context(), coffer.Act{Verb: operators.ProposalWithdraw, Proposal: id}, reason)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	return c
}
