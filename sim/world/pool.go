package world

import (
	"math/big"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Limits are a pool's sizes, by geth's names for them. A zero one is geth's default.
type Limits struct {
	AccountSlots uint64        // executable transactions of an account that are kept for certain: 16
	AccountQueue uint64        // transactions of an account above a missing nonce: 64
	GlobalSlots  uint64        // executable ones of all accounts: 5120
	GlobalQueue  uint64        // those above a missing nonce of all accounts: 1024
	PriceBump    uint64        // what a replacement must offer more on both fee fields, in per cent: 10
	Lifetime     time.Duration // how long one above a missing nonce is kept: 3 h
}

func (l Limits) orDefaults() Limits {
	for _, f := range []struct {
		value *uint64
		geth  uint64
	}{{&l.AccountSlots, 16}, {&l.AccountQueue, 64}, {&l.GlobalSlots, 5120}, {&l.GlobalQueue, 1024}, {&l.PriceBump, 10}} {
		if *f.value == 0 {
			*f.value = f.geth
		}
	}
	if l.Lifetime == 0 {
		l.Lifetime = 3 * time.Hour
	}
	return l
}

// pool is a node's: the rules of core/txpool/legacypool of go-ethereum 1.17, in its order of steps. A test holds it to the real one.
type pool struct {
	limits  Limits
	now     func() time.Time
	head    *Block
	pending map[common.Address]*list
	queued  map[common.Address]*list
	all     map[common.Hash]*Tx
	nonces  map[common.Address]uint64 // the next executable nonce, where it is not the chain's
	beats   map[common.Address]time.Time
}

func newPool(l Limits, now func() time.Time, head *Block) *pool {
	p := &pool{limits: l, now: now, head: head}
	p.clear()
	return p
}

// clear drops everything, as a node that is started again.
func (p *pool) clear() {
	p.pending, p.queued = map[common.Address]*list{}, map[common.Address]*list{}
	p.all, p.nonces, p.beats = map[common.Hash]*Tx{}, map[common.Address]uint64{}, map[common.Address]time.Time{}
}

// next is an account's next executable nonce.
func (p *pool) next(a common.Address) uint64 {
	if n, there := p.nonces[a]; there {
		return n
	}
	return p.head.state.nonce(a)
}

func (p *pool) lower(a common.Address, nonce uint64) {
	if nonce < p.next(a) {
		p.nonces[a] = nonce
	}
}

// add takes a transaction, or says why not. What it takes may be gone when it returns.
func (p *pool) add(tx *Tx) error {
	if err := p.insert(tx); err != nil {
		return err
	}
	p.promote([]common.Address{tx.From})
	p.truncate()
	return nil
}

func (p *pool) insert(tx *Tx) error {
	if p.all[tx.Hash()] != nil {
		return errAlreadyKnown
	}
	if err := p.validate(tx); err != nil {
		return err
	}
	if uint64(len(p.all)+1) > p.limits.GlobalSlots+p.limits.GlobalQueue {
		if err := p.makeRoom(tx); err != nil {
			return err
		}
	}
	if l := p.pending[tx.From]; l != nil && l.at(tx.Nonce()) != nil {
		old, ok := l.put(tx, p.limits.PriceBump)
		if !ok {
			return errReplaceUnderpriced
		}
		delete(p.all, old.Hash())
		p.all[tx.Hash()] = tx
		p.beat(tx.From)
		return nil
	}
	return p.enqueue(tx)
}

// enqueue puts one into the queue; it is promoted afterwards if it is executable.
func (p *pool) enqueue(tx *Tx) error {
	l := p.queued[tx.From]
	if l == nil {
		l = &list{}
		p.queued[tx.From] = l
	}
	old, ok := l.put(tx, p.limits.PriceBump)
	if !ok {
		return errReplaceUnderpriced
	}
	if old != nil {
		delete(p.all, old.Hash())
	}
	if _, there := p.beats[tx.From]; !there {
		p.beats[tx.From] = p.now()
	}
	p.all[tx.Hash()] = tx
	return nil
}

func (p *pool) beat(a common.Address) {
	if _, there := p.beats[a]; there {
		p.beats[a] = p.now()
	}
}

// makeRoom drops the cheapest of a full pool, if tx is not the cheapest itself.
func (p *pool) makeRoom(tx *Tx) error {
	cheapest := p.cheapest()
	if cheapest == nil || p.price(cheapest, tx) >= 0 {
		return errUnderpriced
	}
	if l := p.pending[cheapest.From]; p.gapped(tx) && l != nil && l.at(cheapest.Nonce()) != nil {
		return errFutureReplacePending
	}
	p.remove(cheapest)
	return nil
}

// price compares what two are worth to a miner now.
func (p *pool) price(a, b *Tx) int {
	base := nextBaseFee(p.head)
	if c := effectiveTip(a, base).Cmp(effectiveTip(b, base)); c != 0 {
		return c
	}
	if c := a.GasFeeCapCmp(b.Transaction); c != 0 {
		return c
	}
	return a.GasTipCapCmp(b.Transaction)
}

// effectiveTip is what a miner gets for a unit of gas; negative if the cap is below the base fee.
func effectiveTip(tx *Tx, base *big.Int) *big.Int {
	tip, _ := tx.EffectiveGasTip(base) // the error says that it is negative
	return tip
}

func (p *pool) cheapest() (low *Tx) {
	for _, lists := range []map[common.Address]*list{p.pending, p.queued} {
		for _, a := range addresses(lists) {
			for _, tx := range lists[a].txs {
				if low == nil || p.price(tx, low) < 0 || p.price(tx, low) == 0 && tx.Nonce() > low.Nonce() {
					low = tx
				}
			}
		}
	}
	return low
}

// gapped says whether a nonce is missing below a transaction.
func (p *pool) gapped(tx *Tx) bool {
	for n := p.next(tx.From); n < tx.Nonce(); n++ {
		if l := p.queued[tx.From]; l == nil || l.at(n) == nil {
			return true
		}
	}
	return false
}

// remove takes one out; the executable ones above it go back into the queue.
func (p *pool) remove(tx *Tx) {
	delete(p.all, tx.Hash())
	if l := p.pending[tx.From]; l != nil && l.at(tx.Nonce()) == tx {
		l.cut(tx.Nonce(), tx.Nonce()+1)
		for _, above := range l.cut(tx.Nonce(), ^uint64(0)) {
			_ = p.enqueue(above) // there is nothing at its nonce
		}
		dropEmpty(p.pending, tx.From)
		p.lower(tx.From, tx.Nonce())
		return
	}
	if l := p.queued[tx.From]; l != nil && l.at(tx.Nonce()) == tx {
		l.cut(tx.Nonce(), tx.Nonce()+1)
		p.dropQueue(tx.From)
	}
}

func dropEmpty(lists map[common.Address]*list, a common.Address) {
	if l := lists[a]; l != nil && len(l.txs) == 0 {
		delete(lists, a)
	}
}

func (p *pool) dropQueue(a common.Address) {
	if l := p.queued[a]; l != nil && len(l.txs) == 0 {
		delete(p.queued, a)
		delete(p.beats, a)
	}
}

// promote makes what is executable in the queue pending, and drops what can never be or is too much.
func (p *pool) promote(accounts []common.Address) {
	for _, a := range accounts {
		l := p.queued[a]
		if l == nil {
			continue
		}
		p.forget(l.cut(0, p.head.state.nonce(a)))
		p.forget(l.unpayable(p.head.state.balance(a)))
		for _, tx := range l.ready(p.next(a)) {
			p.promoteOne(a, tx)
		}
		p.forget(l.cap(int(p.limits.AccountQueue)))
		p.dropQueue(a)
	}
}

func (p *pool) promoteOne(a common.Address, tx *Tx) {
	l := p.pending[a]
	if l == nil {
		l = &list{}
		p.pending[a] = l
	}
	old, ok := l.put(tx, p.limits.PriceBump)
	if !ok {
		delete(p.all, tx.Hash())
		return
	}
	if old != nil {
		delete(p.all, old.Hash())
	}
	p.nonces[a] = tx.Nonce() + 1
	p.beat(a)
}

func (p *pool) forget(txs []*Tx) {
	for _, tx := range txs {
		delete(p.all, tx.Hash())
	}
}

// reset goes over to a new head. back are transactions of blocks that were left behind.
func (p *pool) reset(head *Block, back []*Tx) {
	p.head, p.nonces = head, map[common.Address]uint64{}
	for _, tx := range back {
		_ = p.insert(tx) // what does not fit any more is gone
	}
	p.promote(addresses(p.queued))
	p.demote()
	for a, l := range p.pending {
		p.nonces[a] = l.txs[len(l.txs)-1].Nonce() + 1
	}
	p.truncate()
}

// demote drops what is mined or cannot be paid for, and puts what is above that back into the queue.
func (p *pool) demote() {
	for _, a := range addresses(p.pending) {
		l := p.pending[a]
		nonce := p.head.state.nonce(a)
		p.forget(l.cut(0, nonce))
		if drops := l.unpayable(p.head.state.balance(a)); len(drops) > 0 {
			p.forget(drops)
			for _, tx := range l.cut(drops[0].Nonce(), ^uint64(0)) {
				_ = p.enqueue(tx)
			}
		}
		if len(l.txs) > 0 && l.at(nonce) == nil {
			for _, tx := range l.cut(0, ^uint64(0)) {
				_ = p.enqueue(tx)
			}
		}
		dropEmpty(p.pending, a)
	}
}

// truncate keeps the pool within its sizes: of the accounts with more than their share, those with most lose first.
func (p *pool) truncate() {
	pending, queued := 0, 0
	for _, l := range p.pending {
		pending += len(l.txs)
	}
	for pending > int(p.limits.GlobalSlots) {
		most := p.largest()
		if most == nil {
			break
		}
		p.forget(most.cap(len(most.txs) - 1))
		last := most.txs[len(most.txs)-1]
		p.lower(last.From, last.Nonce()+1)
		pending--
	}
	for _, l := range p.queued {
		queued += len(l.txs)
	}
	for queued > int(p.limits.GlobalQueue) {
		a := p.oldest()
		l := p.queued[a]
		p.forget(l.cap(len(l.txs) - 1))
		p.dropQueue(a)
		queued--
	}
}

// largest is the longest executable list above its share; nil: none is.
func (p *pool) largest() (most *list) {
	for _, a := range addresses(p.pending) {
		if l := p.pending[a]; uint64(len(l.txs)) > p.limits.AccountSlots && (most == nil || len(l.txs) > len(most.txs)) {
			most = l
		}
	}
	return most
}

// oldest is the account whose queue was least lately touched.
func (p *pool) oldest() (old common.Address) {
	for i, a := range addresses(p.queued) {
		if i == 0 || p.beats[a].Before(p.beats[old]) {
			old = a
		}
	}
	return old
}

// age drops what has stood in the queue too long.
func (p *pool) age() {
	for _, a := range addresses(p.queued) {
		if p.now().Sub(p.beats[a]) > p.limits.Lifetime {
			p.forget(p.queued[a].cut(0, ^uint64(0)))
			p.dropQueue(a)
		}
	}
}

// spent is what an account's executable transactions cost at most.
func (p *pool) spent(a common.Address) *big.Int {
	sum := new(big.Int)
	if l := p.pending[a]; l != nil {
		for _, tx := range l.txs {
			sum.Add(sum, tx.Cost())
		}
	}
	return sum
}

// addresses are a map's keys in order: a run must not depend on a map's.
func addresses(m map[common.Address]*list) []common.Address {
	all := make([]common.Address, 0, len(m))
	for a := range m {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b common.Address) int { return a.Cmp(b) })
	return all
}

// executable are those that a miner may take, by account and nonce.
func (p *pool) executable() (all []*Tx) {
	for _, a := range addresses(p.pending) {
		all = append(all, p.pending[a].txs...)
	}
	return all
}

// content is everything, the executable ones first.
func (p *pool) content() []*Tx {
	all := p.executable()
	for _, a := range addresses(p.queued) {
		all = append(all, p.queued[a].txs...)
	}
	return all
}
