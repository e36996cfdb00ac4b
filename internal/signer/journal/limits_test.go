package journal

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"math/big"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coffer.internal/internal/signer/policy"
	"coffer.internal/signing"
)

// serviceKey authorizes in these tests.
var serviceKey = ed25519.NewKeyFromSeed([]byte("a withdrawal service of the test"))

// limited is a policy with limits of a rule for payments, as lines of each_key and all_keys.
func limited(authorizedBy, eachKey, allKeys string) string {
	return `version = 1
[[authorizer]]
name = "withdrawals"
role = "service"
key = "ed25519:` + base64.StdEncoding.EncodeToString(serviceKey.Public().(ed25519.PublicKey)) + `"
[[rule]]
name = "payments"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:*"]
assets = ["coin"]
authorized_by = ` + authorizedBy + `
[rule.each_key]
` + eachKey + `
[rule.all_keys]
` + allKeys + `
[[rule]]
name = "mending"
purposes = ["cancel", "gap_fill"]
accounts = ["hot"]
chains = ["evm:*"]
[rule.each_key]
fee_day = "100000000"
`
}

const nobody, service = `"nobody"`, `{ service = 1 }`

// used is what a counter holds now.
func (w *world) used(counter string) (hour, day string) {
	w.t.Helper()
	var u policy.Usage
	at, _ := w.Time()
	tx, err := w.db.Begin(false)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	r, err := newLimits(tx, at).counter(counter)
	if err != nil {
		w.t.Fatal(err)
	}
	u = r.usage()
	show := func(s policy.Sum) string { return fmt.Sprintf("%s fee %s count %d", s.Amount, s.Fee, s.Count) }
	return show(u.Hour), show(u.Day)
}

const (
	allKeys = "rule/payments/evm:1/coin"
	ofFrom  = allKeys + "/" + from
	fee     = 21000 * 30
)

func TestALimitIsCountedInTheTransactionOfTheSlot(t *testing.T) {
	w := newWorldUnder(t, limited(nobody, `hour = "100"`, `hour = "1000"`))
	got := w.record(all(
		payment(0, "a", "60"), payment(1, "b", "41"), payment(1, "c", "40"), payment(2, "d", "1"),
		payment(0, "a", "60"), payment(0, "x", "1"),
	)...)
	if want := " signed hour_limit signed hour_limit signed nonce_bound"; briefs(got) != want {
		t.Fatalf("got %s\nwant%s", briefs(got), want)
	}
	if r := got[1].Refusal; r.Kind != signing.RefusedForNow {
		t.Errorf("%+v", r)
	}
	want := fmt.Sprintf("100 fee %d count 2", 2*fee)
	for _, counter := range []string{ofFrom, allKeys} {
		if hour, day := w.used(counter); hour != want || day != want {
			t.Errorf("%s: %s in an hour, %s in a day; want %s: a refusal, or an answer given again, counts nothing", counter, hour, day, want)
		}
	}
	w.reopen()
	if got := briefs(w.record(all(payment(2, "e", "1"))...)); got != " hour_limit" {
		t.Errorf("after a restart:%s", got)
	}
}

func TestWhatIsInTheWindowCountsToItsEnd(t *testing.T) {
	w := newWorldUnder(t, limited(nobody, `hour = "100"
day = "150"`, `day_count = 1000`))
	start := noon.Add(59 * time.Second) // late in its step
	w.now = start
	step := func(after time.Duration, nonce uint64, id, amount, want string) {
		t.Helper()
		w.now = start.Add(after)
		if got := briefs(w.record(all(payment(nonce, id, amount))...)); got != " "+want {
			t.Errorf("after %s: %s of %s:%s, want %s", after, id, amount, got, want)
		}
	}
	step(0, 0, "a", "100", "signed")
	step(59*time.Minute+59*time.Second, 1, "b", "1", "hour_limit")
	step(time.Hour, 1, "c", "1", "hour_limit") // it is on the edge
	step(time.Hour+time.Minute, 1, "d", "50", "signed")
	step(3*time.Hour, 2, "e", "1", "day_limit")
	step(24*time.Hour, 2, "f", "1", "day_limit")
	step(24*time.Hour+10*time.Minute, 2, "g", "100", "signed")
}

func TestASumIsNeverUnderCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type event struct {
			at     int64
			amount int64
		}
		var events []event
		r := &rolling{hour: series{step: hourStep}, day: series{step: dayStep}}
		now := int64(1_800_000_000)
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now += rapid.Int64Range(0, 4000).Draw(t, "pause")
			amount := rapid.Int64Range(0, 1000).Draw(t, "amount")
			read := &rolling{hour: series{step: hourStep}, day: series{step: dayStep}}
			if err := read.decode(r.encode()); err != nil {
				t.Fatal(err)
			}
			r = read
			r.hour.forget(now, hourSteps)
			r.day.forget(now, daySteps)
			r.hour.add(now, policy.Sum{Cost: policy.Cost{Amount: big.NewInt(amount), Fee: big.NewInt(2 * amount)}, Count: 1})
			r.day.add(now, policy.Sum{Cost: policy.Cost{Amount: big.NewInt(amount), Fee: big.NewInt(2 * amount)}, Count: 1})
			events = append(events, event{now, amount})
			for _, w := range []struct {
				name         string
				got          policy.Sum
				window, step int64
			}{{"hour", r.usage().Hour, 3600, hourStep}, {"day", r.usage().Day, 86400, dayStep}} {
				var least, most, count int64
				for _, e := range events {
					if e.at > now-w.window {
						least += e.amount
						count++
					}
					if e.at > now-w.window-2*w.step {
						most += e.amount
					}
				}
				if got := w.got.Amount.Int64(); got < least || got > most || w.got.Fee.Int64() != 2*got || int64(w.got.Count) < count {
					t.Fatalf("%s: %d counted, between %d and %d are in the window; %d of %d", w.name, got, least, most, w.got.Count, count)
				}
			}
		}
	})
}

func TestAReplacementCountsWhatItCanCostMore(t *testing.T) {
	w := newWorldUnder(t, limited(nobody, `hour_count = 2`, `day_count = 1000`))
	pay := payment(0, "a", "60")
	w.record(all(pay, payment(1, "b", "7"))...)
	less := with(paying(pay, "31", "3"), func(e *signing.EVMTransfer) { e.GasLimit = 20000 }) // 620000: cheaper in all
	got := briefs(w.record(all(less, paying(pay, "40", "4"))...))
	if got != " signed signed" {
		t.Fatalf("got%s: a replacement is no second payment", got)
	}
	if hour, _ := w.used(ofFrom); hour != fmt.Sprintf("67 fee %d count 2", 21000*40+fee) {
		t.Errorf("counted %s", hour)
	}
	cancel := paying(cancellation(0, "a"), "50", "5")
	if got := briefs(w.record(all(cancel)...)); got != " signed" {
		t.Fatalf("got%s", got)
	}
	if _, day := w.used("rule/mending/evm:1/coin/" + from); day != fmt.Sprintf("0 fee %d count 0", 21000*10) {
		t.Errorf("the cancellation counted %s, not what it can cost more", day)
	}
	if hour, _ := w.used(ofFrom); hour != fmt.Sprintf("67 fee %d count 2", 21000*40+fee) {
		t.Errorf("counted %s after the cancellation", hour)
	}
}

func TestAReleasedPaymentCountsAnewAndWantsAuthorizationsAnew(t *testing.T) {
	w := newWorldUnder(t, limited(service, `hour = "150"`, `day_count = 1000`))
	authorized := func(i signing.Intent) Proposal {
		p := proposed(i)
		to, asset, amount := i.Pays()
		p.Read, p.Authorizations = true, []signing.SignedAuthorization{{Authorization: signing.Authorization{
			Ledger: i.Ledger, Payment: i.Payment, ChainType: i.ChainType, ChainID: i.ChainID, To: to, Asset: asset, Amount: amount, MaxFee: fmt.Sprint(21000 * 40),
			Issued: noon, Expires: noon.Add(time.Hour),
		}, Key: serviceKey.Public().(ed25519.PublicKey)}}
		return p
	}
	pay := payment(0, "a", "100")
	got := briefs(w.record(
		proposed(pay), // this digest is refused for ever
		authorized(paying(pay, "29", "2")),
		proposed(paying(pay, "40", "4")), // within the cap: it needs none
		proposed(paying(pay, "41", "5")),
		authorized(paying(pay, "42", "5")), // nor does a new one help
	))
	if want := " authorization_missing signed signed fee_above_authorization fee_above_authorization"; got != want {
		t.Fatalf("got %s\nwant%s", got, want)
	}
	w.mustRelease("a")
	got = briefs(w.record(proposed(payment(1, "a", "100")), authorized(paying(payment(1, "a", "100"), "29", "2"))))
	if want := " authorization_missing hour_limit"; got != want {
		t.Errorf("after the release: got %s\nwant%s", got, want)
	}
	w.now = noon.Add(2 * time.Hour)
	if got := briefs(w.record(authorized(paying(payment(1, "a", "100"), "28", "2")))); got != " authorization_expired" {
		t.Errorf("by an old authorization:%s", got)
	}
}

