package withdrawal

import (
	"strings"

	"coffer.internal/internal/store"
)

// waiting is a payment that waits, and for what.
type waiting struct {
	row    store.Withdrawal
	reason string
}

const noFunds = "no hot wallet has the funds for it (coffer list, then coffer info, shows each; top one up)"

// choose picks from the queue, oldest first, as many payments as there is room for in this daemon's wallets: those that one with room has
// the funds for. waits are those that no wallet has the funds for, room or not, and those above what the limits of the signing machine
// let its wallets have now: they let the others pass. Payments that are left alone for a while are passed over.
//
// This only keeps hopeless payments from being tried; who pays what is decided by the ledger, which takes each one's amount
// off before it looks at the next.
func (d demand) choose(maxUnmined int, aside func(payment string) bool, room func(walletID int64, contract string) (n int, limited bool),
) (chosen []store.Withdrawal, waits []waiting) {
	roomy, total := map[int64]bool{}, 0
	for _, w := range d.wallets {
		load := d.loads[w.ID]
		if free := maxUnmined - load.Unmined - load.ReservedForWithdrawals; free > 0 && d.mine[w.ID] && load.Brake == "" {
			roomy[w.ID] = true
			total += free
		}
	}
	if len(d.wallets) == 0 {
		total = 1 // the ledger says about the first one why no wallet can be chosen
	}
	taken := map[string]int{} // by contract
	for _, q := range d.queued {
		if len(chosen) == total {
			break
		}
		most, limited := most(roomy, q.Contract, room)
		switch funded, now := d.fundedBy(q, roomy); {
		case aside(q.Payment):
		case now && limited && taken[q.Contract] >= most:
			if !strings.HasPrefix(q.Reason, refusedBy) { // which says more
				waits = append(waits, waiting{q, reasonLimit})
			}
		case len(d.wallets) == 0 || now:
			chosen = append(chosen, q)
			taken[q.Contract]++
		case !funded:
			waits = append(waits, waiting{q, noFunds})
		}
	}
	return chosen, waits
}

// most is how many payments of an asset the limits of the signing machine let wallets have now, if all of these are limited.
func most(wallets map[int64]bool, contract string, room func(int64, string) (int, bool)) (n int, limited bool) {
	for id := range wallets {
		may, limited := room(id, contract)
		if !limited {
			return 0, false
		}
		n += may
	}
	return n, len(wallets) > 0
}

// fundedBy says whether some wallet has the funds for a payment, and whether one with room has.
func (d demand) fundedBy(q store.Withdrawal, room map[int64]bool) (ever, now bool) {
	b := d.binding(q)
	for id, p := range d.purses {
		if p.Lacks(b) == "" {
			ever = true
			now = now || room[id]
		}
	}
	return ever, now
}
