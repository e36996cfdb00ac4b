package signer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy/policytest"
	"coffer.internal/signing"
)

func TestAnIntentIsSignedByItsOwnKey(t *testing.T) {
	m, from := newMachine(t)
	intents := payments(from, 300)
	answers, err := m.Sign(t.Context(), signing.BatchOf(intents...))
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		if a.Refusal != nil || a.Digest != intents[i].Digest() {
			t.Fatalf("answer %d: %+v", i, a)
		}
		var tx types.Transaction
		if err := tx.UnmarshalBinary(a.Raw); err != nil {
			t.Fatal(err)
		}
		sender, err := types.Sender(types.LatestSignerForChainID(tx.ChainId()), &tx)
		if err != nil || sender.Hex() != from || tx.Nonce() != uint64(i) || tx.To().Hex() != to || tx.Value().String() != "1000" || tx.Hash().Hex() != a.Hash {
			t.Fatalf("answer %d is another transaction: from %s nonce %d, %v", i, sender, tx.Nonce(), err)
		}
	}
}

func TestWhatIsNotTheMachinesToSignIsRefused(t *testing.T) {
	m, from := newMachine(t)
	elsewhere, foreign, malformed := payment(to, 0, "a"), payment(from, 0, "b"), payment(from, 0, "c")
	elsewhere.EVM.To, foreign.Ledger, malformed.EVM.Amount = from, "ledger-2", "0"
	answers, err := m.Sign(t.Context(), signing.BatchOf(elsewhere, foreign, malformed, payment(from, 0, "d")))
	if err != nil {
		t.Fatal(err)
	}
	type answer struct {
		Kind signing.RefusalKind
		Code string
	}
	var got []answer
	for _, a := range answers {
		if a.Refusal == nil {
			got = append(got, answer{Code: "signed"})
			continue
		}
		got = append(got, answer{a.Refusal.Kind, a.Refusal.Code})
	}
	want := []answer{
		{signing.RefusedForGood, "not_this_key"}, {signing.RefusedAsConflict, "other_ledger"}, {signing.RefusedForGood, "malformed"}, {Code: "signed"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestF34AnAnswerThatWasLostIsGivenAgain(t *testing.T) {
	home := newHome(t)
	m := start(t, home)
	from := newAddress(t, m)
	intents := append(payments(from, 20), payment(from, 3, "rival"), payment(from, 99, "p-4"))
	first, err := m.Sign(t.Context(), signing.BatchOf(intents...))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m = start(t, home)
	defer m.Close()
	again, err := m.Sign(t.Context(), signing.BatchOf(intents...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("(-first +again):\n%s", diff)
	}
	if got := []string{first[20].Refusal.Code, first[21].Refusal.Code}; !slices.Equal(got, []string{"nonce_bound", "payment_bound"}) {
		t.Errorf("the rivals got %v", got)
	}
}

func TestF34AMachineThatCannotWriteItsJournalGivesNoAnswer(t *testing.T) {
	var file *os.File
	m := startWith(t, newHome(t), journal.Options{Policy: policytest.AllowAll(), OpenFile: func(name string, flag int, mode fs.FileMode) (f *os.File, err error) {
		file, err = os.OpenFile(name, flag, mode)
		return file, err
	}})
	defer m.Close()
	from := newAddress(t, m)
	readable, err := os.Open(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer readable.Close()
	if err := syscall.Dup3(int(readable.Fd()), int(file.Fd()), 0); err != nil { // from now on the kernel refuses every write
		t.Fatal(err)
	}
	answers, err := m.Sign(t.Context(), signing.BatchOf(payments(from, 1)...))
	if answers != nil || !errors.Is(err, signing.ErrNoAnswer) || fault.Code(err) != "journal_not_written" {
		t.Errorf("answered %+v, %v", answers, err)
	}
}

func TestALockedMachineSignsNothing(t *testing.T) {
	m, from := newMachine(t)
	if _, err := m.Sign(t.Context(), signing.BatchOf(payments(from, 1)...)); err != nil {
		t.Fatal(err)
	}
	if m.Lock() {
		t.Error("it says that it was locked before")
	}
	if !m.Lock() {
		t.Error("it does not say that it was locked before")
	}
	_, err := m.Sign(t.Context(), signing.BatchOf(payments(from, 2)...))
	if !errors.Is(err, signing.ErrNoAnswer) || fault.Code(err) != "locked" {
		t.Errorf("Sign: %v", err)
	}
	if _, err := m.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1}); fault.Code(err) != "locked" {
		t.Errorf("NewKey: %v", err)
	}
	if _, ok, err := m.FindKey(t.Context(), ledger, "evm", from); !ok || err != nil {
		t.Errorf("FindKey: %v, %v", ok, err)
	}
	if st, err := m.Status(t.Context()); err != nil || !st.Locked || st.Signed != 1 || st.Keys != 1 {
		t.Errorf("Status: %+v, %v", st, err)
	}
	_, _, err = m.keys.Sign(payment(from, 0, "p-0"), "m/44'/60'/0'/0/0")
	if slices.ContainsFunc(m.vault.Seed(), func(b byte) bool { return b != 0 }) || fault.Code(err) != "keys_closed" {
		t.Errorf("the seed is still in memory, or its keys are: %v", err)
	}
}

func TestLockEndsWhatIsUnderWay(t *testing.T) {
	m, from := newMachine(t)
	var wg sync.WaitGroup
	signed := make(chan struct{}, 1)
	for c := range 8 {
		wg.Go(func() {
			for n := uint64(0); ; n++ {
				nonce := uint64(c)*1_000_000 + n
				_, err := m.Sign(t.Context(), signing.BatchOf(payment(from, nonce, fmt.Sprint(nonce))))
				if fault.Code(err) == "locked" {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case signed <- struct{}{}:
				default:
				}
			}
		})
	}
	<-signed
	m.Lock()
	before, err := m.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if after, err := m.Status(t.Context()); err != nil || !cmp.Equal(after, before) {
		t.Errorf("the journal went on after Lock: %+v, then %+v, %v", before, after, err)
	}
}

func TestAKeyOfAnotherLedgerIsNotFound(t *testing.T) {
	m, from := newMachine(t)
	if k, ok, err := m.FindKey(t.Context(), ledger, "evm", from); err != nil || !ok || k.Device != m.device || k.Path != "m/44'/60'/0'/0/0" {
		t.Errorf("%+v, %v, %v", k, ok, err)
	}
	if _, ok, err := m.FindKey(t.Context(), "ledger-2", "evm", from); ok || err != nil {
		t.Errorf("found for another ledger: %v, %v", ok, err)
	}
}
