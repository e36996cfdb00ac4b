package signing

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// odd are usual intents in which one thing is not usual.
func odd() []Intent {
	var all []Intent
	change := func(do func(*Intent)) {
		i := intents()["EVM"]
		e := *i.EVM
		i.EVM = &e
		do(&i)
		all = append(all, i)
	}
	for _, text := range []string{"", "<&>", `"`, `\`, "\x00", "\x7f", "\n", "é", "\u2028", "\xff", "\ufffd", `","x":"`, "~ !"} {
		change(func(i *Intent) { i.Ledger = text })
		change(func(i *Intent) { i.Payment = text })
		change(func(i *Intent) { i.Purpose = Purpose(text) })
		change(func(i *Intent) { i.ChainType = text })
		change(func(i *Intent) { i.From = text })
		change(func(i *Intent) { i.EVM.To = text })
		change(func(i *Intent) { i.EVM.Amount = text })
		change(func(i *Intent) { i.EVM.Contract = text })
		change(func(i *Intent) { i.EVM.MaxFeePerGas = text })
		change(func(i *Intent) { i.EVM.MaxPriorityFeePerGas = text })
		change(func(i *Intent) { i.EVM.GasPrice = text })
	}
	change(func(i *Intent) { i.Version, i.ChainID = -1, -1 })
	change(func(i *Intent) { i.Nonce, i.EVM.GasLimit = 1<<64-1, 1<<64-1 })
	change(func(i *Intent) { i.ChainID = 1<<63 - 1 })
	change(func(i *Intent) { i.BTC = &BTCTransfer{} })
	change(func(i *Intent) { i.Solana = &SolanaTransfer{} })
	change(func(i *Intent) { i.EVM = nil })
	change(func(i *Intent) { *i.EVM = EVMTransfer{} })
	for _, i := range intents() {
		all = append(all, i)
	}
	return all
}

func TestAnIntentIsWrittenAsEncodingJSONWritesIt(t *testing.T) {
	for _, i := range odd() {
		if got, want := i.Canonical(), i.encodeJSON(); !bytes.Equal(got, want) {
			t.Errorf("written\n%s, encoding/json writes\n%s", got, want)
		}
	}
}

// FuzzIntentIsReadAsByEncodingJSON holds what is read quickly against what encoding/json makes of the same bytes.
func FuzzIntentIsReadAsByEncodingJSON(f *testing.F) {
	for _, i := range odd() {
		f.Add(i.Canonical())
	}
	good := string(intents()["EVM"].Canonical())
	for _, bad := range []string{
		good + " ", good + "}", strings.Replace(good, `7`, `07`, 1), strings.Replace(good, `"l"`, `"\u006c"`, 1), strings.Replace(good, `,"ledger"`, `, "ledger"`, 1),
		strings.Replace(good, `,"payment":"p-<1>"`, `,"payment":""`, 1), strings.Replace(good, `"version":1`, `"version":4294967297`, 1),
		strings.Replace(good, `"gas_limit":21000`, `"gas_limit":18446744073709551616`, 1), strings.Replace(good, `"nonce":7`, `"nonce":+7`, 1),
		strings.Replace(good, `"to":"to"`, `"to":"to","to":"to"`, 1), strings.Replace(good, `"l"`, "\"\t\"", 1), good[:len(good)-1],
	} {
		f.Add([]byte(bad))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want, err := parseAny(b)
		got, ok := parseUsual(b)
		if ok && (err != nil || !cmp.Equal(got, want)) {
			t.Errorf("%q is read as %+v; encoding/json: %+v, %v", b, got, want, err)
		}
		if err == nil && !bytes.Equal(want.Canonical(), want.encodeJSON()) {
			t.Errorf("%q is written as\n%s, by encoding/json as\n%s", b, want.Canonical(), want.encodeJSON())
		}
		if err == nil && want.usual() && want.ChainID >= 0 && want.Version >= 0 && want.Version < 1<<31 && !ok {
			t.Errorf("%q is usual, and is left to encoding/json", b)
		}
	})
}

func BenchmarkCanonical(b *testing.B) {
	i := intents()["EVM"]
	c := i.Canonical()
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			i.Canonical()
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := Parse(c); err != nil {
				b.Fatal(err)
			}
		}
	})
}
