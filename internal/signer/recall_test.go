package signer

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mr-tron/base58"

	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

func seedKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

// limited is a policy that wants one authorization of the service, and has limits: 7000 wei a day and 4000 an hour for each key.
func limited(t *testing.T) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(fmt.Appendf(nil, `version = 1

[[authorizer]]
name = "service"
role = "service"
key = "ed25519:%s"

[[rule]]
name = "withdrawals"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:1"]
assets = ["coin"]
authorized_by = { service = 1 }
each_key = { hour = "4000", day = "7000" }
all_keys = { day_count = 100 }

[[rule]]
name = "on Solana"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["solana:101"]
assets = ["coin"]
authorized_by = { service = 1 }
all_keys = { day = "5000" }

[[rule]]
name = "mending"
purposes = ["cancel"]
accounts = ["hot"]
chains = ["evm:1"]
all_keys = { fee_day = "1000000000" }
`, base64.StdEncoding.EncodeToString(seedKey(1).Public().(ed25519.PublicKey))))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// limitedTwins are twins under that policy, with a clock that the test sets.
func limitedTwins(t *testing.T, now *time.Time) (old, fresh *Machine) {
	t.Helper()
	return twinsStarted(t, func(t *testing.T, home string) *Machine {
		return startWith(t, home, journal.Options{Policy: limited(t), Now: func() time.Time { return *now }})
	})
}

// tokenFor is a token for a payment, with a cap on its fee, by a key.
func tokenFor(i signing.Intent, maxFee string, by ed25519.PrivateKey, from time.Time) string {
	to, asset, amount := i.Pays()
	return signing.Authorization{
		Ledger: i.Ledger, Payment: i.Payment, ChainType: i.ChainType, ChainID: i.ChainID, To: to, Asset: asset, Amount: amount, MaxFee: maxFee,
		Issued: from, Expires: from.Add(time.Hour),
	}.Token(by)
}

