package wallet_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/signing"
	"coffer.internal/wallet"
)

// picky is a signing machine that answers some refs with an error.
type picky struct {
	*machine
	fails map[string]error
}

func (p picky) NewKey(ctx context.Context, r signing.KeyRequest) (signing.Key, error) {
	if err := p.fails[r.Ref]; err != nil {
		return signing.Key{}, err
	}
	return p.machine.NewKey(ctx, r)
}

func hot(line int, ref string) wallet.BatchRow {
	return wallet.BatchRow{Line: line, ChainType: wallet.EVM, ChainID: 1, Ref: ref}
}

func outcomes(b wallet.BatchReport) string {
	var all []string
	for _, r := range b.Rows {
		all = append(all, fmt.Sprintf("%d %s", r.Line, r.Outcome))
	}
	return strings.Join(all, ", ")
}

func (l ledger) wallets() []wallet.Wallet {
	l.Helper()
	all, err := l.List(l.Context(), wallet.Filter{})
	if err != nil {
		l.Fatal(err)
	}
	return all
}

func TestABatchRegistersEachRowOnceHoweverOftenItIsSaid(t *testing.T) {
	l := newLedger(t, &machine{})
	rows := []wallet.BatchRow{
		hot(2, "a"), hot(3, "b"),
		{Line: 4, ChainType: wallet.EVM, ChainID: 56, Ref: "a", Type: wallet.Hot, Nonce: 7}, // the key of line 2 on another chain
		{Line: 5, ChainType: wallet.EVM, ChainID: 1, Address: eip55[6], Type: wallet.Multisig, Nonce: 3},
	}
	var seen int
	report, err := l.CreateBatch(t.Context(), rows, func(wallet.BatchResult) { seen++ })
	if err != nil || outcomes(report) != "2 created, 3 created, 4 created, 5 created" || seen != 4 {
		t.Fatalf("%s, %d seen, %v", outcomes(report), seen, err)
	}
	if a, same := report.Rows[0].Wallet, report.Rows[2].Wallet; a.Address != same.Address || same.Nonce != 7 || same.Type != wallet.Hot {
		t.Errorf("%+v\n%+v", a, same)
	}
	report, err = l.CreateBatch(t.Context(), rows, nil)
	if err != nil || outcomes(report) != "2 already_registered, 3 already_registered, 4 already_registered, 5 already_registered" {
		t.Errorf("%s, %v", outcomes(report), err)
	}
	if n := len(l.wallets()); n != 4 {
		t.Errorf("%d wallets", n)
	}
	if n := len(l.audit()); n != 4 {
		t.Errorf("%d audit rows", n)
	}
}

func TestABatchWithARowThatCannotBeRightIsRefusedWhole(t *testing.T) {
	ref := func(edit func(*wallet.BatchRow)) wallet.BatchRow {
		row := hot(9, "c")
		edit(&row)
		return row
	}
	for _, c := range []struct {
		bad         wallet.BatchRow
		field, code string
	}{
		{ref(func(r *wallet.BatchRow) { r.ChainType = "eth" }), "chain_type", "unknown_chain_type"},
		{ref(func(r *wallet.BatchRow) { r.ChainID = -1 }), "chain_id", "bad_chain_id"},
		{ref(func(r *wallet.BatchRow) { r.Type = "warm" }), "wallet_type", "unknown_wallet_type"},
		{ref(func(r *wallet.BatchRow) { r.Type = wallet.Cold }), "wallet_type", "address_needed"},
		{ref(func(r *wallet.BatchRow) { r.Ref = "" }), "ref", "ref_needed"},
		{ref(func(r *wallet.BatchRow) { r.Ref = "c " }), "ref", "bad_ref"},
		{ref(func(r *wallet.BatchRow) { r.Ref = "c\u200b" }), "ref", "bad_ref"},
		{ref(func(r *wallet.BatchRow) { r.Ref = strings.Repeat("c", 201) }), "ref", "bad_ref"},
		{ref(func(r *wallet.BatchRow) { r.Ref = strings.Repeat("46", 32) }), "ref", "looks_like_a_key"},
		{ref(func(r *wallet.BatchRow) { r.Address = eip55[1] }), "ref", "address_and_ref"},
		{ref(func(r *wallet.BatchRow) { r.Ref, r.Address = "", "0x1234..." }), "address", "address_shortened"},
		{ref(func(r *wallet.BatchRow) { r.Nonce = signing.MaxNonce + 1 }), "nonce", "nonce_too_high"},
		{ref(func(r *wallet.BatchRow) { r.Ref = "a" }), "ref", "duplicate_row"},
		{ref(func(r *wallet.BatchRow) { r.Ref, r.Address = "", strings.ToLower(eip55[0]) }), "address", "duplicate_row"},
	} {
		m := &machine{}
		l := newLedger(t, m)
		_, err := l.CreateBatch(t.Context(), []wallet.BatchRow{
			hot(2, "a"), {Line: 3, ChainType: wallet.EVM, ChainID: 1, Address: eip55[0], Type: wallet.Hot}, c.bad, hot(10, "d"),
		}, nil)
		var refusal *wallet.BatchRefusal
		if !errors.As(err, &refusal) || !errors.Is(err, fault.Usage) || len(refusal.Faults) != 1 || refusal.Faults[0].Row != 2 ||
			refusal.Faults[0].Field != c.field || fault.Code(refusal.Faults[0].Err) != c.code {
			t.Errorf("%+v: %v", c.bad, err)
		}
		if len(m.keys) != 0 || len(l.wallets()) != 0 || len(l.audit()) != 0 {
			t.Errorf("%+v: %d keys, %v, %d audit rows", c.bad, len(m.keys), l.wallets(), len(l.audit()))
		}
	}
}

