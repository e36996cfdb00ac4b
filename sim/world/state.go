package world

import (
	"maps"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/params"
)

// account is one as of a block. Numbers are never changed in place, so that states may share them.
type account struct {
	nonce   uint64
	balance *big.Int
}

// state is everything as of a block.
type state struct {
	accounts map[common.Address]account
	holdings map[common.Address]map[common.Address]*big.Int // by contract, then holder
}

func newState() state {
	return state{accounts: map[common.Address]account{}, holdings: map[common.Address]map[common.Address]*big.Int{}}
}

func (s state) clone() state {
	c := state{accounts: maps.Clone(s.accounts), holdings: maps.Clone(s.holdings)}
	for contract, of := range c.holdings {
		c.holdings[contract] = maps.Clone(of)
	}
	return c
}

func (s state) nonce(a common.Address) uint64 { return s.accounts[a].nonce }

func (s state) balance(a common.Address) *big.Int {
	if b := s.accounts[a].balance; b != nil {
		return b
	}
	return new(big.Int)
}

func (s state) holding(contract, holder common.Address) *big.Int {
	if n := s.holdings[contract][holder]; n != nil {
		return n
	}
	return new(big.Int)
}

func (s state) add(a common.Address, wei *big.Int) {
	was := s.accounts[a]
	was.balance = new(big.Int).Add(s.balance(a), wei)
	s.accounts[a] = was
}

// execute puts a transaction into a block that is being made. ok is false if it cannot stand there; then nothing changed.
func (w *World) execute(b *Block, tx *Tx) (r Receipt, ok bool) {
	s := b.state
	if tx.Nonce() != s.nonce(tx.From) || tx.GasFeeCapIntCmp(b.BaseFee) < 0 || s.balance(tx.From).Cmp(tx.Cost()) < 0 || tx.Gas() > gasLimit-b.GasUsed {
		return r, false
	}
	tip, err := tx.EffectiveGasTip(b.BaseFee)
	if err != nil {
		return r, false
	}
	r.Price = tip.Add(tip, b.BaseFee)
	r.GasUsed, r.Success, r.Logs = w.run(s, tx)
	spent := new(big.Int).Mul(r.Price, new(big.Int).SetUint64(r.GasUsed))
	s.add(tx.From, spent.Neg(spent))
	from := s.accounts[tx.From]
	from.nonce++
	s.accounts[tx.From] = from
	return r, true
}

// run does what a transaction wants done, or, where it fails, nothing.
func (w *World) run(s state, tx *Tx) (gas uint64, success bool, logs []Log) {
	to := tx.To()
	if to == nil {
		return tx.Gas(), false, nil // nothing here makes contracts
	}
	t := w.tokens[*to]
	if t == nil {
		s.add(tx.From, new(big.Int).Neg(tx.Value()))
		s.add(*to, tx.Value())
		return params.TxGas, true, nil
	}
	c, ok := readTransfer(tx.Data())
	if !ok || tx.Value().Sign() > 0 {
		return min(tx.Gas(), params.TxGas+500), false, nil
	}
	if tx.Gas() < transferGas {
		return tx.Gas(), false, nil
	}
	if t.refuses(s, tx.From, c) != "" {
		return params.TxGas + 5_000, false, nil
	}
	return transferGas, true, t.move(s, tx.From, c)
}
