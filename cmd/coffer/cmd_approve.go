package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
)

func (a *app) approveCommand() *cobra.Command {
	var all, breakGlass bool
	var reason string
	c := &cobra.Command{
		Use:   "approve | approve ID | approve ID --break-glass --reason TEXT",
		Short: "Have done what another person proposed",
		Long: `Alone it lists the open proposals. With ID it shows once more what exactly will happen, and has it done: in one transaction, with your
signature and that of whoever proposed it in the audit row. You must be an officer, and another person.

Not done, and recorded: a proposal that you made yourself (5), that ran out, was approved or withdrawn, whose maker's key was revoked,
or that would change something else now than what was signed (4).

--break-glass is for when nobody else can be reached: one officer does it alone, with a reason. An alarm is raised that another
officer has to lift.`,
		Example: `  coffer approve
  coffer approve 3
  coffer approve 3 --break-glass --reason "bob is on a plane, the hot wallets are empty"`,
		Args: func(cmd *cobra.Command, args []string) error {
			if breakGlass {
				return exactly("ID")(cmd, args)
			}
			return between(0, "ID")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(s *coffer.System) error {
				if len(args) == 0 {
					return a.listProposals(cmd, s, all)
				}
				id, err := proposalID(args[0])
				if err != nil {
					return err
				}
				return a.approve(cmd, s, id, breakGlass, reason)
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "list those that have ended, too")
	c.Flags().BoolVar(&breakGlass, "break-glass", false, "alone, in an emergency; needs --reason, and raises an alarm")
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	return c
}

func (a *app) approve(cmd *cobra.Command, s *coffer.System, id int64, breakGlass bool, reason string) error {
	p, err := s.Proposal(cmd.Context(), id)
	if err != nil {
		return err
	}
	if !a.json {
		a.notePreview(p)
	}
	done, err := s.Approve(cmd.Context(), id, breakGlass, a.by(reason))
	return a.showDone(cmd.Context(), s, p.Act, done, err)
}

func proposalID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, fault.New(fault.Usage, "bad_proposal_id", "coffer approve lists the open ones", "%q is not the number of a proposal", text)
	}
	return id, nil
}

func (a *app) listProposals(cmd *cobra.Command, s *coffer.System, all bool) error {
	ps, err := s.Proposals(cmd.Context(), all)
	if err != nil {
		return err
	}
	if a.json {
		views := make([]proposalView, len(ps))
		for i, p := range ps {
			views[i] = viewProposal(p)
		}
		return a.document(map[string]any{"proposals": views})
	}
	if len(ps) == 0 {
		a.note("no proposal is open")
		return nil
	}
	cells := make([][]string, len(ps))
	for i, p := range ps {
		cells[i] = []string{number(p.ID), stateOf(p), string(p.Act.Verb), p.Act.Subject(), p.Maker, moment(p.MadeAt), moment(p.ExpiresAt), dash(p.Reason)}
	}
	table(a.stdout, []string{"ID", "STATE", "ACT", "SUBJECT", "MAKER", "MADE", "UNTIL", "REASON"}, cells)
	return nil
}
