package main

import (
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

func (a *app) auditCommand() *cobra.Command {
	return parent("audit", "What was done, by whom, and what was refused; and the proof of it",
		`Every operation leaves a row, written in the same transaction as its effect; refused ones too. Rows are never changed. The daemon seals
them within a second into a Merkle tree and signs its head: whoever keeps such a checkpoint somewhere else finds out later that a row was
changed, taken out or put in, or that an older database was put back (docs/audit.md).`,
		`  coffer audit list --limit 20
  coffer audit verify --against /mnt/auditor/checkpoints`,
		a.auditListCommand(), a.auditExportCommand(), a.auditKeyCommand(), a.auditCheckpointCommand(), a.auditVerifyCommand(),
		a.auditProveCommand(), a.auditCheckCommand())
}

// auditFilter are the flags that select rows.
type auditFilter struct {
	store.AuditFilter
	since, until string
}

func (f *auditFilter) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.Action, "action", "", "only this action; with a trailing dot, all that begin so")
	c.Flags().StringVar(&f.Subject, "subject", "", "only what was done to this")
	c.Flags().StringVar(&f.Actor, "actor", "", "only what was done by whoever's name begins so, as in alice@")
	c.Flags().StringVar(&f.Result, "result", "", "only this result: done or refused")
	c.Flags().StringVar(&f.since, "since", "", "only rows from this time on (RFC 3339, or a date)")
	c.Flags().StringVar(&f.until, "until", "", "only rows before this time (RFC 3339, or a date)")
}

// read makes a filter of the flags.
func (f *auditFilter) read() (_ store.AuditFilter, err error) {
	if f.Result != "" && f.Result != store.ResultDone && f.Result != store.ResultRefused {
		return f.AuditFilter, fault.New(fault.Usage, "bad_result", "write done or refused", "%q is no result", f.Result)
	}
	if f.Since, err = momentFlag("--since", f.since); err != nil {
		return f.AuditFilter, err
	}
	f.Until, err = momentFlag("--until", f.until)
	return f.AuditFilter, err
}

// momentFlag reads a time, or a day (its beginning in UTC); zero if it is empty.
func momentFlag(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.Usage, "bad_time", "write it as in 2026-11-28T06:00:00Z or 2026-11-28", "%s %q is no time", flag, text)
}

func (a *app) auditListCommand() *cobra.Command {
	var f auditFilter
	c := &cobra.Command{
		Use:   "list",
		Short: "List audit rows, newest first",
		Long: `Lists who did what to which wallet, nonce or payment, with the state before and after, and why what was refused was
refused.`,
		Example: `  coffer audit list --limit 20
  coffer audit list --action wallet. --since 2026-11-01
  coffer audit list --subject 0xYourWallet…`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.read()
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				rows, err := s.Audit(cmd.Context(), filter)
				if err != nil {
					return err
				}
				return a.showAudit(rows)
			})
		},
	}
	f.flags(c)
	c.Flags().Int64Var(&f.BeforeID, "before", 0, "only rows older than this id, to page on")
	c.Flags().IntVar(&f.Limit, "limit", 100, "how many at most; 0: all")
	return c
}

func (a *app) showAudit(rows []store.AuditRow) error {
	if a.json {
		views := make([]json.RawMessage, len(rows))
		for i, r := range rows {
			views[i] = coffer.EncodeAudit(r)
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
