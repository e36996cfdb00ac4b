package withdrawal_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/signing"
	"coffer.internal/withdrawal"
)

// keyOf is a key of the tests.
func keyOf(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

// authorization is what authorizes a request, for a time from now on.
func (w *world) authorization(r withdrawal.Request, last time.Duration) signing.Authorization {
	w.Helper()
	ledger, err := w.db.Ledger(w.Context())
	w.must(err)
	now := time.Now().Truncate(time.Second)
	if last < 0 {
		now = now.Add(last - time.Second)
	}
	return signing.Authorization{
		Ledger: ledger, Payment: r.ID, ChainType: "evm", ChainID: r.ChainID, To: r.To, Amount: r.Amount, MaxFee: ether(1).String(),
		Issued: now, Expires: now.Add(max(last, time.Second)),
	}
}

// authorized is a request with one authorization.
func (w *world) authorized(r withdrawal.Request, last time.Duration) withdrawal.Request {
	w.Helper()
	r.Authorizations = []string{w.authorization(r, last).Token(keyOf(1))}
	return r
}

// tokens are what a payment has.
func (w *world) tokens(id string) (tokens []string) {
	w.Helper()
	w.must(w.db.View(w.Context(), func(r store.Reader) error {
		all, err := r.Authorizations(w.Context(), []string{id})
		tokens = all[id]
		return err
	}))
	return tokens
}

func TestAnAuthorizationTravelsWithThePaymentToTheSigningMachine(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		r := w.request("a")
		r.Authorizations = []string{w.authorization(r, time.Hour).Token(keyOf(1)), w.authorization(r, 2*time.Hour).Token(keyOf(2))}
		got, already, err := w.desk.Submit(w.Context(), r)
		if err != nil || already || got.AuthorizedUntil == nil || time.Until(*got.AuthorizedUntil) > time.Hour {
			t.Fatalf("%+v, %v, %v", got, already, err)
		}
		var seen []signing.Request
		w.machine.batch = func(b signing.Batch) { seen = append(seen, b.Requests...) }
		w.settle()
		w.wantPaidOnce(r)
		if len(seen) != 1 || strings.Join(seen[0].Authorizations, " ") != strings.Join(r.Authorizations, " ") {
			t.Errorf("the signing machine was brought %+v", seen)
		}
	})
}

func TestWhatIsNoAuthorizationOfThePaymentIsRefused(t *testing.T) {
	onBoth(t, 0, func(w *world) {
		r := w.request("a")
		good := w.authorization(r, time.Hour)
		signed := func(change func(*signing.Authorization)) []string {
			a := good
			change(&a)
			return []string{good.Token(keyOf(1)), a.Token(keyOf(2))}
		}
		many := make([]string, 9)
		for i := range many {
			many[i] = good.Token(keyOf(byte(i + 1)))
		}
		for name, c := range map[string]struct {
			tokens []string
			code   string
			says   string
		}{
			"nine":                    {many, "too_many_authorizations", "9"},
			"nothing":                 {[]string{""}, "authorization_unreadable", "authorization 1"},
			"a wrong signature":       {[]string{good.Token(keyOf(1)) + "A"}, "authorization_unreadable", ""},
			"another ledger":          {signed(func(a *signing.Authorization) { a.Ledger = strings.Repeat("0", 32) }), "authorization_differs", "ledger"},
			"another request":         {signed(func(a *signing.Authorization) { a.Payment = "b" }), "authorization_differs", "payment"},
			"another chain":           {signed(func(a *signing.Authorization) { a.ChainID = 1 }), "authorization_differs", "chain_id"},
			"another customer":        {signed(func(a *signing.Authorization) { a.To = w.recipient() }), "authorization_differs", "to"},
			"a token":                 {signed(func(a *signing.Authorization) { a.Asset = r.To }), "authorization_differs", "asset"},
			"another amount":          {signed(func(a *signing.Authorization) { a.Amount = "1001" }), "authorization_differs", "amount"},
			"no cap":                  {signed(func(a *signing.Authorization) { a.MaxFee = "" }), "authorization_unreadable", "max_fee"},
			"a cap that is no number": {signed(func(a *signing.Authorization) { a.MaxFee = "1e18" }), "authorization_unreadable", "max_fee"},
			"a cap below nothing":     {signed(func(a *signing.Authorization) { a.MaxFee = "-1" }), "authorization_unreadable", "max_fee"},
			"no time":                 {signed(func(a *signing.Authorization) { a.Expires = a.Issued }), "authorization_unreadable", "expires"},
		} {
			r.Authorizations = c.tokens
			_, _, err := w.desk.Submit(t.Context(), r)
			if !errors.Is(err, fault.Usage) || fault.Code(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v (%s)", name, err, fault.Code(err))
			}
		}
		if _, _, err := w.desk.Submit(t.Context(), w.authorized(w.request("late"), -time.Minute)); !errors.Is(err, fault.Refused) || fault.Code(err) != "authorization_expired" {
			t.Errorf("an expired one: %v", err)
		}
		if all, err := w.desk.List(t.Context(), withdrawal.ListFilter{}); err != nil || len(all) != 0 {
			t.Errorf("there are %+v, %v", all, err)
		}
	})
}

