package withdrawal

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/store"
	"coffer.internal/signing"
)

func TestAStoryIsToldInOrderWithEachFeeAnswerAndReason(t *testing.T) {
	intent := signing.Intent{
		Version: signing.Version, Ledger: "l", Payment: "w-1", Purpose: signing.PurposePayment, ChainType: "evm", ChainID: 1, From: "0xa", Nonce: 7,
		EVM: &signing.EVMTransfer{To: "0xc", Amount: "5", GasLimit: 21000, MaxFeePerGas: "30500000000", MaxPriorityFeePerGas: "1000000000"},
	}
	old := intent
	old.EVM = &signing.EVMTransfer{To: "0xc", Amount: "5", GasLimit: 21000, GasPrice: "2000000000"}
	seven := uint64(7)
	second := 0
	event := func(e store.Event) store.Event {
		second++
		e.At, e.Actor = time.Unix(int64(second), 0), "daemon"
		if e.Attempt != 0 {
			e.Subject = store.SubjectAttempt
		} else {
			e.Subject = store.SubjectWithdrawal
		}
		return e
	}
	s := Story{
		Attempts: []Attempt{
			{ID: 3, Intent: intent.Canonical(), BlockNumber: 9, BlockHash: "0xb", Fee: "441000000000000"},
			{ID: 4, Intent: old.Canonical()},
		},
		Events: []store.Event{
			event(store.Event{To: "queued"}),
			event(store.Event{From: "queued", To: "queued", Detail: "no room"}),
			event(store.Event{From: "queued", To: "assigned", Nonce: &seven, Address: "0xa"}),
			event(store.Event{Attempt: 3, To: "asked", Purpose: "payment", Nonce: &seven}),
			event(store.Event{Attempt: 3, From: "asked", To: "signed", Hash: "0x3"}),
			event(store.Event{Attempt: 3, From: "signed", To: "sent", Detail: "unknown: no answer"}),
			event(store.Event{Attempt: 3, From: "sent", To: "sent"}),
			event(store.Event{Attempt: 3, From: "sent", To: "sent", Detail: "busy: pool is full"}),
			event(store.Event{Attempt: 4, To: "asked", Purpose: "payment", Nonce: &seven}),
			event(store.Event{Attempt: 3, From: "sent", To: "mined"}),
			event(store.Event{Attempt: 4, From: "asked", To: "superseded", Detail: "attempt 3 won"}),
			event(store.Event{From: "assigned", To: "ended", Outcome: "paid"}),
		},
		Records: []store.AuditRow{
			{At: time.Unix(1, 0), Actor: "me", Action: actionAccept, After: "pay 5", Result: store.ResultDone},
			{At: time.Unix(8, 5), Actor: "me", Action: actionBump, After: "assigned", Result: store.ResultDone, Reason: "slow"},
			{At: time.Unix(8, 6), Actor: "me", Action: actionAccept, After: "pay 6", Result: store.ResultRefused, Reason: "differs"},
			{At: time.Unix(12, 0), Actor: "daemon", Action: actionEnd, After: "paid", Result: store.ResultDone},
		},
		Wishes: []store.Wish{{Actor: "me", Kind: "bump", EndedAt: time.Unix(9, 5), Result: "asked for as attempt 4"}},
	}
	var got []string
	for _, m := range s.Moments() {
		got = append(got, m.At.Format("05 ")+m.Who+" "+m.What)
	}
	if diff := cmp.Diff([]string{
		"01 daemon accepted: queued",
		"02 daemon queued still: no room",
		"03 daemon assigned: nonce 7 of 0xa",
		"04 daemon attempt 3 (payment) at nonce 7 is asked for, max fee 30.5 gwei, priority fee 1 gwei",
		"05 daemon attempt 3 is signed: 0x3",
		"06 daemon attempt 3 is sent: unknown: no answer",
		"07 daemon attempt 3: the nodes take it",
		"08 daemon attempt 3 stays sent: busy: pool is full",
		"08 me withdrawal.bump: assigned: slow",
		"08 me withdrawal.accept refused: pay 6: differs",
		"09 daemon attempt 4 (payment) at nonce 7 is asked for, gas price 2 gwei",
		"09 me the wish to bump is over: asked for as attempt 4",
		"10 daemon attempt 3 is mined in block 9, fee 441000 gwei",
		"11 daemon attempt 4 is superseded: attempt 3 won",
		"12 daemon ended: paid",
	}, got); diff != "" {
		t.Error(diff)
	}
}
