package journal

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/policy/policytest"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

func (w *world) report() wire.Report {
	w.t.Helper()
	r, err := w.Report()
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// hold puts a key into the journal, as NewKey does.
func (w *world) hold(k Key) {
	w.t.Helper()
	if err := w.db.Update(func(tx *bolt.Tx) error { return putKey(tx, k, true) }); err != nil {
		w.t.Fatal(err)
	}
}

// stands is a report's addresses in one line each.
func stands(r wire.Report) string {
	var b strings.Builder
	for _, a := range r.Addresses {
		fmt.Fprintf(&b, "%s %s %s:", a.ChainType, a.Address, a.Account)
		for _, c := range a.Chains {
			highest := "none"
			if c.Highest != nil {
				highest = fmt.Sprint(*c.Highest)
			}
			fmt.Fprintf(&b, " %d up to %s mark %d;", c.ChainID, highest, c.Mark)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestAReportTellsOfEachKeyWhereItStands(t *testing.T) {
	w := newWorld(t)
	w.hold(Key{ChainType: derive.EVM, Address: from, Network: "evm/60", Ledger: ledger, Path: "m/1"})
	w.hold(Key{ChainType: derive.EVM, Address: to, Network: "evm/60", Ledger: ledger, Path: "m/2", Account: "cold"})
	w.hold(Key{ChainType: derive.BTC, Address: "bc1q", Network: "btc/0", Ledger: ledger, Path: "m/3"})
	w.hold(Key{ChainType: derive.Solana, Address: "Sol", Network: "solana/501", Ledger: ledger, Path: "m/4"})
	elsewhere := payment(300, "elsewhere", "1")
	elsewhere.ChainID = 137
	intents := all(payment(0, "a", "1"), payment(2, "b", "1"), payment(257, "c", "1"), elsewhere)
	btc := payment(7, "d", "1")
	btc.ChainType, btc.ChainID, btc.From = derive.BTC, 0, "bc1q"
	onBitcoin := proposed(btc)
	onBitcoin.Inputs = []string{"aa:0", "ff:1"}
	sol := payment(5, "e", "1")
	sol.ChainType, sol.ChainID, sol.From, sol.EVM, sol.Solana = derive.Solana, 101, "Sol", nil, &signing.SolanaTransfer{To: to, Amount: "1", Attempt: 1}
	onSolana := proposed(sol)
	onSolana.Inputs = []string{"the message"}
	if err := w.db.Update(func(tx *bolt.Tx) error {
		for _, p := range append(intents, onBitcoin, onSolana) {
			if err := bind(tx, &p, filed{digest: p.Digest}, false, nil); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for chainID, mark := range map[int64]uint64{1: 9, 10: 4} {
		if _, err := w.SetMark(t.Context(), derive.EVM, chainID, from, mark); err != nil {
			t.Fatal(err)
		}
	}
	w.put(slots, []byte{0xfe}, "what nothing of ours wrote")
	want := "btc bc1q hot: 0 up to 7 mark 0;\n" +
		"evm " + to + " cold:\n" +
		"evm " + from + " hot: 1 up to 257 mark 9; 10 up to none mark 4; 137 up to 300 mark 0;\n" +
		"solana Sol hot: 101 up to 5 mark 0;\n"
	if got := stands(w.report()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestAReportTellsOfEachLimitWhatIsUsed(t *testing.T) {
	w := &world{t: t, dir: t.TempDir() + "/signer", text: limited(nobody, `hour = "100"`+"\n"+`day_count = 7`, `fee_day = "10000000"`), now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)}
	if err := Create(w.dir); err != nil {
		t.Fatal(err)
	}
	w.open()
	t.Cleanup(func() { _ = w.Close() })
	if got := briefs(w.record(all(payment(0, "a", "60"))...)); got != " signed" {
		t.Fatal(got)
	}
	w.put(sums, []byte("rule/gone/evm:1/coin"), "a rule that the policy has no more")
	show := func() string {
		var b strings.Builder
		for _, l := range w.report().Limits {
			fmt.Fprintf(&b, "%s %s %q %s %q%s\n", l.Rule, l.Scope, l.Chain, l.Asset, l.Address, windows(l))
		}
		return b.String()
	}
	want := `payments each_key "evm:1" coin "` + from + `" hour 60/100 day 1/7` + "\n" +
		`payments all_keys "evm:1" coin "" day fee 630000/10000000` + "\n" +
		`mending each_key "" coin "" day fee 0/100000000` + "\n"
	if got := show(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	w.now = w.now.Add(2 * time.Hour)
	if got, want := show(), strings.Replace(want, "60/100", "0/100", 1); got != want {
		t.Errorf("two hours later\n%swant\n%s", got, want)
	}
}

func windows(l wire.LimitReport) (s string) {
	for _, x := range []struct {
		name string
		wire.WindowReport
	}{{"hour", l.Hour}, {"day", l.Day}} {
		if x.Amount != nil {
			s += fmt.Sprintf(" %s %s/%s", x.name, x.Amount.Used, x.Amount.Limit)
		}
		if x.Count != nil {
			s += fmt.Sprintf(" %s %d/%d", x.name, x.Count.Used, x.Count.Limit)
		}
		if x.Fee != nil {
			s += fmt.Sprintf(" %s fee %s/%s", x.name, x.Fee.Used, x.Fee.Limit)
		}
	}
	return s
}

func TestAReportCountsTheAnswersOfEachLedger(t *testing.T) {
	w := newWorld(t)
	another := payment(9, "z", "1")
	another.Ledger = "ledger-2"
	p := proposed(another)
	p.KeyLedger = "ledger-2"
	w.record(append(all(payment(0, "a", "1"), payment(0, "b", "1"), payment(1, "c", "1"), payment(0, "a", "1")), p)...) // one refused, one repeated
	w.record(all(payment(2, "d", "1"))...)
	want := []wire.LedgerReport{{Ledger: ledger, Receipt: 4, Entries: 4}, {Ledger: "ledger-2", Receipt: 1, Entries: 1}}
	if got := w.report().Ledgers; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	// One that was written before answers were counted: they are when it is opened. It was loaded, too: its numbers have a hole.
	if err := w.db.Update(func(tx *bolt.Tx) error {
		if err := tx.Bucket(receipts).Delete(receiptKey(ledger, 2)); err != nil {
			return err
		}
		return tx.DeleteBucket(given)
	}); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	w.reopen()
	want[0].Entries = 3
	if got := w.report().Ledgers; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("counted anew: %v, want %v", got, want)
	}
}

func TestAReportTellsWhyAndSinceWhenItIsFrozen(t *testing.T) {
	w := newWorld(t)
	if r := w.report(); r.Freeze != nil || r.Frozen != "" || r.Policy != policytest.AllowAll().Hash() {
		t.Errorf("%+v", r)
	}
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for n, reason := range []string{"first", "second"} {
		if _, _, err := w.Freeze(t.Context(), FreezeCause{At: at.Add(time.Duration(n) * time.Hour), By: "anna", Reason: reason}); err != nil {
			t.Fatal(err)
		}
	}
	r := w.report()
	if f := r.Freeze; f == nil || f.ID == "" || !f.Since.Equal(at) || len(f.Reasons) != 2 || f.Reasons[1].Reason != "second" || !strings.Contains(r.Frozen, "first (anna") {
		t.Errorf("%+v, %q", r.Freeze, r.Frozen)
	}
}

// BenchmarkReport is that of a machine with 5,000 keys, each with 20 nonces signed on one chain and a counter of its own.
func BenchmarkReport(b *testing.B) {
	const n = 5000
	dir := b.TempDir() + "/signer"
	rules, err := policy.Parse([]byte(limited(nobody, `hour = "100"`, `hour = "1000"`)))
	if err == nil {
		err = Create(dir)
	}
	if err != nil {
		b.Fatal(err)
	}
	j, err := Open(dir, device, Options{Policy: rules})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	if err := j.db.Update(func(tx *bolt.Tx) error {
		l := newLimits(tx, time.Now())
		for k := range n {
			address := fmt.Sprintf("0x%040d", k)
			if err := putKey(tx, Key{ChainType: derive.EVM, Address: address, Network: "evm/60", Ledger: ledger, Path: "m"}, true); err != nil {
				return err
			}
			for nonce := range 20 {
				i := payment(uint64(nonce), "", "1")
				i.From = address
				p := proposed(i)
				if err := bind(tx, &p, filed{digest: p.Digest}, false, nil); err != nil {
					return err
				}
			}
			if err := l.add(allKeys+"/"+address, policy.Sum{Cost: policy.Cost{Amount: big.NewInt(1)}, Count: 1}); err != nil {
				return err
			}
		}
		return l.write()
	}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if r, err := j.Report(); err != nil || len(r.Addresses) != n || len(r.Limits) != n+2 {
			b.Fatal(len(r.Addresses), len(r.Limits), err)
		}
	}
}