// An authorization is no part of what the id stands for; a newer one takes the place of an older one, and not the other way.
func TestANewerAuthorizationTakesThePlaceOfAnOlderOne(t *testing.T) {
	onBoth(t, 0, func(w *world) {
		r := w.request("a")
		submit := func(r withdrawal.Request, already bool) {
			t.Helper()
			if _, was, err := w.desk.Submit(t.Context(), r); err != nil || was != already {
				t.Fatalf("%v, %v", was, err)
			}
		}
		wants := func(r withdrawal.Request) {
			t.Helper()
			if got := w.tokens("a"); strings.Join(got, " ") != strings.Join(r.Authorizations, " ") {
				t.Errorf("it has %v", got)
			}
		}
		submit(r, false)
		wants(r)
		hour, two := w.authorized(r, time.Hour), w.authorized(r, 2*time.Hour)
		submit(hour, true)
		wants(hour)
		submit(r, true)
		wants(hour)
		submit(two, true)
		wants(two)
		submit(hour, true)
		wants(two)
		if got := w.audits("withdrawal.authorize", "a"); len(got) != 2 || !strings.Contains(got[0].After, signing.Fingerprint(keyOf(1).Public().(ed25519.PublicKey))) {
			t.Errorf("its records: %+v", got)
		}
	})
}

// The service key signs for who brings nothing, and takes nobody's place.
func TestTheServiceKeySignsForWhoBringsNone(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		key, clock := keyOf(9), time.Now()
		w.service = withdrawal.Service{Key: func() (ed25519.PrivateKey, error) { return key, nil }, For: time.Hour, Now: func() time.Time { return clock }}
		w.setup.MaxFee = ether(2)
		w.open()
		rs := w.submit("a")
		tokens := w.tokens("a")
		if len(tokens) != 1 {
			t.Fatalf("it has %v", tokens)
		}
		got, err := signing.ParseAuthorization(tokens[0])
		w.must(err)
		want := w.authorization(rs[0], time.Hour)
		want.MaxFee, want.Issued, want.Expires = ether(2).String(), clock.Truncate(time.Second).UTC(), clock.Truncate(time.Second).UTC().Add(time.Hour)
		if got.Authorization != want || !bytes.Equal(got.Key, key.Public().(ed25519.PublicKey)) {
			t.Errorf("%+v, want %+v", got, want)
		}
		clock = clock.Add(time.Minute)
		if _, already, err := w.desk.Submit(t.Context(), rs[0]); err != nil || !already || w.tokens("a")[0] != tokens[0] {
			t.Errorf("said again: %v, %v", already, err)
		}
		clock = clock.Add(-2 * time.Hour) // what it signs now has expired
		late := w.request("late")
		if _, _, err := w.desk.Submit(t.Context(), late); fault.Code(err) != "authorization_expired" {
			t.Errorf("expired: %v", err)
		}
		clock = clock.Add(2 * time.Hour)
		res := w.reserve(w.wallets[0], "go", 1)
		to := w.recipient()
		_, err = w.engine.Pay(t.Context(), res, 0, withdrawal.PayRequest{To: to, Amount: "1000", BaseUnits: true})
		w.must(err)
		if len(w.tokens("go")) != 1 {
			t.Error("what a program pays itself has none")
		}
		officer := w.authorized(w.request("b"), 30*time.Minute)
		_, _, err = w.desk.Submit(t.Context(), officer)
		w.must(err)
		bare := officer
		bare.Authorizations = nil
		if _, already, err := w.desk.Submit(t.Context(), bare); err != nil || !already || w.tokens("b")[0] != officer.Authorizations[0] {
			t.Errorf("it took the officer's place: %v, %v", already, err)
		}
		w.service = withdrawal.Service{Key: func() (ed25519.PrivateKey, error) { return nil, errors.New("open to others") }}
		w.open()
		if _, _, err := w.desk.Submit(t.Context(), w.request("c")); err == nil {
			t.Error("a key that cannot be read is passed over")
		}
	})
}