// signWith asks for one intent with authorizations.
func signWith(t *testing.T, m *Machine, i signing.Intent, tokens ...string) signing.Answer {
	t.Helper()
	b := signing.BatchOf(i)
	b.Requests[0].Authorizations = tokens
	answers, err := m.Sign(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return answers[0]
}

// bumped is the same payment with another fee per gas; it can cost 21000 times that.
func bumped(i signing.Intent, perGas string) signing.Intent {
	e := *i.EVM
	e.MaxFeePerGas, e.MaxPriorityFeePerGas = perGas, perGas
	i.EVM = &e
	return i
}

const cap1M = "1000000" // above 30 × 21000 = 630000, below 50 × 21000

func loadInto(t *testing.T, m *Machine, file string) wire.LoadReport {
	t.Helper()
	a, err := m.keeping().Load(t.Context(), wire.LoadRequest{Path: file})
	if err != nil || !a.Done {
		t.Fatalf("%+v, %v", a, err)
	}
	unfreeze(t, m)
	return a.Load
}

func TestLimitsAreNotLooserAfterALoad(t *testing.T) {
	now := noon.Add(-31 * time.Hour)
	old, fresh := limitedTwins(t, &now)
	k := hotKey(t, old)
	var attempts []signing.ExportAttempt
	ps := payments(k.Address, 12)
	signNext := func(n int, at time.Time) {
		now = at
		tokens := []string{tokenFor(ps[n], cap1M, seedKey(1), at)}
		a := signWith(t, old, ps[n], tokens...)
		if a.Refusal != nil {
			t.Fatalf("payment %d: %+v", n, a.Refusal)
		}
		e := kept(ps[n], a)
		e.At, e.Authorizations = at, tokens
		attempts = append(attempts, e)
	}
	signNext(0, noon.Add(-30*time.Hour)) // out of every window
	signNext(1, noon.Add(-5*time.Hour))
	signNext(2, noon.Add(-4*time.Hour))
	signNext(3, noon.Add(-40*time.Minute))
	signNext(4, noon.Add(-10*time.Minute))
	attempts = append(attempts, asked(ps[5])) // it may be signed: it counts, as of now
	now = noon

	file := exported(t, old, k, 5, attempts...)
	got := loadInto(t, fresh, file).Counted
	sums := wire.CounterSum{HourAmount: "3000", HourFee: "1890000", HourCount: 3, DayAmount: "5000", DayFee: "3150000", DayCount: 5}
	want := []wire.CounterSum{sums, sums}
	want[0].Counter, want[1].Counter = "rule/withdrawals/evm:1/coin", "rule/withdrawals/evm:1/coin/"+k.Address
	if !slices.Equal(got, want) {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	for _, c := range []struct {
		n    int
		want string
	}{
		{6, "signed"}, // 4000 in the hour
		{7, "hour_limit"},
		{5, "signed"}, // the unanswered one is counted already
		{8, "hour_limit"},
	} {
		if got := signWith(t, fresh, ps[c.n], tokenFor(ps[c.n], cap1M, seedKey(1), noon)); codeOf(got) != c.want {
			t.Errorf("payment %d: %s, want %s", c.n, codeOf(got), c.want)
		}
	}
	now = noon.Add(2 * time.Hour) // the hour is over; 6000 in the day
	if got := signWith(t, fresh, ps[9], tokenFor(ps[9], cap1M, seedKey(1), now)); codeOf(got) != "signed" {
		t.Errorf("in the next hour: %s", codeOf(got))
	}
	if got := signWith(t, fresh, ps[10], tokenFor(ps[10], cap1M, seedKey(1), now)); codeOf(got) != "day_limit" {
		t.Errorf("the seventh and eighth thousand of the day: %s", codeOf(got))
	}
	// What the journal knows counts once, however often it is loaded.
	if again := loadInto(t, fresh, exported(t, old, k, 5, attempts[:5]...)); len(again.Counted) != 0 {
		t.Errorf("counted again: %+v", again.Counted)
	}
}

// Two clocks that differ, and times that cannot be, make no limit looser.
func TestALoadTakesNoTimeForEarlierThanTheFileSays(t *testing.T) {
	for name, c := range map[string]struct {
		at   time.Time // of a signature, by the clock of a file that was made at noon
		hour string
	}{
		"ten minutes before it": {noon.Add(-10 * time.Minute), "1000"},
		"two hours before it":   {noon.Add(-2 * time.Hour), "0"},
		"after it":              {noon.Add(time.Hour), "1000"},
		"unknown":               {time.Time{}, "1000"},
	} {
		t.Run(name, func(t *testing.T) {
			now := noon.Add(90 * time.Minute) // the file travelled, or this clock is ahead
			old, fresh := limitedTwins(t, &now)
			k := hotKey(t, old)
			p := payment(k.Address, 0, "p")
			token := tokenFor(p, cap1M, seedKey(1), now)
			e := kept(p, signWith(t, old, p, token))
			e.At, e.Authorizations = c.at, []string{token}
			r := loadInto(t, fresh, exported(t, old, k, 1, e))
			if len(r.Counted) != 2 || r.Counted[1].HourAmount != c.hour || r.Counted[1].DayAmount != "1000" {
				t.Errorf("%+v", r.Counted)
			}
		})
	}
}

// A fee replacement stays within what the payment was authorized for, also when the machine that bound it is lost.
func TestALoadedPaymentStaysBoundToItsAuthorizations(t *testing.T) {
	now := noon
	token := func(p signing.Intent, fee string, key byte) string {
		return tokenFor(p, fee, seedKey(key), noon.Add(-48*time.Hour))
	} // expired by now
	for name, c := range map[string]struct {
		tokens func(p signing.Intent) []string
		want   []string // of replacements at 40, 47 and 50 wei a unit: 840000, 987000 and 1050000 in all
	}{
		"with its authorization": {func(p signing.Intent) []string { return []string{token(p, cap1M, 1)} }, []string{"signed", "signed", "fee_above_authorization"}},
		"without":                {func(signing.Intent) []string { return nil }, []string{"fee_above_authorization", "fee_above_authorization", "fee_above_authorization"}},
		"by a stranger, higher": {func(p signing.Intent) []string { return []string{token(p, "9000000", 9)} },
			[]string{"fee_above_authorization", "fee_above_authorization", "fee_above_authorization"}},
		"by both": {func(p signing.Intent) []string { return []string{token(p, "9000000", 9), token(p, cap1M, 1)} },
			[]string{"signed", "signed", "fee_above_authorization"}},
		"of another payment": {func(p signing.Intent) []string { p.Payment = "q"; return []string{token(p, "9000000", 1)} },
			[]string{"fee_above_authorization", "fee_above_authorization", "fee_above_authorization"}},
		"below what is signed": {func(p signing.Intent) []string { return []string{token(p, "500000", 1)} },
			[]string{"fee_above_authorization", "fee_above_authorization", "fee_above_authorization"}},
	} {
		t.Run(name, func(t *testing.T) {
			old, fresh := limitedTwins(t, &now)
			k := hotKey(t, old)
			p := payment(k.Address, 0, "p")
			e := kept(p, signWith(t, old, p, tokenFor(p, "9000000", seedKey(1), noon)))
			e.Authorizations = c.tokens(p)
			loadInto(t, fresh, exported(t, old, k, 1, e))
			for n, perGas := range []string{"40", "47", "50"} {
				if got := signWith(t, fresh, bumped(p, perGas)); codeOf(got) != c.want[n] {
					t.Errorf("at %s: %s, want %s", perGas, codeOf(got), c.want[n])
				}
			}
		})
	}
}

// A payment with a replacement and a cancellation: what it is bound with is that of the first, and the most that is signed where nobody
// knows it.
func TestAllThatIsSignedForAPaymentIsLoadedWithOneBound(t *testing.T) {
	now := noon
	for name, c := range map[string]struct {
		tokens []string
		want   string // of 49 wei a unit: 1029000
	}{
		"known":   {[]string{"1100000"}, "signed"},
		"unknown": {nil, "fee_above_authorization"},
	} {
		t.Run(name, func(t *testing.T) {
			old, fresh := limitedTwins(t, &now)
			k := hotKey(t, old)
			p := payment(k.Address, 0, "p")
			tokens := []string{tokenFor(p, "9000000", seedKey(1), noon)}
			first, second := signWith(t, old, p, tokens...), signWith(t, old, bumped(p, "40"))
			var carried []string
			for _, fee := range c.tokens {
				carried = append(carried, tokenFor(p, fee, seedKey(1), noon))
			}
			one, two := kept(p, first), kept(bumped(p, "40"), second)
			one.Authorizations, two.Authorizations = carried, carried
			r := loadInto(t, fresh, exported(t, old, k, 1, one, two))
			if r.Counted[1].DayAmount != "1000" || r.Counted[1].DayFee != "840000" || r.Counted[1].DayCount != 1 {
				t.Errorf("a replacement counts its difference: %+v", r.Counted)
			}
			if got := signWith(t, fresh, bumped(p, "49")); codeOf(got) != c.want {
				t.Errorf("%s, want %s", codeOf(got), c.want)
			}
		})
	}
}

func TestACopyKnowsWhatPaymentsAreBoundWith(t *testing.T) {
	now := noon.Add(-2 * time.Hour)
	old, fresh := limitedTwins(t, &now)
	path := filepath.Join(t.TempDir(), "copy.ndjson")
	follow(t, old, path)
	k := hotKey(t, old)
	p := payment(k.Address, 0, "p")
	signWith(t, old, p, tokenFor(p, cap1M, seedKey(1), now))
	now = noon
	r := loadInto(t, fresh, path)
	if len(r.Counted) != 2 || r.Counted[1].DayAmount != "1000" || r.Counted[1].HourAmount != "0" {
		t.Errorf("%+v", r.Counted)
	}
	if got := signWith(t, fresh, bumped(p, "47")); codeOf(got) != "signed" {
		t.Errorf("within what it is bound with: %s", codeOf(got))
	}
	if got := signWith(t, fresh, bumped(p, "50")); codeOf(got) != "fee_above_authorization" {
		t.Errorf("beyond: %s", codeOf(got))
	}
}

// The attempts of one payment on Solana count once, and the last of them is the one that a further one follows.
func TestLaterAttemptsOnSolanaAreLoadedAsOnePayment(t *testing.T) {
	now := noon
	old, fresh := limitedTwins(t, &now)
	k, err := old.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "solana", ChainID: 101})
	if err != nil {
		t.Fatal(err)
	}
	attempt := func(n uint32) signing.Intent {
		i := solanaPayment(k.Address, 101, 0, "p")
		i.Solana.Attempt, i.Solana.LastValidBlockHeight = n, 300+uint64(n)
		i.Solana.RecentBlockhash = base58.Encode(bytes.Repeat([]byte{byte(n)}, 32))
		return i
	}
	token := tokenFor(attempt(1), cap1M, seedKey(1), noon)
	var file bytes.Buffer
	w, err := signing.NewExportWriter(&file, signing.ExportHeader{Ledger: ledger, Device: old.device, MadeAt: noon.Add(20 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Wallet(signing.ExportWallet{ChainType: "solana", ChainID: 101, Address: k.Address, Path: k.Path, Cursor: 1, Mark: 1}); err != nil {
		t.Fatal(err)
	}
	for n := uint32(1); n <= 2; n++ {
		a := signWith(t, old, attempt(n), token)
		if a.Refusal != nil {
			t.Fatalf("attempt %d: %+v", n, a.Refusal)
		}
		e := kept(attempt(n), a)
		e.At, e.Authorizations = now.Add(-time.Hour), []string{token} // a lie
		if err := w.Attempt(e); err != nil {
			t.Fatal(err)
		}
		now = now.Add(11 * time.Minute)
	}
	path := filepath.Join(t.TempDir(), "export.ndjson")
	if err := errors.Join(w.Close(), os.WriteFile(path, file.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	r := loadInto(t, fresh, path)
	if len(r.Counted) != 1 || r.Counted[0].DayAmount != "1000" || r.Counted[0].DayCount != 1 {
		t.Errorf("%+v", r.Counted)
	}
	if got := signWith(t, fresh, attempt(3)); codeOf(got) != "attempt_too_early" { // whatever the file says of when the second was signed
		t.Errorf("a further attempt at once: %s", codeOf(got))
	}
	now = now.Add(11 * time.Minute)
	late := attempt(3)
	late.Solana.ComputeUnitLimit = 1_000                          // the one before is refused for ever
	if got := signWith(t, fresh, late); codeOf(got) != "signed" { // without an authorization: it is bound
		t.Errorf("a further attempt, later: %s", codeOf(got))
	}
	if got := signWith(t, fresh, attempt(2)); codeOf(got) != "signed" {
		t.Errorf("the one before, again: %s", codeOf(got))
	}
}
