package wallet_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/signing"
	"coffer.internal/wallet"
)

const tokenProgram = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"

func TestAHotWalletHasANewKeyOfTheSigningMachine(t *testing.T) {
	l := newLedger(t, &machine{})
	first, existed, err := l.CreateHot(t.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1})
	if err != nil || existed {
		t.Fatalf("existed %v, %v", existed, err)
	}
	want := wallet.Wallet{ID: 1, Address: eip55[0], Device: "device-1", Path: "m/44'/60'/0'/0/0", ChainType: wallet.EVM, ChainID: 1, Type: wallet.Hot, Active: true}
	if diff := cmp.Diff(want, first, cmpopts.IgnoreFields(wallet.Wallet{}, "CreatedAt", "UpdatedAt")); diff != "" {
		t.Error(diff)
	}
	if first.CreatedAt.IsZero() || !first.UpdatedAt.Equal(first.CreatedAt) {
		t.Errorf("created %s, updated %s", first.CreatedAt, first.UpdatedAt)
	}
	second, existed, err := l.CreateHot(t.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1})
	if err != nil || existed || second.Address == first.Address {
		t.Errorf("the second: %v, existed %v, %v", second, existed, err)
	}
	rows := l.audit()
	if len(rows) != 2 {
		t.Fatalf("%d audit rows", len(rows))
	}
	got := rows[1]
	if got.Action != "wallet.create" || got.Actor != "tester@host 1" || got.Subject != "evm 1 "+eip55[0] || got.Result != store.ResultDone ||
		got.After != "hot evm 1, nonce 0, key m/44'/60'/0'/0/0 on device-1" || got.Before != "" {
		t.Errorf("%+v", got)
	}
}

func TestTheSameRefIsTheSameWallet(t *testing.T) {
	l := newLedger(t, &machine{})
	q := wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1, Ref: "payouts"}
	first, _, err := l.CreateHot(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	again, existed, err := l.CreateHot(t.Context(), q)
	if err != nil || !existed || again != first {
		t.Errorf("%v, existed %v, %v", again, existed, err)
	}
	if n := len(l.audit()); n != 1 {
		t.Errorf("%d audit rows: what is said twice is no change", n)
	}
}

func TestOneKeyServesSeveralEVMChains(t *testing.T) {
	l := newLedger(t, &machine{})
	first, _, err := l.CreateHot(t.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	q := wallet.HotRequest{ChainType: wallet.EVM, ChainID: 56, SameKeyAs: strings.ToLower(first.Address), Nonce: 4}
	second, existed, err := l.CreateHot(t.Context(), q)
	if err != nil || existed || second.Address != first.Address || second.Path != first.Path || second.ChainID != 56 || second.Nonce != 4 {
		t.Errorf("%v, existed %v, %v", second, existed, err)
	}
	if _, existed, err := l.CreateHot(t.Context(), q); err != nil || !existed {
		t.Errorf("again: existed %v, %v", existed, err)
	}
	elsewhere := l.internal(wallet.InternalRequest{Address: eip55[5], ChainType: wallet.EVM, ChainID: 1, Type: wallet.Hot})
	for _, c := range []struct {
		q    wallet.HotRequest
		kind error
		code string
	}{
		{wallet.HotRequest{ChainType: wallet.EVM, ChainID: 56, SameKeyAs: elsewhere.Address}, fault.Refused, "key_elsewhere"},
		{wallet.HotRequest{ChainType: wallet.EVM, ChainID: 56, SameKeyAs: eip55[6]}, fault.NotFound, "wallet_not_found"},
		{wallet.HotRequest{ChainType: wallet.EVM, ChainID: 56, SameKeyAs: "0x12"}, fault.Usage, "bad_address"},
		{wallet.HotRequest{ChainType: wallet.Solana, ChainID: 101, SameKeyAs: tokenProgram}, fault.Usage, "same_key_not_evm"},
		{wallet.HotRequest{ChainType: wallet.EVM, ChainID: 56, SameKeyAs: first.Address, Ref: "x"}, fault.Usage, "same_key_and_ref"},
	} {
		if _, _, err := l.CreateHot(t.Context(), c.q); !errors.Is(err, c.kind) || fault.Code(err) != c.code {
			t.Errorf("%+v: %v; want %s", c.q, err, c.code)
		}
	}
}

func TestWithoutASigningMachineNoHotWalletIsMade(t *testing.T) {
	for name, keys := range map[string]signing.Keys{
		"none":   nil,
		"silent": &machine{fails: fmt.Errorf("dial: %w", signing.ErrNoAnswer)},
		"locked": &machine{fails: fault.New(fault.Unreachable, "signer_locked", "coffer-signer serve", "the signing machine is locked")},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger(t, keys)
			_, _, err := l.CreateHot(t.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1})
			if !errors.Is(err, fault.Unreachable) || fault.Hint(err) == "" {
				t.Errorf("%v, hint %q", err, fault.Hint(err))
			}
			if ws, err := l.List(t.Context(), wallet.Filter{}); err != nil || len(ws) != 0 {
				t.Errorf("%v, %v", ws, err)
			}
		})
	}
}

