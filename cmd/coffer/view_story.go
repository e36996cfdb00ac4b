package main

import (
	"coffer.internal/internal/store"
	"coffer.internal/signing"
	"coffer.internal/withdrawal"
)

// attemptView is one attempt in --json.
type attemptView struct {
	ID          int64   `json:"id"`
	State       string  `json:"state"`
	Purpose     string  `json:"purpose"`
	Wallet      string  `json:"wallet"`
	Nonce       uint64  `json:"nonce"`
	Digest      string  `json:"digest"`
	Hash        *string `json:"hash"`
	Note        *string `json:"note"`
	Refusal     *string `json:"refusal"`
	BlockNumber *uint64 `json:"block_number"`
	BlockHash   *string `json:"block_hash"`
	Success     *bool   `json:"success"`
	Fee         *string `json:"fee"`
	AskedAt     *string `json:"asked_at"`
	SignedAt    *string `json:"signed_at"`
	SentAt      *string `json:"sent_at"`
	MinedAt     *string `json:"mined_at"`
	FinalAt     *string `json:"final_at"`

	// What it offers; null where the chain has no such fee.
	GasLimit             *uint64 `json:"gas_limit"`
	MaxFeePerGas         *string `json:"max_fee_per_gas"`
	MaxPriorityFeePerGas *string `json:"max_priority_fee_per_gas"`
	GasPrice             *string `json:"gas_price"`

	// The signing machine's answer; null where there is none yet, and of answers from before there were receipts.
	Receipt *receiptView `json:"receipt"`
}

// receiptView is the receipt of a signing machine's answer in --json.
type receiptView struct {
	Device    string `json:"device"`
	Seq       uint64 `json:"seq"`
	Signature []byte `json:"signature"`
}

func viewAttempt(at store.Attempt) attemptView {
	v := attemptView{
		ID: at.ID, State: at.State, Purpose: at.Purpose, Wallet: at.Address, Nonce: at.Nonce, Digest: at.Digest, Hash: null(at.Hash),
		Note: null(at.Note), Refusal: null(at.Refusal), BlockHash: null(at.BlockHash), Fee: null(at.Fee),
		AskedAt: stamp(at.AskedAt), SignedAt: stamp(at.SignedAt), SentAt: stamp(at.SentAt), MinedAt: stamp(at.MinedAt),
		FinalAt: stamp(at.FinalAt),
	}
	if at.BlockHash != "" {
		v.BlockNumber, v.Success = &at.BlockNumber, &at.Success
	}
	if r := at.Receipt; r.Seq != 0 {
		v.Receipt = &receiptView{r.Device, r.Seq, r.Signature}
	}
	if i, err := signing.Parse(at.Intent); err == nil && i.EVM != nil {
		v.GasLimit, v.MaxFeePerGas, v.MaxPriorityFeePerGas, v.GasPrice = &i.EVM.GasLimit, null(i.EVM.MaxFeePerGas), null(i.EVM.MaxPriorityFeePerGas), null(i.EVM.GasPrice)
	}
	return v
}

func (a *app) showStory(s withdrawal.Story) error {
	if a.json {
		views := make([]attemptView, len(s.Attempts))
		for i, at := range s.Attempts {
			views[i] = viewAttempt(at)
		}
		return a.document(struct {
			withdrawal.Withdrawal
			Attempts []attemptView       `json:"attempts"`
			Story    []withdrawal.Moment `json:"story"`
			Events   []eventView         `json:"events"`
		}{s.Withdrawal, views, s.Moments(), viewEvents(s.Events)})
	}
	w := s.Withdrawal
	row := withdrawalRow(w)
	pairs := make([][2]string, 0, len(row)+3)
	for i, cell := range row {
		pairs = append(pairs, [2]string{lower(withdrawalHeadings[i]), cell})
	}
	fields(a.stdout, append(pairs, [][2]string{
		{"accepted", moment(w.CreatedAt)}, {"changed", moment(w.UpdatedAt)}, {"ended", ended(w)},
	}...))
	for _, at := range s.Attempts {
		a.say("")
		pairs := [][2]string{
			{"attempt", at.State}, {"nonce", number(at.Nonce)}, {"wallet", at.Address}, {"digest", at.Digest}, {"hash", dash(at.Hash)},
			{"asked", moment(at.AskedAt)}, {"signed", moment(at.SignedAt)}, {"sent", moment(at.SentAt)},
			{"mined", moment(at.MinedAt)}, {"final", moment(at.FinalAt)},
		}
		if at.BlockHash != "" {
			pairs = append(pairs, [2]string{"block", number(at.BlockNumber) + " " + at.BlockHash}, [2]string{"fee", at.Fee})
		}
		if r := at.Receipt; r.Seq != 0 {
			pairs = append(pairs, [2]string{"receipt", number(r.Seq) + " of " + r.Device})
		}
		if at.Note != "" {
			pairs = append(pairs, [2]string{"note", at.Note})
		}
		fields(a.stdout, pairs)
	}
	a.say("")
	var lines [][]string
	for _, m := range s.Moments() {
		lines = append(lines, []string{moment(m.At), m.Who, oneLine(m.What)})
	}
	table(a.stdout, []string{"AT", "WHO", "WHAT"}, lines)
	return nil
}

// eventView is one change in --json.
type eventView struct {
	At      *string `json:"at"`
	Actor   string  `json:"actor"`
	Subject string  `json:"subject"`
	From    *string `json:"from"`
	To      string  `json:"to"`
	Outcome *string `json:"outcome"`
	Detail  string  `json:"detail"`
	Attempt *int64  `json:"attempt"`
	Purpose *string `json:"purpose"`
	Wallet  *string `json:"wallet"`
	Nonce   *uint64 `json:"nonce"`
	Hash    *string `json:"hash"`
}

func viewEvents(es []store.Event) []eventView {
	views := make([]eventView, len(es))
	for i, e := range es {
		views[i] = eventView{
			At: stamp(e.At), Actor: e.Actor, Subject: e.Subject, From: null(e.From), To: e.To, Outcome: null(e.Outcome), Detail: e.Detail,
			Purpose: null(e.Purpose), Wallet: null(e.Address), Nonce: e.Nonce, Hash: null(e.Hash),
		}
		if e.Attempt != 0 {
			views[i].Attempt = &e.Attempt
		}
	}
	return views
}

func ended(w withdrawal.Withdrawal) string {
	if w.EndedAt == nil {
		return "-"
	}
	return moment(*w.EndedAt)
}