// authorize puts other authorizations to a payment, as they will be.
func (w *world) authorize(id string, a store.Authorized) {
	w.Helper()
	w.must(w.db.Update(w.Context(), func(tx store.Tx) error {
		return tx.Authorize(w.Context(), []store.Authorization{{Payment: id, Authorized: a}})
	}))
}

// What expired before it was asked for waits, and goes on with a new authorization; it holds up nobody.
func TestAnExpiredAuthorizationWaitsAndGoesOnAfterANewOne(t *testing.T) {
	for name, bound := range map[string]bool{"queued": false, "with a nonce": true} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, 1, func(w *world) {
				r := w.request("a")
				_, _, err := w.desk.Submit(t.Context(), w.authorized(r, time.Hour))
				w.must(err)
				if bound {
					_, err := w.ledger.Bind(t.Context(), w.binding("a"))
					w.must(err)
				}
				w.authorize("a", store.Authorized{Tokens: w.tokens("a"), Until: time.Now().Add(-time.Hour), MaxFee: "1"})
				other := w.submit("b")
				w.settle()
				w.wantPaidOnce(other...)
				got := w.want("a", store.WithdrawalQueued, "")
				if !strings.HasPrefix(got.Reason, "its authorization expired at 20") || got.Nonce != nil || len(w.story("a").Attempts) != 0 {
					t.Errorf("%+v", got)
				}
				if e, err := w.desk.Explain(t.Context(), "a", withdrawal.Outside{}); err != nil || e.Cause != withdrawal.CauseAuthorization || !strings.Contains(e.Commands[0], "--request a ") {
					t.Errorf("%+v, %v", e, err)
				}
				spent := uint64(1)
				if bound {
					spent = 2 // a nonce that was given back below a signed one is filled
				}
				w.wantSpent(w.wallets[0], spent)
				if _, already, err := w.desk.Submit(t.Context(), w.authorized(r, 2*time.Hour)); err != nil || !already {
					t.Fatal(already, err)
				}
				if got := w.want("a", store.WithdrawalQueued, ""); strings.Contains(got.Reason, "expired") {
					t.Errorf("with a new one: %q", got.Reason)
				}
				w.settle()
				w.wantPaidOnce(r)
				w.wantSpent(w.wallets[0], spent+1)
			})
		})
	}
}

// Every attempt costs a nonce: one that is refused for its authorizations is not asked for again before it has others.
func TestWhatIsRefusedForItsAuthorizationsBurnsOneNonce(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		r := w.request("a")
		first, second := w.authorized(r, time.Hour), w.authorized(r, 2*time.Hour)
		second.Authorizations = append(second.Authorizations, w.authorization(r, 2*time.Hour).Token(keyOf(2)))
		w.machine.judge = func(q signing.Request) *signing.Refusal {
			if q.Intent.Payment != "a" || len(q.Authorizations) == 2 {
				return nil
			}
			return &signing.Refusal{Kind: signing.RefusedForNow, Code: "authorization_missing", Reason: "two are wanted"}
		}
		_, _, err := w.desk.Submit(t.Context(), first)
		w.must(err)
		for range 3 {
			withdrawal.ForgetAsides(w.engine)
			w.settle()
		}
		if got := w.want("a", store.WithdrawalQueued, ""); !strings.Contains(got.Reason, "two are wanted") || len(w.story("a").Attempts) != 1 {
			t.Errorf("%+v, %d attempts", got, len(w.story("a").Attempts))
		}
		w.wantSpent(w.wallets[0], 1) // its fill
		if _, _, err := w.desk.Submit(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		w.settle()
		if n := len(w.story("a").Attempts); n != 1 {
			t.Errorf("%d attempts after the same authorization came again", n)
		}
		if _, _, err := w.desk.Submit(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.wantPaidOnce(r)
		w.wantSpent(w.wallets[0], 2)
	})
}

