package main

import (
	"encoding/csv"
	"fmt"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
)

// exportAtOnce is how many audit rows are read at a time.
const exportAtOnce = 5000

func (a *app) auditExportCommand() *cobra.Command {
	var f auditFilter
	var format string
	c := &cobra.Command{
		Use:   "export",
		Short: "Print audit rows for other programs, oldest first",
		Long: `Prints audit rows as NDJSON or CSV, oldest first. A line of NDJSON is exactly what is sealed: its SHA-256 after a zero byte is the
row's leaf in the Merkle tree (RFC 6962). Where a cell of CSV begins like a formula, a spreadsheet is kept from taking it for one by a ' before
it.`,
		Example: `  coffer audit export > audit.ndjson
  coffer audit export --format csv --since 2026-11-01 --until 2026-12-01 > november.csv`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.read()
			if err != nil {
				return err
			}
			if format != "ndjson" && format != "csv" {
				return fault.New(fault.Usage, "bad_format", "write ndjson or csv", "%q is no format", format)
			}
			filter.OldestFirst, filter.Limit = true, exportAtOnce
			return a.with(cmd.Context(), func(s *coffer.System) error { return a.exportAudit(cmd, s, filter, format) })
		},
	}
	f.flags(c)
	c.Flags().StringVar(&format, "format", "ndjson", "ndjson or csv")
	return c
}

func (a *app) exportAudit(cmd *cobra.Command, s *coffer.System, f coffer.AuditFilter, format string) error {
	out := csv.NewWriter(a.stdout)
	if format == "csv" {
		if err := out.Write([]string{"id", "at", "actor", "action", "subject", "before", "after", "result", "reason", "signed"}); err != nil {
			return err
		}
	}
	for {
		rows, err := s.Audit(cmd.Context(), f)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if format == "csv" {
				err = out.Write([]string{number(r.ID), *stamp(r.At), noFormula(r.Actor), noFormula(r.Action), noFormula(r.Subject), noFormula(r.Before),
					noFormula(r.After), r.Result, noFormula(r.Reason), r.Signed})
			} else {
				_, err = fmt.Fprintf(a.stdout, "%s\n", coffer.EncodeAudit(r))
			}
			if err != nil {
				return err
			}
		}
		out.Flush()
		if err := out.Error(); err != nil || len(rows) < f.Limit {
			return err
		}
		f.AfterID = rows[len(rows)-1].ID
	}
}

// noFormula keeps a spreadsheet from taking text for a formula (CWE-1236).
func noFormula(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t' || s[0] == '\r') {
		return "'" + s
	}
	return s
}
