package attack

import (
	"slices"
	"testing"
)

// everyAttempt is what a thief tries, in this order.
func everyAttempt() []attempt {
	return slices.Concat(payTwice, payElsewhere, burnFees, exceedLimits, forgeAuthorizations, turnTheMachine, writeIntoTheDatabase,
		comeThroughTheDoor, changeThePolicy, misuseRelease, misuseUnfreeze, lieToALoad, robBitcoin, robSolana)
}

// TestAttack makes every attempt, one after the other, each on a wallet of its own.
func TestAttack(t *testing.T) {
	all := everyAttempt()
	w := newWorld(t, len(all))
	for n, a := range all {
		t.Run(a.name, func(t *testing.T) {
			th := &thief{T: t, world: w, m: w.machine, from: w.wallets[n].Address, to: fresh(a.name)}
			a.try(th)
			th.judge(a.loot)
		})
	}
}
