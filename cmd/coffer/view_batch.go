package main

import (
	"fmt"

	"coffer.internal/internal/operators"
	"coffer.internal/wallet"
)

// batchView is what create-batch prints with --json.
type batchView struct {
	Total             int            `json:"total"`
	Succeeded         int            `json:"succeeded"`
	AlreadyRegistered int            `json:"already_registered"`
	Failed            int            `json:"failed"`
	NotDone           int            `json:"not_done"`
	SuccessRate       string         `json:"success_rate"`
	Rows              []batchRowView `json:"rows"`
}

type batchRowView struct {
	Line    int         `json:"line"`
	Ref     *string     `json:"ref"`
	Outcome string      `json:"outcome"`
	Wallet  *walletView `json:"wallet"`
	Error   *errorView  `json:"error"`
}

// successRate is n of total in percent, rounded down: it says 100% only if that is so.
func successRate(n, total int) string {
	permille := n * 1000 / max(total, 1)
	return fmt.Sprintf("%d.%d%%", permille/10, permille%10)
}

var batchHeadings = []string{"LINE", "OUTCOME", "ID", "ADDRESS", "CHAIN_TYPE", "CHAIN_ID", "WALLET_TYPE", "NONCE", "PATH", "REF"}

func (a *app) showBatch(rows []operators.Row, report wallet.BatchReport) error {
	rate := successRate(report.Registered(), len(report.Rows))
	if a.json {
		view := batchView{
			Total: len(report.Rows), Succeeded: report.Registered(), AlreadyRegistered: report.Count(wallet.BatchThere),
			Failed: report.Count(wallet.BatchFailed), NotDone: report.Count(wallet.BatchNotDone), SuccessRate: rate,
			Rows: make([]batchRowView, len(report.Rows)),
		}
		for i, r := range report.Rows {
			view.Rows[i] = batchRowView{Line: r.Line, Ref: null(rows[i].Ref), Outcome: string(r.Outcome), Error: viewError(r.Err)}
			if r.Wallet.ID != 0 {
				w := viewWallet(r.Wallet)
				view.Rows[i].Wallet = &w
			}
		}
		return a.document(view)
	}
	var cells [][]string
	keyless := 0
	for i, r := range report.Rows {
		if w := r.Wallet; w.ID != 0 {
			cells = append(cells, []string{number(r.Line), string(r.Outcome), number(w.ID), w.Address, string(w.ChainType), number(w.ChainID),
				string(w.Type), number(w.Nonce), dash(w.Path), dash(rows[i].Ref)})
			if w.Type == wallet.Hot && w.Device == "" {
				keyless++
			}
		}
	}
	if len(cells) > 0 {
		table(a.stdout, batchHeadings, cells)
		a.say("")
	}
	for _, r := range report.Rows {
		if r.Err != nil {
			a.say("line %d: failed: %s", r.Line, r.Err)
		}
	}
	summary := [][2]string{
		{"total", number(len(report.Rows))}, {"succeeded", number(report.Registered())},
		{"already registered", number(report.Count(wallet.BatchThere))}, {"failed", number(report.Count(wallet.BatchFailed))},
	}
	if n := report.Count(wallet.BatchNotDone); n > 0 {
		summary = append(summary, [2]string{"not done", number(n)})
	}
	fields(a.stdout, append(summary, [2]string{"success rate", rate}))
	if keyless > 0 {
		a.note("hot wallets without a key at the signing machine: %d; coffer keeps their nonces and never pays from them", keyless)
	}
	return nil
}
