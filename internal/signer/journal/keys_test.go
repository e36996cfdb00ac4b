package journal

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

// at is an address that stands for what lies at a path.
func at(path string) (string, error) { return "address of " + path, nil }

func (w *world) newKey(r signing.KeyRequest) Key {
	w.t.Helper()
	k, err := w.NewKey(w.t.Context(), r, at)
	if err != nil {
		w.t.Fatal(err)
	}
	return k
}

func TestTheCounterOfKeysNeverGoesBack(t *testing.T) {
	w := newWorld(t)
	r := signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1}
	w.newKey(r)
	if _, err := w.NewKey(t.Context(), r, func(string) (string, error) { return "", errors.New("no") }); err == nil {
		t.Error("a key without an address")
	}
	w.reopen()
	if k := w.newKey(r); k.Path != "m/44'/60'/0'/0/1" {
		t.Errorf("the second key is at %s", k.Path)
	}
	if c, err := w.Counts(); err != nil || c.Keys != 2 {
		t.Errorf("%d keys, %v", c.Keys, err)
	}
}

// bbolt fails on a key above 32 KiB, with the whole commit.
func TestANameThatIsTooLongFailsNobodyElse(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("r", 40_000)
	for _, r := range []signing.KeyRequest{
		{Ledger: ledger, ChainType: "evm", ChainID: 1, Ref: long}, {Ledger: long, ChainType: "evm", ChainID: 1, Ref: "r"},
	} {
		if k, err := w.NewKey(t.Context(), r, at); !errors.Is(err, fault.Usage) || fault.Code(err) != "long_ref" {
			t.Errorf("%s, %v", k.Path, err)
		}
	}
	if k := w.newKey(signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1, Ref: long[:maxName]}); k.Path != "m/44'/60'/0'/0/0" {
		t.Errorf("the first key is at %s", k.Path)
	}
}

// setCounter writes a counter as somebody did who changed the file by hand.
func (w *world) setCounter(network string, next uint64) {
	w.t.Helper()
	err := w.db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket(counters).Put([]byte(network), binary.BigEndian.AppendUint64(nil, next))
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestAKeyThatWasMadeIsNotMadeAgainThoughTheCounterWentBack(t *testing.T) {
	w := newWorld(t)
	r := signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1}
	first := w.newKey(r)
	w.setCounter("evm/60", 0)
	r.Ledger = "ledger-2"
	if k, err := w.NewKey(t.Context(), r, at); err == nil {
		t.Errorf("two ledgers have the key at %s: %+v", first.Path, k)
	}
	if k, ok, err := w.FindKey("evm", first.Address); err != nil || !ok || k != first {
		t.Errorf("the key is %+v, %v, %v", k, ok, err)
	}
}

func TestAfterTheLastIndexNoKeyIsMade(t *testing.T) {
	w := newWorld(t)
	r := signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1}
	w.setCounter("evm/60", derive.MaxIndex)
	if k := w.newKey(r); k.Path != "m/44'/60'/0'/0/2147483647" {
		t.Errorf("the last key is at %s", k.Path)
	}
	for _, next := range []uint64{derive.MaxIndex + 1, 1 << 32} {
		w.setCounter("evm/60", next)
		if k, err := w.NewKey(t.Context(), r, at); fault.Code(err) != "keys_used_up" {
			t.Errorf("at %d: %+v, %v", next, k, err)
		}
	}
}

func TestTheSameRefGetsTheSameKey(t *testing.T) {
	w := newWorld(t)
	r := signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1, Ref: "hot-1"}
	first := w.newKey(r)
	w.reopen()
	if again := w.newKey(r); again != first {
		t.Errorf("%+v, then %+v", first, again)
	}
	other := r
	other.Ledger = "ledger-2"
	if k := w.newKey(other); k.Path == first.Path {
		t.Error("two ledgers share a key")
	}
	onOtherChain := r
	onOtherChain.ChainID = 56
	if k := w.newKey(onOtherChain); k != first {
		t.Errorf("EVM chains share keys, but: %+v, then %+v", first, k)
	}
	main, test := r, r
	main.ChainType, main.ChainID, test.ChainType, test.ChainID = "btc", 0, "btc", 1
	if m, n := w.newKey(main), w.newKey(test); m.Path != "m/84'/0'/0'/0/0" || n.Path != "m/84'/1'/0'/0/0" {
		t.Errorf("main network %s, test network %s", m.Path, n.Path)
	}
}

