package main

import "testing"

func TestASuccessRateIsNeverRoundedUp(t *testing.T) {
	for want, c := range map[string][2]int{"100.0%": {1000, 1000}, "99.9%": {1999, 2000}, "0.0%": {0, 3}, "66.6%": {2, 3}} {
		if got := successRate(c[0], c[1]); got != want {
			t.Errorf("%d of %d: %s, want %s", c[0], c[1], got, want)
		}
	}
}