func TestARowThatStandsTwiceIsNamedWithBothLines(t *testing.T) {
	l := newLedger(t, &machine{})
	_, err := l.CreateBatch(t.Context(), []wallet.BatchRow{hot(2, "a"), hot(3, "b"), hot(17, "a")}, nil)
	if err == nil || !strings.Contains(err.Error(), `the wallet of line 2 stands here again, in line 17: evm 1 ref "a"`) {
		t.Errorf("%v", err)
	}
}

func TestABatchGoesOnPastRowsThatFail(t *testing.T) {
	l := newLedger(t, picky{&machine{}, map[string]error{
		"b": fault.New(fault.Refused, "keys_used_up", "make another", "no key"), "c": errors.New("it burns"),
	}})
	l.internal(wallet.InternalRequest{Address: eip55[7], ChainType: wallet.EVM, ChainID: 1, Type: wallet.Cold})
	report, err := l.CreateBatch(t.Context(), []wallet.BatchRow{
		hot(2, "a"), hot(3, "b"), hot(4, "c"), {Line: 5, ChainType: wallet.EVM, ChainID: 1, Address: eip55[7], Type: wallet.Vault}, hot(6, "d"),
	}, nil)
	if got := outcomes(report); got != "2 created, 3 failed, 4 failed, 5 failed, 6 created" {
		t.Error(got)
	}
	if !errors.Is(err, fault.Partly) || fault.Exit(err) != 7 || !strings.Contains(err.Error(), "3 of 5 wallets failed, 2 are registered") {
		t.Errorf("%v", err)
	}
	for i, want := range []string{"", "keys_used_up", "signer_failed", "wallet_differs", ""} {
		if got := report.Rows[i].Err; want == "" && got != nil || want != "" && fault.Code(got) != want {
			t.Errorf("line %d: %v", report.Rows[i].Line, got)
		}
	}
}

func TestABatchOfWhichAllFailsForOneReasonFailsForThatReason(t *testing.T) {
	no := fault.New(fault.Refused, "keys_used_up", "make another", "no key")
	l := newLedger(t, picky{&machine{}, map[string]error{"a": no, "b": no, "c": errors.New("it burns")}})
	if _, err := l.CreateBatch(t.Context(), []wallet.BatchRow{hot(2, "a"), hot(3, "b")}, nil); fault.Exit(err) != 4 || fault.Code(err) != "keys_used_up" {
		t.Errorf("%v", err)
	}
	if _, err := l.CreateBatch(t.Context(), []wallet.BatchRow{hot(2, "a"), hot(3, "c")}, nil); fault.Exit(err) != 1 {
		t.Errorf("%v", err)
	}
}

func TestABatchEndsWhenTheSigningMachineCannotBeReached(t *testing.T) {
	gone := map[string]error{}
	var rows []wallet.BatchRow
	for i := range 100 {
		rows = append(rows, hot(i+2, fmt.Sprint("r", i)))
		if i > 1 {
			gone[fmt.Sprint("r", i)] = fmt.Errorf("%w: gone", signing.ErrNoAnswer)
		}
	}
	l := newLedger(t, picky{&machine{}, gone})
	report, err := l.CreateBatch(t.Context(), rows, nil)
	made := report.Count(wallet.BatchCreated)
	if fault.Exit(err) != 6 || report.Count(wallet.BatchFailed) != 0 || made > 2 || made+report.Count(wallet.BatchNotDone) != 100 {
		t.Errorf("%d created, %d failed, %v", made, report.Count(wallet.BatchFailed), err)
	}
	if want := fmt.Sprintf("%d of 100 registered, 0 failed, %d not done", made, 100-made); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v\nwant %s", err, want)
	}
	if n := len(l.wallets()); n != made {
		t.Errorf("%d wallets, %d reported", n, made)
	}
}

func TestABatchThatIsInterruptedSaysWhatWasDone(t *testing.T) {
	l := newLedger(t, nil)
	var rows []wallet.BatchRow
	for i := range 500 {
		rows = append(rows, wallet.BatchRow{Line: i + 2, ChainType: wallet.EVM, ChainID: 1, Address: fmt.Sprintf("0x%040x", i+1), Type: wallet.Cold})
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	report, err := l.CreateBatch(ctx, rows, func(wallet.BatchResult) { stop() })
	made := report.Count(wallet.BatchCreated)
	if !errors.Is(err, context.Canceled) || made == 0 || made > 20 || made+report.Count(wallet.BatchNotDone) != 500 {
		t.Errorf("%d created, %v", made, err)
	}
	report, err = l.CreateBatch(t.Context(), rows, nil)
	if err != nil || report.Registered() != 500 || report.Count(wallet.BatchThere) < made || len(l.wallets()) != 500 {
		t.Errorf("%d registered, %d before, %v", report.Registered(), report.Count(wallet.BatchThere), err)
	}
}

// unsure says once that nobody knows whether it did what it did.
type unsure struct {
	*machine
	asked int
}

func (u *unsure) NewKey(ctx context.Context, r signing.KeyRequest) (signing.Key, error) {
	u.asked++
	k, err := u.machine.NewKey(ctx, r)
	if u.asked == 1 {
		err = fault.New(fault.Unreachable, "outcome_unknown", "again", "the connection broke")
	}
	return k, err
}

func TestARowWithAnUnknownOutcomeIsSaidAgainOnce(t *testing.T) {
	u := &unsure{machine: &machine{}}
	l := newLedger(t, u)
	report, err := l.CreateBatch(t.Context(), []wallet.BatchRow{hot(2, "a")}, nil)
	if err != nil || outcomes(report) != "2 created" || len(u.keys) != 1 || len(l.wallets()) != 1 {
		t.Errorf("%s, %d keys, %v", outcomes(report), len(u.keys), err)
	}
}
