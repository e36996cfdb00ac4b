package signing

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// export is a small one, whole.
func export(t testing.TB) (string, []ExportLine) {
	t.Helper()
	var b bytes.Buffer
	lines := []ExportLine{
		{Header: &ExportHeader{Format: ExportFormat, Ledger: "l", Device: "SHA256:d", MadeAt: time.Unix(1_800_000_000, 0).UTC()}},
		{Wallet: &ExportWallet{ChainType: "evm", ChainID: 1, Address: "from", Path: "m/44'/60'/0'/0/0", Cursor: 9, Mark: 8}},
		{Attempt: &ExportAttempt{Intent: intents()["evm"].Canonical(), Raw: []byte{1, 2}, Seq: 4}},
		{Attempt: &ExportAttempt{Intent: intents()["btc"].Canonical(), Refusal: &Refusal{Kind: RefusedForNow, Code: "day_limit", Reason: "<x>"}}},
		{Attempt: &ExportAttempt{Intent: intents()["spl"].Canonical()}},
	}
	w, err := NewExportWriter(&b, *lines[0].Header)
	for _, l := range lines[1:] {
		if err == nil && l.Wallet != nil {
			err = w.Wallet(*l.Wallet)
		} else if err == nil {
			err = w.Attempt(*l.Attempt)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), lines
}

func readAll(s string) (got []ExportLine, err error) {
	err = ReadExport(strings.NewReader(s), func(_ int, l ExportLine) error { got = append(got, l); return nil })
	return got, err
}

func TestAnExportReadsAsItWasWritten(t *testing.T) {
	text, want := export(t)
	got, err := readAll(text)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := Parse(got[2].Attempt.Intent); err != nil {
		t.Errorf("its intents are not canonical any more: %v", err)
	}
}

func TestAnExportThatIsNotWholeIsRefused(t *testing.T) {
	text, _ := export(t)
	lines := strings.SplitAfter(text, "\n")
	for name, c := range map[string]struct{ text, want string }{
		"empty":           {"", "line 1: it has no end"},
		"cut in a line":   {text[:len(text)-20], "line 6"},
		"without its end": {strings.Join(lines[:5], ""), "line 6: it has no end"},
		"a line taken":    {strings.Join(append(lines[:3:3], lines[4:]...), ""), "line 5: its end tells of 1 wallets, 3 attempts"},
		"a number bent":   {strings.Replace(text, `"mark":8`, `"mark":0`, 1), "it was changed or cut"},
		"a line moved":    {lines[0] + lines[2] + lines[1] + strings.Join(lines[3:], ""), "line 3: a wallet after an attempt"},
		"two headers":     {lines[0] + text, "line 2: an export has one header"},
		"no header":       {strings.Join(lines[1:], ""), "line 1: an export has one header"},
		"another format":  {strings.Replace(text, ExportFormat, "coffer-export-9", 1), `format "coffer-export-9"`},
		"unknown field":   {strings.Replace(text, `"mark"`, `"mork"`, 1), `unknown field "mork"`},
		"an empty line":   {lines[0] + "{}\n", "it has 0 of header"},
		"more after it":   {text + lines[1], "line 7: data after its end"},
		"a long line":     {strings.Repeat("x", MaxExportLine+1), "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readAll(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