// A payment that was signed before there were authorizations has no cap of them.
func TestAPaymentOfAnEarlierJournalNeedsNoAuthorizationForItsReplacement(t *testing.T) {
	w := newWorld(t)
	pay := payment(0, "a", "100")
	w.record(all(pay)...)
	w.put(payments, key(ledger, "a"), fmt.Sprintf(`{"chain_type":"evm","chain_id":1,"address":%q,"nonce":0}`, from))
	w.formerly()
	w.text = limited(service, `hour = "150"`, `day_count = 1000`)
	w.reopen()
	if got := briefs(w.record(all(paying(pay, "40", "4"))...)); got != " signed" {
		t.Errorf("got%s", got)
	}
}

func TestFiftyAtOnceAtALimitSignExactlyWhatFits(t *testing.T) {
	w := newWorldUnder(t, limited(nobody, `hour = "100"`, `hour_count = 17`))
	var mu sync.Mutex
	var wg sync.WaitGroup
	signed, refused := 0, map[string]int{}
	for n := range 50 {
		wg.Go(func() {
			answers, err := w.Record(t.Context(), all(payment(uint64(n), fmt.Sprint("p-", n), "9")))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			} else if r := answers[0].Refusal; r != nil {
				refused[r.Code]++
			} else {
				signed++
			}
		})
	}
	wg.Wait()
	if signed != 11 || refused["hour_limit"] != 39 {
		t.Errorf("%d signed, refused %v", signed, refused)
	}
	if hour, _ := w.used(allKeys); hour != fmt.Sprintf("99 fee %d count 11", 11*fee) {
		t.Errorf("counted %s", hour)
	}
}

func TestACounterThatCannotBeReadIsNoAnswer(t *testing.T) {
	for _, value := range []string{"", "\x02", "\x01", "\x01\x01", "\x01\x00\x00\x00", "\x01\x01\x05\x01\xff\x01"} {
		w := newWorldUnder(t, limited(nobody, `hour = "100"`, `day_count = 1000`))
		w.put(sums, []byte(ofFrom), value)
		if answers, err := w.Record(t.Context(), all(payment(0, "a", "1"))); err == nil {
			t.Errorf("%x: answered %+v", value, answers)
		}
	}
}

func TestF36AClockThatJumpsOpensNoLimit(t *testing.T) {
	wall, elapsed := noon, time.Duration(0)
	c := newClock(func() time.Time { return wall }, time.Time{})
	c.elapsed = func() time.Duration { return elapsed }
	wall, elapsed = noon.AddDate(1, 0, 0), time.Second
	at, latest := c.read()
	if !at.Equal(noon.Add(time.Second)) || !latest.Equal(wall) {
		t.Errorf("a year ahead: limits are counted at %s, authorizations judged at %s", at, latest)
	}
	wall, elapsed = noon.Add(-time.Hour), 2*time.Second
	if at, latest := c.read(); !at.Equal(noon.Add(2*time.Second)) || !latest.Equal(at) {
		t.Errorf("an hour back: limits are counted at %s, authorizations judged at %s", at, latest)
	}
	elapsed = 0
	if at, _ := c.read(); !at.Equal(noon.Add(2 * time.Second)) {
		t.Errorf("it went back to %s", at)
	}
}

func TestF36TheClockNeverGoesBelowTheJournalOverARestart(t *testing.T) {
	w := newWorldUnder(t, limited(nobody, `hour = "100"`, `day_count = 1000`))
	w.record(all(payment(0, "a", "100"))...)
	w.now = noon.Add(-48 * time.Hour)
	w.reopen()
	if at, _ := w.Time(); at.Before(noon) {
		t.Errorf("it is %s", at)
	}
	w.now = noon.Add(-47 * time.Hour)
	if got := briefs(w.record(all(payment(1, "b", "1"))...)); got != " hour_limit" {
		t.Errorf("after an hour of its own:%s", got)
	}
	w.now = noon.Add(-47*time.Hour + 2*time.Minute)
	if got := briefs(w.record(all(payment(1, "c", "1"))...)); got != " signed" {
		t.Errorf("after an hour and two minutes of its own:%s", got)
	}
}
