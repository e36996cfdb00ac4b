package world

import (
	"math/big"
	"slices"
	"sort"
)

// list is an account's transactions, by nonce.
type list struct{ txs []*Tx }

func (l *list) index(nonce uint64) int {
	return sort.Search(len(l.txs), func(i int) bool { return l.txs[i].Nonce() >= nonce })
}

func (l *list) at(nonce uint64) *Tx {
	if i := l.index(nonce); i < len(l.txs) && l.txs[i].Nonce() == nonce {
		return l.txs[i]
	}
	return nil
}

// put puts a transaction in. One that stands at its nonce gives way only if tx offers enough more than it on both fee fields.
func (l *list) put(tx *Tx, bump uint64) (old *Tx, ok bool) {
	i := l.index(tx.Nonce())
	if i == len(l.txs) || l.txs[i].Nonce() != tx.Nonce() {
		l.txs = slices.Insert(l.txs, i, tx)
		return nil, true
	}
	old = l.txs[i]
	if old.GasFeeCapCmp(tx.Transaction) >= 0 || old.GasTipCapCmp(tx.Transaction) >= 0 ||
		tx.GasFeeCapIntCmp(bumped(old.GasFeeCap(), bump)) < 0 || tx.GasTipCapIntCmp(bumped(old.GasTipCap(), bump)) < 0 {
		return nil, false
	}
	l.txs[i] = tx
	return old, true
}

func bumped(fee *big.Int, percent uint64) *big.Int {
	n := new(big.Int).Mul(fee, new(big.Int).SetUint64(100+percent))
	return n.Div(n, big.NewInt(100))
}

// cut takes out those from one nonce up to another, which is not included.
func (l *list) cut(from, to uint64) []*Tx {
	i, j := l.index(from), l.index(to)
	if i >= j {
		return nil
	}
	out := slices.Clone(l.txs[i:j])
	l.txs = slices.Delete(l.txs, i, j)
	return out
}

// cap takes out the highest, so that n are left.
func (l *list) cap(n int) []*Tx {
	if len(l.txs) <= n {
		return nil
	}
	return l.cut(l.txs[n].Nonce(), ^uint64(0))
}

// unpayable takes out those that cost more than there is.
func (l *list) unpayable(balance *big.Int) (out []*Tx) {
	l.txs = slices.DeleteFunc(l.txs, func(tx *Tx) bool {
		if tx.Cost().Cmp(balance) > 0 {
			out = append(out, tx)
			return true
		}
		return false
	})
	return out
}

// ready takes out those that follow one another from a nonce on, or from below it.
func (l *list) ready(next uint64) (out []*Tx) {
	if len(l.txs) == 0 || l.txs[0].Nonce() > next {
		return nil
	}
	n := 1
	for n < len(l.txs) && l.txs[n].Nonce() == l.txs[n-1].Nonce()+1 {
		n++
	}
	out = slices.Clone(l.txs[:n])
	l.txs = slices.Delete(l.txs, 0, n)
	return out
}
