package main

import (
	"fmt"

	"coffer.internal/nonce"
)

// syncsView is what batch-sync prints with --json.
type syncsView struct {
	Applied bool           `json:"applied"`
	DryRun  bool           `json:"dry_run"`
	Changed int            `json:"changed"`
	Same    int            `json:"same"`
	Refused int            `json:"refused"`
	Rows    []syncsRowView `json:"rows"`
}

type syncsRowView struct {
	Line      int            `json:"line"`
	Address   string         `json:"address"`
	ChainID   int64          `json:"chain_id"`
	Before    *uint64        `json:"before"`
	After     *uint64        `json:"after"`
	Verdict   string         `json:"verdict"`
	Externals []externalView `json:"external"`
	Ended     []string       `json:"ended"`
	Error     *errorView     `json:"error"`
}

func (a *app) showSyncs(lines []int, report nonce.BatchReport, dryRun bool) error {
	if a.json {
		view := syncsView{
			Applied: report.Applied, DryRun: dryRun, Changed: report.Change, Same: report.Same, Refused: report.Refused,
			Rows: make([]syncsRowView, len(report.Rows)),
		}
		for i, r := range report.Rows {
			v := syncsRowView{
				Line: lines[i], Address: syncAddress(r), ChainID: r.Call.ChainID, Verdict: string(r.Verdict),
				Externals: viewExternals(r.Externals), Ended: []string{}, Error: viewError(r.Err),
			}
			if r.Wallet.ID != 0 {
				v.Before, v.After = &r.Before, &r.After
			}
			for _, n := range r.Dropped {
				v.Ended = append(v.Ended, n.Request)
			}
			view.Rows[i] = v
		}
		return a.document(view)
	}
	cells := make([][]string, len(report.Rows))
	for i, r := range report.Rows {
		before, after := "-", "-"
		if r.Wallet.ID != 0 {
			before, after = number(r.Before), number(r.After)
		}
		cells[i] = []string{number(lines[i]), syncAddress(r), number(r.Call.ChainID), before, after, syncResult(r, report)}
	}
	table(a.stdout, []string{"LINE", "ADDRESS", "CHAIN_ID", "BEFORE", "AFTER", "RESULT"}, cells)
	change := "changed"
	if !report.Applied {
		change = "would change"
	}
	a.note("%d wallets: %d %s, %d already there, %d refused", len(report.Rows), report.Change, change, report.Same, report.Refused)
	return nil
}

// syncAddress is the canonical address if the wallet is there, else the one that was given.
func syncAddress(r nonce.BatchRow) string {
	if r.Wallet.ID != 0 {
		return r.Wallet.Address
	}
	return r.Call.Address
}

func syncResult(r nonce.BatchRow, report nonce.BatchReport) string {
	switch {
	case r.Verdict == nonce.BatchRefused:
		return "refused: " + r.Err.Error()
	case r.Verdict == nonce.BatchSame:
		return "already there"
	}
	result := "would change"
	if report.Applied {
		result = "changed"
	}
	if len(r.Externals) > 0 {
		result += ", external " + externalText(r.Externals)
	}
	if n := len(r.Dropped); n > 0 {
		result += fmt.Sprintf(", %d reservations ended", n)
	}
	return result
}
