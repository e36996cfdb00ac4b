package main

import (
	"fmt"

	"coffer.internal"
	"coffer.internal/internal/reconcile"
)

func (a *app) showReconciliation(s *coffer.System, r coffer.Reconciliation) {
	for _, d := range r.Differences {
		a.say("%s  %s", d.Code, subjectOf(d))
		a.say("  expected  %s", d.Expected)
		a.say("  found     %s", d.Found)
		a.say("  to do     %s", d.ToDo)
	}
	if r.More > 0 {
		a.say("and %d differences more", r.More)
	}
	for _, u := range r.Unchecked {
		a.say("unchecked  %s:%d, %d, first %s: %s", u.ChainType, u.ChainID, u.Count, u.First, u.Why)
	}
	for _, at := range r.NoNodes {
		a.say("no nodes   %s:%d: nothing on it can be compared with the chain", at.ChainType, at.ChainID)
	}
	a.showBooks(s, r)
	from := "the beginning"
	if !r.Since.IsZero() {
		from = moment(r.Since)
	}
	a.say("from %s to %s: %d payments ended, %d have not; %d transactions and the nonces of %d wallets agree with the chain",
		from, moment(r.Until), r.Ended, r.Open, r.Transactions, r.Wallets)
	if r.Clean() {
		a.say("nothing is unexplained")
	}
}

// subjectOf is what a difference is about.
func subjectOf(d reconcile.Difference) string {
	text := fmt.Sprintf("%s:%d", d.ChainType, d.ChainID)
	if d.Payment != "" {
		text += ", payment " + d.Payment
	}
	if d.Address != "" {
		text += ", wallet " + d.Address
	}
	switch {
	case d.To != nil:
		text += fmt.Sprintf(", nonces %d to %d", *d.Nonce, *d.To)
	case d.Nonce != nil:
		text += fmt.Sprintf(", nonce %d", *d.Nonce)
	}
	if d.Hash != "" {
		text += ", " + d.Hash
	}
	return text
}

// showBooks shows what was paid, and what it cost.
func (a *app) showBooks(s *coffer.System, r coffer.Reconciliation) {
	var rows [][]string
	for _, p := range r.Paid {
		symbol, whole := amountOf(s, p.Place, p.Contract, p.Amount.String())
		rows = append(rows, []string{fmt.Sprintf("%s:%d", p.ChainType, p.ChainID), p.Address, "paid", number(int64(p.Payments)), symbol, dash(whole), p.Amount.String()})
	}
	for _, f := range r.Fees {
		symbol, whole := amountOf(s, f.Place, "", f.Amount.String())
		rows = append(rows, []string{fmt.Sprintf("%s:%d", f.ChainType, f.ChainID), f.Address, "fees", number(int64(f.Transactions)), symbol, dash(whole), f.Amount.String()})
	}
	if rows != nil {
		table(a.stdout, []string{"CHAIN", "WALLET", "WHAT", "TRANSACTIONS", "ASSET", "AMOUNT", "BASE_UNITS"}, rows)
	}
}

type differenceView struct {
	Code      reconcile.Code `json:"code"`
	ChainType string         `json:"chain_type"`
	ChainID   int64          `json:"chain_id"`
	Request   *string        `json:"request"`
	Wallet    *string        `json:"wallet"`
	Nonce     *uint64        `json:"nonce"`
	ToNonce   *uint64        `json:"to_nonce"`
	Attempt   *int64         `json:"attempt"`
	Hash      *string        `json:"hash"`
	Expected  string         `json:"expected"`
	Found     string         `json:"found"`
	ToDo      string         `json:"to_do"`
}

type uncheckedView struct {
	ChainType string `json:"chain_type"`
	ChainID   int64  `json:"chain_id"`
	Count     int    `json:"count"`
	First     string `json:"first"`
	Why       string `json:"why"`
}

type bookView struct {
	ChainType    string  `json:"chain_type"`
	ChainID      int64   `json:"chain_id"`
	Wallet       string  `json:"wallet"`
	Asset        string  `json:"asset"`
	Contract     *string `json:"contract"`
	Transactions int     `json:"transactions"`
	Amount       string  `json:"amount"`
	Decimal      *string `json:"amount_decimal"`
}

func viewReconciliation(s *coffer.System, r coffer.Reconciliation) map[string]any {
	differences := make([]differenceView, len(r.Differences))
	for i, d := range r.Differences {
		differences[i] = differenceView{
			d.Code, d.ChainType, d.ChainID, null(d.Payment), null(d.Address), d.Nonce, d.To, nil, null(d.Hash), d.Expected, d.Found, d.ToDo,
		}
		if d.Attempt != 0 {
			differences[i].Attempt = &d.Attempt
		}
	}
	unchecked := make([]uncheckedView, len(r.Unchecked))
	for i, u := range r.Unchecked {
		unchecked[i] = uncheckedView(u)
	}
	var noNodes []string
	for _, at := range r.NoNodes {
		noNodes = append(noNodes, fmt.Sprintf("%s:%d", at.ChainType, at.ChainID))
	}
	var paid, fees []bookView
	for _, p := range r.Paid {
		paid = append(paid, viewBook(s, p.Place, p.Address, p.Contract, p.Payments, p.Amount.String()))
	}
	for _, f := range r.Fees {
		fees = append(fees, viewBook(s, f.Place, f.Address, "", f.Transactions, f.Amount.String()))
	}
	return map[string]any{
		"since": stamp(r.Since), "until": stamp(r.Until), "clean": r.Clean(), "ended": r.Ended, "open": r.Open, "transactions": r.Transactions, "wallets": r.Wallets,
		"differences": differences, "more_differences": r.More, "unchecked": unchecked, "no_nodes": list(noNodes), "paid": list(paid), "fees": list(fees),
	}
}

func viewBook(s *coffer.System, at reconcile.Place, address, contract string, n int, amount string) bookView {
	symbol, whole := amountOf(s, at, contract, amount)
	return bookView{at.ChainType, at.ChainID, address, symbol, null(contract), n, amount, null(whole)}
}
