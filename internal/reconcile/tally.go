package reconcile

import (
	"math/big"

	"coffer.internal/internal/store"
)

type (
	reason struct {
		Place
		why string
	}
	place struct {
		Place
		address string
		nonce   uint64
	}
	feeOf struct {
		Place
		address string
	}
	paidOf struct {
		feeOf
		contract string
	}
)

// take adds to the report what a comparison came to.
func (w *walk) take(v verdict, at Place, what string) error {
	for _, d := range v.differences {
		w.differs(d)
	}
	if len(v.unknown) > 0 {
		w.unchecked(at, what, v.unknown[0])
	}
	for _, l := range v.lines {
		if l.Checked == CheckedYes {
			w.add(l)
		}
		if w.o.Line != nil {
			if err := w.o.Line(l); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) differs(d Difference) {
	if d.Nonce != nil {
		w.reported[place{Place{d.ChainType, d.ChainID}, d.Address, *d.Nonce}] = true
	}
	if len(w.report.Differences) >= MostDifferences {
		w.report.More++
		return
	}
	w.report.Differences = append(w.report.Differences, d)
}

func (w *walk) unchecked(at Place, what, why string) {
	key := reason{at, why}
	i, there := w.reasons[key]
	if !there && len(w.reasons) >= mostReasons {
		key = reason{at, "other reasons"}
		i, there = w.reasons[key]
	}
	if !there {
		i = len(w.report.Unchecked)
		w.reasons[key] = i
		w.report.Unchecked = append(w.report.Unchecked, Unchecked{ChainType: at.ChainType, ChainID: at.ChainID, First: what, Why: key.why})
	}
	w.report.Unchecked[i].Count++
}

// add counts a transaction that the chain shows as it is noted.
func (w *walk) add(l Line) {
	w.report.Transactions++
	of := feeOf{l.Place, l.From}
	i, there := w.fees[of]
	if !there {
		i = len(w.report.Fees)
		w.fees[of] = i
		w.report.Fees = append(w.report.Fees, Fee{Place: l.Place, Address: l.From, Amount: new(big.Int)})
	}
	w.report.Fees[i].Transactions++
	w.report.Fees[i].Amount.Add(w.report.Fees[i].Amount, units(l.Fee))
	if l.Outcome != store.OutcomePaid {
		return
	}
	what := paidOf{of, l.Contract}
	if i, there = w.paid[what]; !there {
		i = len(w.report.Paid)
		w.paid[what] = i
		w.report.Paid = append(w.report.Paid, Paid{Place: l.Place, Address: l.From, Contract: l.Contract, Amount: new(big.Int)})
	}
	w.report.Paid[i].Payments++
	w.report.Paid[i].Amount.Add(w.report.Paid[i].Amount, units(l.Amount))
}

// units reads a number of base units; what is none is none.
func units(s string) *big.Int {
	if n, ok := new(big.Int).SetString(s, 10); ok {
		return n
	}
	return new(big.Int)
}
