// Package recount counts payments in the blocks of a simulated chain. It imports no package of coffer, so it cannot share a mistake
// with it: not its words, not its rows, not its reading of a transaction.
package recount

import (
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Mined is a transaction in a block of the final branch, and what it did.
type Mined struct {
	Raw     []byte
	Success bool
	Logs    []Transfer // of tokens
}

// Transfer is an amount of a token that went from one to another.
type Transfer struct {
	Token, From, To common.Address
	Amount          *big.Int
}

// Payment is one that was accepted: Amount base units of Token (zero address: the chain's own coin) to To, who gets no other. Outcome is
// what the ledger says of it: paid, refused, failed, cancelled, or nothing yet.
type Payment struct {
	ID      string
	To      common.Address
	Token   common.Address
	Amount  *big.Int
	Outcome string
}

// Count is what the blocks say.
type Count struct {
	Paid    int // recipients who have exactly what was asked for, by one transfer
	Twice   int // recipients with more than one transfer, or with more than was asked for
	Lost    int // the ledger says paid, and the recipient has nothing, or too little
	Skipped int // nonces below the highest signed one that the chain has not spent
	Wrong   []string
}

// Counter counts.
type Counter struct {
	signer types.Signer
	ours   map[common.Address]bool
	got    map[common.Address][]Transfer
	next   map[common.Address]uint64
	spent  map[Slot]Spent
}

// Spent is what has spent a nonce.
type Spent struct {
	Hash    common.Hash
	Success bool
}

// Slot is a nonce of a wallet.
type Slot struct {
	Wallet common.Address
	Nonce  uint64
}

// New makes a counter of what goes out of wallets.
func New(chainID int64, wallets []common.Address) *Counter {
	c := &Counter{
		signer: types.LatestSignerForChainID(big.NewInt(chainID)), ours: map[common.Address]bool{}, got: map[common.Address][]Transfer{},
		next: map[common.Address]uint64{}, spent: map[Slot]Spent{},
	}
	for _, w := range wallets {
		c.ours[w] = true
	}
	return c
}

// Add counts a transaction. They are added in the order of the chain.
func (c *Counter) Add(m Mined) error {
	var tx types.Transaction
	if err := tx.UnmarshalBinary(m.Raw); err != nil {
		return fmt.Errorf("a transaction in a block: %w", err)
	}
	from, err := types.Sender(c.signer, &tx)
	if err != nil {
		return fmt.Errorf("sender of %s: %w", tx.Hash(), err)
	}
	if !c.ours[from] {
		return nil
	}
	if tx.Nonce() != c.next[from] {
		return fmt.Errorf("%s has nonce %d after %d", tx.Hash(), tx.Nonce(), c.next[from])
	}
	c.next[from]++
	c.spent[Slot{from, tx.Nonce()}] = Spent{tx.Hash(), m.Success}
	if !m.Success {
		return nil
	}
	if tx.Value().Sign() > 0 && tx.To() != nil {
		c.got[*tx.To()] = append(c.got[*tx.To()], Transfer{From: from, To: *tx.To(), Amount: tx.Value()})
	}
	for _, l := range m.Logs {
		if c.ours[l.From] {
			c.got[l.To] = append(c.got[l.To], l)
		}
	}
	return nil
}

// Spent is the transaction that has spent a nonce.
func (c *Counter) Spent(s Slot) (Spent, bool) {
	spent, ok := c.spent[s]
	return spent, ok
}

// Received is how many transfers an address got.
func (c *Counter) Received(a common.Address) int { return len(c.got[a]) }

// Sum holds the payments, and the highest signed nonce of each wallet, against the blocks.
func (c *Counter) Sum(payments []Payment, highest map[common.Address]uint64) Count {
	var n Count
	wrong := func(format string, args ...any) { n.Wrong = append(n.Wrong, fmt.Sprintf(format, args...)) }
	for _, p := range payments {
		got := c.got[p.To]
		exact := len(got) == 1 && got[0].Token == p.Token && got[0].Amount.Cmp(p.Amount) == 0
		switch {
		case len(got) > 1 || len(got) == 1 && got[0].Amount.Cmp(p.Amount) > 0:
			n.Twice++
			wrong("%s got %d transfers: %v", p.ID, len(got), got)
		case exact:
			n.Paid++
			if p.Outcome != "paid" {
				wrong("%s got its money, and the ledger says %q", p.ID, p.Outcome)
			}
		case p.Outcome == "paid":
			n.Lost++
			wrong("%s is paid in the ledger, and got %v", p.ID, got)
		case len(got) == 1:
			wrong("%s got %v, asked was %s", p.ID, got, p.Amount)
		}
	}
	for wallet, nonce := range highest {
		if c.next[wallet] <= nonce {
			n.Skipped += int(nonce + 1 - c.next[wallet])
			wrong("%s has signed nonce %d, and the chain has spent those below %d", wallet, nonce, c.next[wallet])
		}
	}
	return n
}