func TestAKeyOfATestNetworkHasAnAddressOnEach(t *testing.T) {
	w := newWorld(t)
	r := signing.KeyRequest{Ledger: ledger, ChainType: "btc", ChainID: 1, Ref: "x"}
	on := func(network string) func(string) (string, error) {
		return func(path string) (string, error) { return network + path, nil }
	}
	tb, err := w.NewKey(t.Context(), r, on("tb"))
	if err != nil {
		t.Fatal(err)
	}
	r.ChainID = 3
	bcrt, err := w.NewKey(t.Context(), r, on("bcrt"))
	if err != nil || bcrt.Path != tb.Path || bcrt.Address == tb.Address {
		t.Fatalf("%+v, then %+v, %v", tb, bcrt, err)
	}
	for _, k := range []Key{tb, bcrt} {
		if got, ok, err := w.FindKey("btc", k.Address); err != nil || !ok || got != k {
			t.Errorf("find %s: %+v, %v, %v", k.Address, got, ok, err)
		}
	}
}

func TestAKeyWithoutALedgerIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, r := range []signing.KeyRequest{{ChainType: "evm", ChainID: 1}, {Ledger: ledger, ChainType: "dogecoin"}} {
		if _, err := w.NewKey(t.Context(), r, at); !errors.Is(err, fault.Usage) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestAMachineWithoutItsJournalDoesNotOpen(t *testing.T) {
	w := newWorld(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.dir, FileName)
	if _, err := Open(w.dir, "SHA256:another", Options{}); fault.Code(err) != "journal_of_another" {
		t.Errorf("with the journal of another machine: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(w.dir, device, Options{}); !errors.Is(err, fault.NotAllowed) {
		t.Errorf("with a journal that others can read: %v", err)
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.Truncate(path, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(w.dir, device, Options{}); fault.Code(err) != "journal_missing" {
		t.Errorf("with an empty file: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(w.dir, device, Options{}); fault.Code(err) != "journal_missing" || !errors.Is(err, fault.Refused) {
		t.Errorf("without a file: %v", err)
	}
}

func TestAnOpenJournalIsNotOpenedTwice(t *testing.T) {
	w := newWorld(t)
	if _, err := Open(w.dir, device, Options{}); fault.Code(err) != "already_serving" {
		t.Errorf("%v", err)
	}
}

func TestEachAccountCountsItsOwnKeysAndRefs(t *testing.T) {
	w := newWorld(t)
	var paths []string
	for _, account := range []string{"", "cold", "vault", "cold", "hot", "cold"} {
		ref := "treasury"
		if len(paths) == 5 {
			ref = "another"
		}
		k := w.newKey(signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1, Ref: ref, Account: account})
		if found, ok, err := w.FindKey("evm", k.Address); !ok || err != nil || found != k {
			t.Errorf("%+v was made, %+v found, %v", k, found, err)
		}
		paths = append(paths, k.Path)
	}
	want := []string{"m/44'/60'/0'/0/0", "m/44'/60'/1'/0/0", "m/44'/60'/2'/0/0", "m/44'/60'/1'/0/0", "m/44'/60'/0'/0/0", "m/44'/60'/1'/0/1"}
	if !slices.Equal(paths, want) {
		t.Errorf("%v, want %v", paths, want)
	}
	if _, err := w.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1, Account: "warm"}, at); fault.Code(err) != "bad_account" {
		t.Errorf("an account that is none: %v", err)
	}
}
