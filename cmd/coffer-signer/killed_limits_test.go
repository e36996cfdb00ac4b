package main

import (
	"fmt"
	"strconv"
	"testing"

	"coffer.internal/signing"
)

// hourLimit is what may be paid in an hour in this test.
const hourLimit = 500

// total is what was signed, as far as it was answered: each payment once.
func (r *record) total(t *testing.T) (sum int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	counted := map[signing.Digest]bool{}
	for _, i := range r.asked {
		d := i.Digest()
		if a, ok := r.answers[d]; !ok || a.Refusal != nil || counted[d] {
			continue
		}
		counted[d] = true
		n, err := strconv.Atoi(i.EVM.Amount)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// The machine is killed at random moments while a limit fills. What it signed before each kill stays counted: in the end exactly the limit
// is signed, neither more (something was forgotten) nor less (something was counted that was not signed).
func TestAKilledMachineCountsExactlyWhatItSigned(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 12
	}
	p := newProcessUnder(t, `version = 1
[[rule]]
name = "payments"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:1"]
assets = ["coin"]
authorized_by = "nobody"
[rule.each_key]
hour = "`+fmt.Sprint(hourLimit)+`"
[rule.all_keys]
day = "`+fmt.Sprint(hourLimit)+`"
`)
	c := p.client()
	k, err := c.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	r := newRecord(number)
	p.killInTheMiddle(r, c, rounds, func(round int) signing.Intent { return intent(k.Address, uint64(round)*50) })
	if got := r.total(t); got > hourLimit || got == 0 {
		t.Errorf("%d is signed, and the limit is %d", got, hourLimit)
	}
	for n := range uint64(2 * hourLimit) { // fill what is left, one by one
		i := intent(k.Address, 0)
		i.Purpose, i.EVM.To, i.EVM.Amount, i.Nonce, i.Payment = signing.PurposePayment, to, "1", 1_000_000+n, fmt.Sprint("rest-", n)
		answers, err := c.Sign(t.Context(), signing.BatchOf(i))
		if err != nil {
			t.Fatal(err)
		}
		r.asked = append(r.asked, i)
		r.see([]signing.Intent{i}, answers)
		if why := answers[0].Refusal; why != nil {
			if why.Code != "hour_limit" && why.Code != "day_limit" {
				t.Errorf("%+v", why)
			}
			break
		}
	}
	if got := r.total(t); got != hourLimit {
		t.Errorf("%d is signed in the end, and the limit is %d", got, hourLimit)
	}
	for _, f := range r.failures {
		t.Error(f)
	}
}