// Newer authorizations that came while the machine refused the older ones are not taken for refused.
func TestARefusalOfOlderAuthorizationsSaysNothingOfNewerOnes(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		r := w.authorized(w.request("a"), time.Hour)
		newer := w.authorized(r, 2*time.Hour)
		_, _, err := w.desk.Submit(t.Context(), r)
		w.must(err)
		done := false
		w.machine.judge = func(signing.Request) *signing.Refusal {
			if done {
				return nil
			}
			done = true
			a := w.authorization(r, 2*time.Hour)
			w.authorize("a", store.Authorized{Tokens: newer.Authorizations, Until: a.Expires, MaxFee: a.MaxFee})
			return &signing.Refusal{Kind: signing.RefusedForNow, Code: "authorization_expired", Reason: "too late"}
		}
		w.settle()
		w.settle()
		w.wantPaidOnce(r)
	})
}

// Nothing is asked for that the machine would refuse for its fee.
func TestFeesStayBelowWhatIsAuthorized(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		r := w.request("a")
		a := w.authorization(r, time.Hour)
		a.MaxFee = "1"
		r.Authorizations = []string{a.Token(keyOf(1))}
		_, _, err := w.desk.Submit(t.Context(), r)
		w.must(err)
		w.settle()
		if got := w.want("a", store.WithdrawalQueued, ""); !strings.Contains(got.Reason, "fees above what is authorized: ") || len(w.story("a").Attempts) != 0 {
			t.Fatalf("%+v", got)
		}
		if e, err := w.desk.Explain(t.Context(), "a", withdrawal.Outside{}); err != nil || e.Cause != withdrawal.CauseFees || len(e.Commands) != 1 {
			t.Errorf("%+v, %v", e, err)
		}
		_, _, err = w.desk.Submit(t.Context(), w.authorized(r, 2*time.Hour))
		w.must(err)
		withdrawal.ForgetAsides(w.engine)
		w.pass("bind", "sign", "send")
		first, err := signing.Parse(w.attempt("a").Intent)
		w.must(err)

		w.authorize("a", store.Authorized{Tokens: w.tokens("a"), Until: time.Now().Add(time.Hour), MaxFee: first.MostFee().String()})
		_, _, err = w.desk.Bump(t.Context(), "a", "")
		w.must(err)
		w.pass("mend")
		if n := len(w.story("a").Attempts); n != 1 {
			t.Errorf("%d attempts, and one is all that its cap allows", n)
		}
		if got := w.want("a", store.WithdrawalAssigned, ""); !strings.Contains(got.Reason, "fees above what is authorized: ") {
			t.Errorf("its fees are not raised because %q", got.Reason)
		}
		more := new(big.Int).Mul(first.MostFee(), big.NewInt(2))
		w.authorize("a", store.Authorized{Tokens: w.tokens("a"), Until: time.Now().Add(time.Hour), MaxFee: more.String()})
		w.pass("mend")
		if n := len(w.story("a").Attempts); n != 2 {
			t.Errorf("%d attempts with a higher cap", n)
		}
		w.settle()
		w.want("a", store.WithdrawalEnded, store.OutcomePaid)
	})
}

// Whatever is asked above a limit costs a nonce: then a wallet gets one payment a minute.
func TestALimitIsTriedWithOnePaymentOfAWallet(t *testing.T) {
	onBoth(t, 2, func(w *world) {
		asked := 0
		closed := w.wallets[0].Address
		w.machine.judge = func(q signing.Request) *signing.Refusal {
			if q.Intent.Purpose != signing.PurposePayment || q.Intent.From != closed {
				return nil
			}
			asked++
			return &signing.Refusal{Kind: signing.RefusedForNow, Code: "hour_limit", Reason: "the hour is used up"}
		}
		w.submit("a", "b")
		w.settle()
		if asked == 0 {
			t.Fatal("the wallet was not tried")
		}
		first := asked
		rs := w.submit("c", "d", "e")
		w.settle()
		w.wantPaidOnce(rs...) // by the other wallet
		if asked != first {
			t.Errorf("asked %d times more within the minute", asked-first)
		}
		closed = ""
		withdrawal.ForgetAsides(w.engine)
		w.settle()
		for _, id := range []string{"a", "b"} {
			w.want(id, store.WithdrawalEnded, store.OutcomePaid)
		}
	})
}
