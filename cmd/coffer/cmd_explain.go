package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/withdrawal"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain REQUEST_ID",
		Short: "Say why a payment is not final yet, and what comes next",
		Long: `Says in plain words what a payment waits for, what happens next by itself, and, where a person is needed, the command to
run. TEXT and FILE in a command are yours to fill in; coffer-signer release runs at the signing machine's own home.

It asks the database and the signing machine, and no node: what the daemon last saw there stands in the database. docs/explain.md
lists every cause. The whole story is in coffer tx show.`,
		Example: "  coffer explain w-4711\n  coffer explain w-4711 --json",
		Args:    exactly("REQUEST_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(s *coffer.System) error {
				e, err := s.Explain(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.showExplanation(e)
			})
		},
	}
}

func (a *app) showExplanation(e withdrawal.Explanation) error {
	if a.json {
		return a.document(e)
	}
	state := e.State
	if e.Outcome != "" {
		state = e.Outcome
	}
	pairs := [][2]string{{"request", e.Request}, {"state", state}, {"cause", string(e.Cause)}, {"why", oneLine(e.Why)}, {"next", oneLine(e.Next)}}
	for _, c := range e.Commands {
		pairs = append(pairs, [2]string{"run", c})
	}
	for _, al := range e.Alarms {
		pairs = append(pairs, [2]string{"alarm", number(al.ID) + " " + al.Kind + ": " + oneLine(al.Why) + "; to do: " + oneLine(al.ToDo)})
	}
	fields(a.stdout, pairs)
	return nil
}
