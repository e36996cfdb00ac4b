package withdrawal

import (
	"strings"
	"sync"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/signing"
)

// throttles are wallets that a limit of the signing machine holds back. Whatever is asked above a limit costs a nonce, whose filling costs
// gas, and a limit may be used up for a day. So such a wallet is given one payment of the asset after a minute, and after each refusal
// twice as long later (longer), until one is signed; after each that is signed, one more at a time. Only the daemon that drives a wallet
// gives it payments, and hears what is said about them.
type throttles struct {
	mu  sync.Mutex // the sign step hears of limits, the bind step asks
	all map[throttled]*throttle
}

// throttled is what a limit is about.
type throttled struct {
	walletID int64
	contract string // empty: the chain's own coin
}

type throttle struct {
	until time.Time // nothing is given to it before
	width int       // how many may be given to it then

	refused time.Time     // when it was refused last
	wait    time.Duration // how long nothing was given to it after that; 0: something was signed since
}

// throttleFor is how long nothing is given to a limited wallet while what was given has no answer.
const throttleFor = time.Minute

const reasonLimit = "a limit of the signing machine for it is used up; it is tried again after a minute, then more and more seldom, down to every 16 minutes"

// isLimit says whether a refusal is about what was signed before, and not about the payment alone.
func isLimit(r signing.Refusal) bool {
	return r.Kind == signing.RefusedForNow && (strings.HasSuffix(r.Code, "_limit") || strings.HasSuffix(r.Code, "_count"))
}

// any says whether some wallet is limited at all.
func (t *throttles) any() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all) > 0
}

// refused notes that a limit was reached.
func (t *throttles) refused(at throttled, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[throttled]*throttle{}
	}
	var was throttle
	if is := t.all[at]; is != nil {
		was = *is
	}
	wait, last := longer(was.wait), now
	if now.Before(was.refused.Add(was.wait)) && !now.Before(was.refused) { // it was given together with what was refused then
		wait, last = was.wait, was.refused
	}
	t.all[at] = &throttle{until: last.Add(wait), width: 1, refused: last, wait: wait}
}

// signed notes that something was signed: the limit leaves room. Beyond most at a time it is forgotten.
func (t *throttles) signed(at throttled, now time.Time, most int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	is := t.all[at]
	if is == nil {
		return
	}
	is.until, is.width, is.wait = now, is.width+1, 0
	if is.width > most {
		delete(t.all, at)
	}
}

// room is how many payments may be given to a wallet now; limited is false if that is not bounded here.
func (t *throttles) room(at throttled, now time.Time) (n int, limited bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	is := t.all[at]
	switch {
	case is == nil:
		return 0, false
	case now.Before(is.until) && is.until.Sub(now) <= max(is.wait, throttleFor): // else the clock went back (F36)
		return 0, true
	}
	return is.width, true
}

// given notes that a payment was given to a wallet: the next waits for its answer, if there is one soon.
func (t *throttles) given(at throttled, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if is := t.all[at]; is != nil {
		is.until = now.Add(throttleFor)
	}
}

// heard notes what the signing machine said about a payment's first attempt.
func (l *lane) heard(a store.Attempt, refusal *signing.Refusal) {
	if refusal == nil {
		l.aside.signed(a.Payment)
		if !l.throttles.any() {
			return
		}
	}
	intent, err := signing.Parse(a.Intent)
	if err != nil {
		return // it was read before it was asked for
	}
	_, contract, _ := intent.Pays()
	at, now := throttled{a.WalletID, contract}, l.now()
	switch {
	case refusal == nil:
		l.throttles.signed(at, now, l.setup.MaxUnmined)
	case refusal.Kind == signing.RefusedForNow && !wantsAuthorization(*refusal):
		l.aside.refused(a.Payment, now)
		if isLimit(*refusal) {
			l.throttles.refused(at, now)
		}
	}
}

// closed gives for each payment in order the wallets that may not take it now, and why: of each throttled wallet only as many payments
// as it may get are not in it.
func (l *lane) closed(d *demand, contracts []string) []map[int64]string {
	left := map[throttled]int{}
	out := make([]map[int64]string, len(contracts))
	for i, contract := range contracts {
		for _, w := range d.wallets {
			at := throttled{w.ID, contract}
			n, limited := l.throttles.room(at, l.now())
			if !limited {
				continue
			}
			if have, seen := left[at]; seen {
				n = have
			}
			left[at] = n - 1
			if n <= 0 {
				if out[i] == nil {
					out[i] = map[int64]string{}
				}
				out[i][w.ID] = reasonLimit
			}
		}
	}
	return out
}
