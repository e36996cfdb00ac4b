package world

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// transferGas is what a transfer of a token takes.
const transferGas = 52_000

var (
	transferSelector  = [4]byte(crypto.Keccak256([]byte("transfer(address,uint256)")))
	balanceOfSelector = [4]byte(crypto.Keccak256([]byte("balanceOf(address)")))
	transferTopic     = crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))
)

// Token is an ERC-20 contract. Its owner may change what he likes between two blocks.
type Token struct {
	Contract common.Address
	Holders  map[common.Address]*big.Int // in the first block
	Paused   bool                        // every transfer reverts
	Barred   map[common.Address]bool     // transfers to these revert
	Silent   map[common.Address]bool     // transfers to these succeed, move nothing, and log nothing
}

func (t *Token) genesis() map[common.Address]*big.Int {
	of := make(map[common.Address]*big.Int, len(t.Holders))
	for a, n := range t.Holders {
		of[a] = n
	}
	return of
}

// transfer is the call of it.
type transfer struct {
	to     common.Address
	amount *big.Int
}

func readTransfer(data []byte) (t transfer, ok bool) {
	if len(data) != 4+64 || [4]byte(data) != transferSelector {
		return t, false
	}
	return transfer{common.BytesToAddress(data[4:36]), new(big.Int).SetBytes(data[36:])}, true
}

// refuses says why a transfer reverts, in the words of the contract's code; or nothing.
func (t *Token) refuses(s state, from common.Address, c transfer) string {
	switch {
	case t.Paused:
		return "paused"
	case t.Barred[c.to]:
		return "blacklisted"
	case s.holding(t.Contract, from).Cmp(c.amount) < 0:
		return "transfer amount exceeds balance"
	}
	return ""
}

func (t *Token) move(s state, from common.Address, c transfer) []Log {
	if t.Silent[c.to] {
		return nil
	}
	of := s.holdings[t.Contract]
	of[from] = new(big.Int).Sub(s.holding(t.Contract, from), c.amount)
	of[c.to] = new(big.Int).Add(s.holding(t.Contract, c.to), c.amount)
	return []Log{{Token: t.Contract, From: from, To: c.to, Amount: c.amount}}
}