func TestARefusalOfTheSigningMachineIsRecorded(t *testing.T) {
	l := newLedger(t, &machine{fails: fault.New(fault.Refused, "other_ledger", "", "the ref belongs to another ledger")})
	_, _, err := l.CreateHot(t.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1, Ref: "x"})
	rows := l.audit()
	if !errors.Is(err, fault.Refused) || len(rows) != 1 || rows[0].Result != store.ResultRefused || rows[0].Subject != "evm 1 with a new key" {
		t.Errorf("%v, %+v", err, rows)
	}
}

func TestAKeyThatTheMachineNamesIsCheckedBeforeItIsStored(t *testing.T) {
	for name, key := range map[string]signing.Key{
		"address not canonical": {Address: strings.ToLower(eip55[0]), ChainType: "evm", Device: "d", Path: "m"},
		"of another chain type": {Address: eip55[0], ChainType: "btc", Device: "d", Path: "m"},
		"without device":        {Address: eip55[0], ChainType: "evm", Path: "m"},
		"without path":          {Address: eip55[0], ChainType: "evm", Device: "d"},
		"no address":            {ChainType: "evm", Device: "d", Path: "m"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger(t, nil)
			id, err := l.db.Ledger(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			keys := &machine{made: map[string]signing.Key{id + "ref": key}, keys: map[string]signing.Key{}}
			r := wallet.NewRegistry(l.db, keys, "tester")
			if _, _, err := r.CreateHot(t.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1, Ref: "ref"}); fault.Code(err) != "signer_answer" {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAnInternalWalletTakesItsKeyFromTheMachineIfThatHoldsIt(t *testing.T) {
	keys := &machine{}
	l := newLedger(t, keys)
	made, _, err := l.CreateHot(t.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	held := l.internal(wallet.InternalRequest{Address: made.Address, ChainType: wallet.EVM, ChainID: 10, Type: wallet.Hot})
	if held.Device != made.Device || held.Path != made.Path {
		t.Errorf("held: %+v", held)
	}
	other := l.internal(wallet.InternalRequest{Address: eip55[7], ChainType: wallet.EVM, ChainID: 10, Type: wallet.Cold})
	if other.Device != "" || other.Path != "" {
		t.Errorf("not held: %+v", other)
	}
	keys.fails = signing.ErrNoAnswer
	silent := l.internal(wallet.InternalRequest{Address: made.Address, ChainType: wallet.EVM, ChainID: 56, Type: wallet.Hot})
	if silent.Device != "" || silent.Path != "" {
		t.Errorf("while the machine does not answer: %+v", silent)
	}
	again, existed, err := l.CreateInternal(t.Context(), wallet.InternalRequest{Address: made.Address, ChainType: wallet.EVM, ChainID: 10, Type: wallet.Hot})
	if err != nil || !existed || again.Device != made.Device {
		t.Errorf("again, while it does not answer: %+v, existed %v, %v", again, existed, err)
	}
}

func TestAnAddressIsOneWalletHoweverItIsSpelled(t *testing.T) {
	l := newLedger(t, nil)
	w := l.internal(wallet.InternalRequest{Address: strings.ToLower(eip55[4]), ChainType: wallet.EVM, ChainID: 1, Type: wallet.Cold})
	if w.Address != eip55[4] {
		t.Errorf("stored as %s", w.Address)
	}
	again, existed, err := l.CreateInternal(t.Context(), wallet.InternalRequest{Address: "0X" + strings.ToUpper(eip55[4][2:]), ChainType: wallet.EVM, ChainID: 1, Type: wallet.Cold})
	if err != nil || !existed || again != w {
		t.Errorf("%v, existed %v, %v", again, existed, err)
	}
	found, err := l.Find(t.Context(), strings.ToLower(eip55[4]), 1)
	if err != nil || found != w {
		t.Errorf("%v, %v", found, err)
	}
	bech := l.internal(wallet.InternalRequest{Address: bitcoin[0].address, ChainType: wallet.BTC, ChainID: 0, Type: wallet.Vault})
	if bech.Address != strings.ToLower(bitcoin[0].address) {
		t.Errorf("stored as %s", bech.Address)
	}
}

func TestNoncesBelowTheInitialOneAreSpentBySomethingElse(t *testing.T) {
	l := newLedger(t, nil)
	w := l.internal(wallet.InternalRequest{Address: eip55[0], ChainType: wallet.EVM, ChainID: 1, Type: wallet.Hot, Nonce: 5})
	got := l.externals(w.ID)
	if w.Nonce != 5 || len(got) != 1 || got[0].From != 0 || got[0].To != 4 || got[0].Evidence != "operator" {
		t.Errorf("cursor %d, externals %+v", w.Nonce, got)
	}
	zero := l.internal(wallet.InternalRequest{Address: eip55[1], ChainType: wallet.EVM, ChainID: 1, Type: wallet.Hot})
	if got := l.externals(zero.ID); zero.Nonce != 0 || len(got) != 0 {
		t.Errorf("cursor %d, externals %+v", zero.Nonce, got)
	}
	highest := l.internal(wallet.InternalRequest{Address: eip55[2], ChainType: wallet.EVM, ChainID: 1, Type: wallet.Hot, Nonce: 1 << 53})
	if highest.Nonce != 1<<53 {
		t.Errorf("cursor %d", highest.Nonce)
	}
	_, _, err := l.CreateInternal(t.Context(), wallet.InternalRequest{Address: eip55[3], ChainType: wallet.EVM, ChainID: 1, Type: wallet.Hot, Nonce: 1<<53 + 1})
	if !errors.Is(err, fault.Usage) || err.Error() != "nonce 9007199254740993 is above 2^53" {
		t.Error(err)
	}
}

func TestAWalletWithOtherContentIsRefusedAndItsRowNamed(t *testing.T) {
	l := newLedger(t, nil)
	q := wallet.InternalRequest{Address: eip55[0], ChainType: wallet.EVM, ChainID: 1, Type: wallet.Cold, Nonce: 5}
	w := l.internal(q)
	if err := l.db.Update(t.Context(), func(tx store.Tx) error {
		return tx.MoveCursors(t.Context(), []store.CursorMove{{WalletID: w.ID, From: 5, To: 9}})
	}); err != nil {
		t.Fatal(err)
	}
	for _, same := range []uint64{0, 5, 9} { // nothing in particular, where it began, where it is
		q.Nonce = same
		if got, existed, err := l.CreateInternal(t.Context(), q); err != nil || !existed || got.Nonce != 9 {
			t.Errorf("nonce %d: %v, existed %v, %v", same, got, existed, err)
		}
	}
	q.Nonce = 6
	if _, _, err := l.CreateInternal(t.Context(), q); !errors.Is(err, fault.Refused) {
		t.Errorf("nonce 6: %v", err)
	}
	q.Nonce, q.Type = 0, wallet.Vault
	_, _, err := l.CreateInternal(t.Context(), q)
	want := eip55[0] + " is registered already, with other content: wallet 1 is cold evm 1, nonce 9, key elsewhere; asked for now: vault evm 1, nonce 0, key elsewhere"
	if !errors.Is(err, fault.Refused) || err.Error() != want || fault.Hint(err) != "coffer info "+eip55[0]+" 1" {
		t.Errorf("%v, hint %q", err, fault.Hint(err))
	}
	rows := l.audit()
	if len(rows) != 3 || rows[0].Result != store.ResultRefused || rows[0].Reason != want || rows[0].Subject != "evm 1 "+eip55[0] {
		t.Errorf("%+v", rows)
	}
}

func TestManyWhoRegisterTheSameWalletAtOnceGetOneRow(t *testing.T) {
	l := newLedger(t, nil)
	const callers = 16
	var wg sync.WaitGroup
	made := make([]bool, callers)
	ids := make([]int64, callers)
	for i := range callers {
		wg.Go(func() {
			w, existed, err := l.CreateInternal(t.Context(), wallet.InternalRequest{Address: eip55[0], ChainType: wallet.EVM, ChainID: 1, Type: wallet.Hot, Nonce: 3})
			if err != nil {
				t.Error(err)
			}
			made[i], ids[i] = !existed, w.ID
		})
	}
	wg.Wait()
	news := 0
	for i := range callers {
		if made[i] {
			news++
		}
		if ids[i] != ids[0] {
			t.Errorf("rows %v", ids)
		}
	}
	if news != 1 || len(l.audit()) != 1 || len(l.externals(ids[0])) != 1 {
		t.Errorf("made %d times, %d audit rows", news, len(l.audit()))
	}
}

func TestAWalletIsActivatedAndDeactivatedAndSaidTwiceIsNoChange(t *testing.T) {
	l := newLedger(t, nil)
	w := l.internal(wallet.InternalRequest{Address: eip55[0], ChainType: wallet.EVM, ChainID: 1, Type: wallet.Hot})
	for _, step := range []struct{ active, changed bool }{{true, false}, {false, true}, {false, false}, {true, true}} {
		got, changed, err := l.SetActive(t.Context(), strings.ToLower(w.Address), 1, step.active)
		if err != nil || changed != step.changed || got.Active != step.active {
			t.Errorf("to %v: %v, changed %v, %v", step.active, got, changed, err)
		}
	}
	rows := l.audit()
	if len(rows) != 3 || rows[0].Action != "wallet.activate" || rows[1].Action != "wallet.deactivate" || rows[1].Before != "active" || rows[1].After != "inactive" {
		t.Errorf("%+v", rows)
	}
}

func TestAWalletThatIsNotThereIsNotFoundAndTheAttemptToChangeItRecorded(t *testing.T) {
	l := newLedger(t, nil)
	l.internal(wallet.InternalRequest{Address: eip55[0], ChainType: wallet.EVM, ChainID: 1, Type: wallet.Hot})
	_, err := l.Find(t.Context(), eip55[0], 56)
	if !errors.Is(err, fault.NotFound) || err.Error() != "no wallet "+eip55[0]+" on evm chain 56" || !strings.Contains(fault.Hint(err), "coffer list") {
		t.Errorf("%v, hint %q", err, fault.Hint(err))
	}
	if _, _, err := l.SetActive(t.Context(), eip55[0], 56, false); !errors.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if _, err := l.Find(t.Context(), "0x1234...", 1); !errors.Is(err, fault.Usage) || !strings.Contains(fault.Hint(err), "coffer list") {
		t.Errorf("%v, hint %q", err, fault.Hint(err))
	}
	rows := l.audit()
	if len(rows) != 2 || rows[0].Action != "wallet.deactivate" || rows[0].Result != store.ResultRefused || rows[0].Subject != "evm 56 "+eip55[0] {
		t.Errorf("%+v", rows)
	}
}

func TestWalletsAreListedByIDAndFiltered(t *testing.T) {
	l := newLedger(t, nil)
	one, zero := int64(1), int64(0)
	off := false
	l.internal(wallet.InternalRequest{Address: eip55[0], ChainType: wallet.EVM, ChainID: 1, Type: wallet.Hot})
	l.internal(wallet.InternalRequest{Address: "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", ChainType: wallet.BTC, ChainID: 1, Type: wallet.Cold})
	l.internal(wallet.InternalRequest{Address: eip55[0], ChainType: wallet.EVM, ChainID: 56, Type: wallet.Multisig})
	l.internal(wallet.InternalRequest{Address: tokenProgram, ChainType: wallet.Solana, ChainID: 101, Type: wallet.Vault})
	if _, _, err := l.SetActive(t.Context(), eip55[0], 56, false); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		filter wallet.Filter
		want   []int64
	}{
		{wallet.Filter{}, []int64{1, 2, 3, 4}},
		{wallet.Filter{ChainID: &one}, []int64{1, 2}},
		{wallet.Filter{ChainID: &one, ChainType: wallet.BTC}, []int64{2}},
		{wallet.Filter{ChainID: &zero}, nil},
		{wallet.Filter{Type: wallet.Vault}, []int64{4}},
		{wallet.Filter{Active: &off}, []int64{3}},
	} {
		ws, err := l.List(t.Context(), c.filter)
		var got []int64
		for _, w := range ws {
			got = append(got, w.ID)
		}
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%+v: %v, %s", c.filter, err, diff)
		}
	}
}

func TestADatabaseWithoutSchemaIsToldWithTheNextCommand(t *testing.T) {
	r := wallet.NewRegistry(openFile(t), nil, "tester")
	if _, err := r.List(t.Context(), wallet.Filter{}); fault.Code(err) != "no_schema" || !strings.Contains(fault.Hint(err), "coffer init") {
		t.Errorf("%v, hint %q", err, fault.Hint(err))
	}
}
