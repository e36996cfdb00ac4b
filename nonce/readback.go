package nonce

import (
	"context"
	"errors"
	"slices"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/groupcommit"
	"coffer.internal/internal/store"
	"coffer.internal/wallet"
)

// readBackWithin ends the read after a commit whose outcome is unknown.
const readBackWithin = 30 * time.Second

// place is where a row of a request stands.
type place struct {
	request string
	row     int
	wallet  int64
	nonce   uint64
	fence   int64
}

// readBack finds out what became of a batch whose commit got no answer. Who is found in the database exactly as decided is
// answered so. To the rest nothing can be promised: not being there yet is no proof, for the database may still be at it.
func (l *Ledger) readBack(calls []*call, d decision, unknown error) []groupcommit.Outcome[answer] {
	there, err := l.places(calls)
	if err != nil {
		return failed(calls, uncertain(errors.Join(unknown, err)))
	}
	given := slices.Concat(d.write.Insert, d.write.Take)
	landed := len(given) == 0 || slices.ContainsFunc(given, func(n store.Nonce) bool { return there[placeHeld(n)] })
	out := failed(calls, uncertain(unknown))
	if !landed {
		return out
	}
	l.took(d)
	for i, c := range calls {
		switch o := d.answers[i]; {
		case c.kind == bindCall:
			for k, bound := range o.Value.bound {
				if bound.Err == nil && !there[placeOf(c.bind.Payments[k].Request, bound.Wallet, bound.Row)] {
					o.Value.bound[k] = Bound{Payment: bound.Payment, Err: uncertain(unknown)}
				}
			}
			out[i] = o
		case o.Err != nil || o.Value.reservation.all(there):
			out[i] = o
		}
	}
	return out
}

func placeHeld(n store.Nonce) place { return place{n.Request, n.Row, n.WalletID, n.Nonce, n.Fence} }

func placeOf(request string, w wallet.Wallet, r Row) place {
	return place{request, r.Row, w.ID, r.Nonce, r.Fence}
}

func (r Reservation) all(there map[place]bool) bool {
	for _, row := range r.Rows {
		if !there[placeOf(r.Request, r.Wallet, row)] {
			return false
		}
	}
	return true
}

func (l *Ledger) places(calls []*call) (map[place]bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readBackWithin)
	defer cancel()
	there := map[place]bool{}
	requests := wanted(calls).Requests
	if len(requests) == 0 {
		return there, nil
	}
	err := l.db.View(ctx, func(r store.Reader) error {
		rows, err := r.Nonces(ctx, store.NonceFilter{Requests: requests})
		for _, n := range rows {
			there[placeHeld(n)] = true
		}
		return err
	})
	return there, err
}

func uncertain(err error) error {
	return fault.Wrap(err, fault.Unreachable, "outcome_unknown", "ask again with the same request id: it finds what was written",
		"it is not known whether the nonces were reserved")
}
