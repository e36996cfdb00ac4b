package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/store"
)

func (a *app) auditCommand() *cobra.Command {
	return parent("audit", "What was done, by whom, and what was refused",
		`Every operation leaves a row, written in the same transaction as its effect; refused ones too. Rows are never changed.`,
		"  coffer audit list --limit 20",
		a.auditListCommand())
}

func (a *app) auditListCommand() *cobra.Command {
	var f store.AuditFilter
	c := &cobra.Command{
		Use:   "list",
		Short: "List audit rows, newest first",
		Long: `Lists who did what to which wallet, nonce or payment, with the state before and after, and why what was refused was
refused.`,
		Example: `  coffer audit list --limit 20
  coffer audit list --action wallet.
  coffer audit list --subject 0xYourWallet…`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(s *coffer.System) error {
				rows, err := s.Audit(cmd.Context(), f)
				if err != nil {
					return err
				}
				return a.showAudit(rows)
			})
		},
	}
	c.Flags().StringVar(&f.Action, "action", "", "only this action; with a trailing dot, all that begin so")
	c.Flags().StringVar(&f.Subject, "subject", "", "only what was done to this")
	c.Flags().Int64Var(&f.BeforeID, "before", 0, "only rows older than this id, to page on")
	c.Flags().IntVar(&f.Limit, "limit", 100, "how many at most; 0: all")
	return c
}

func (a *app) showAudit(rows []store.AuditRow) error {
	if a.json {
		type view struct {
			ID      int64   `json:"id"`
			At      *string `json:"at"`
			Actor   string  `json:"actor"`
			Action  string  `json:"action"`
			Subject string  `json:"subject"`
			Before  string  `json:"before"`
			After   string  `json:"after"`
			Result  string  `json:"result"`
			Reason  string  `json:"reason"`
		}
		views := make([]view, len(rows))
		for i, r := range rows {
			views[i] = view{r.ID, stamp(r.At), r.Actor, r.Action, r.Subject, r.Before, r.After, r.Result, r.Reason}
		}
		return a.document(map[string]any{"audit": views})
	}
	cells := make([][]string, len(rows))
	for i, r := range rows {
		cells[i] = []string{number(r.ID), moment(r.At), r.Actor, r.Action, r.Subject, dash(r.Before), dash(r.After), r.Result, r.Reason}
	}
	table(a.stdout, []string{"ID", "AT", "ACTOR", "ACTION", "SUBJECT", "BEFORE", "AFTER", "RESULT", "REASON"}, cells)
	return nil
}
