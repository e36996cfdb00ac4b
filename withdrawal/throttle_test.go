package withdrawal

import (
	"testing"
	"time"
)

func TestALimitedWalletIsGivenMoreOneByOne(t *testing.T) {
	var l throttles
	at, now := throttled{1, "token"}, time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	wants := func(what string, n int, limited bool) {
		t.Helper()
		if got, is := l.room(at, now); got != n || is != limited {
			t.Errorf("%s: room for %d, limited %v", what, got, is)
		}
	}
	wants("before", 0, false)
	l.refused(at, now)
	wants("refused", 0, true)
	if n, limited := l.room(throttled{1, ""}, now); n != 0 || limited {
		t.Error("another asset is limited too")
	}
	now = now.Add(throttleFor - time.Second)
	wants("within the minute", 0, true)
	now = now.Add(time.Second)
	wants("after it", 1, true)
	l.given(at, now)
	wants("while it is asked for", 0, true)
	l.signed(at, now, 3)
	wants("signed", 2, true)
	l.given(at, now)
	l.signed(at, now, 3)
	wants("and again", 3, true)
	l.signed(at, now, 3)
	wants("beyond what is bound at a time", 0, false)

	l.refused(at, now.Add(365*24*time.Hour))
	wants("the clock went back", 1, true)
}

// A day's limit that is used up in the morning would else cost a gap fill a minute until the next.
func TestALimitedWalletIsTriedMoreAndMoreSeldom(t *testing.T) {
	var l throttles
	at, now := throttled{1, ""}, time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, wait := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 16 * time.Minute} {
		l.given(at, now)
		for range 3 { // all that were given at a time are refused
			now = now.Add(time.Second)
			l.refused(at, now)
		}
		first := now.Add(-2 * time.Second)
		if n, _ := l.room(at, first.Add(wait-time.Second)); n != 0 {
			t.Errorf("room before %s have passed", wait)
		}
		now = first.Add(wait)
		if n, limited := l.room(at, now); n != 1 || !limited {
			t.Errorf("room for %d after %s, limited %v", n, wait, limited)
		}
	}
	l.signed(at, now, 9)
	l.refused(at, now)
	if n, _ := l.room(at, now.Add(time.Minute)); n != 1 {
		t.Error("what was signed since is not forgotten")
	}
}

func TestARefusedPaymentIsLeftAloneLongerEachTime(t *testing.T) {
	var a asides
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, wait := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 16 * time.Minute} {
		a.refused("p", now)
		if !a.at("p", now.Add(wait-time.Second)) || a.at("p", now.Add(wait)) || a.at("q", now) {
			t.Errorf("not left alone for %s", wait)
		}
		a.put("p", now) // as something that cannot be judged, meanwhile
		now = now.Add(wait)
	}
	a.signed("p")
	a.refused("p", now)
	if a.at("p", now.Add(time.Minute)) {
		t.Error("what was signed since is not forgotten")
	}
}
