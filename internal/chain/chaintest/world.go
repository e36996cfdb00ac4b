// Package chaintest is the conformance suite of adapters to chains: what the engine relies on, tried on real nodes. An
// adapter's test fills in a World and calls Run.
package chaintest

import (
	"math/big"
	"slices"
	"testing"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/signing"
)

// World is one fresh chain with an adapter to it, whose blocks are made by the suite alone.
type World struct {
	Chain         chain.Chain
	ChainID       int64
	Confirmations int // what the adapter was given; at least 2

	Payer string // has coin and Token in plenty, and has sent nothing that is not mined
	Poor  string // has nothing at all
	Token string // a token's contract
	Nonce uint64 // Payer's next nonce

	// Sign signs for Payer and Poor.
	Sign func(t *testing.T, intent signing.Intent) (raw []byte, hash string)
	// Recipient makes an address that nobody has used.
	Recipient func(t *testing.T) string
	// Mine makes blocks.
	Mine func(t *testing.T, blocks int)
	// DropAnswer lets the node hear the next broadcast, and cuts the connection instead of answering.
	DropAnswer func()
	// Silence makes the node unreachable, or reachable again.
	Silence func(yes bool)
	// Elsewhere is an adapter to the same nodes, told that they are on another chain.
	Elsewhere func(t *testing.T) chain.Chain
	// Capped is an adapter to the same nodes, whose cap on fees is below what the chain takes.
	Capped func(t *testing.T) chain.Chain
}

// order is a payment of the world's payer.
func (w World) order(t *testing.T, id string, nonce uint64, contract string, amount int64) chain.Order {
	return chain.Order{
		Ledger: "ledger", Purpose: signing.PurposePayment, ChainID: w.ChainID, From: w.Payer, Nonce: nonce,
		Payment: chain.Payment{ID: id, To: w.Recipient(t), Contract: contract, Amount: big.NewInt(amount)},
	}
}

// gapFill is a transfer of nothing from the payer to itself.
func (w World) gapFill(nonce uint64) chain.Order {
	return chain.Order{
		Ledger: "ledger", Purpose: signing.PurposeGapFill, ChainID: w.ChainID, From: w.Payer, Nonce: nonce,
		Payment: chain.Payment{To: w.Payer, Amount: new(big.Int)},
	}
}

// draft drafts and signs.
func (w World) draft(t *testing.T, orders ...chain.Order) []chain.Tx {
	t.Helper()
	drafts, err := w.Chain.Draft(t.Context(), orders)
	if err != nil {
		t.Fatal(err)
	}
	if len(drafts) != len(orders) {
		t.Fatalf("%d orders, %d drafts", len(orders), len(drafts))
	}
	txs := make([]chain.Tx, len(drafts))
	for i, d := range drafts {
		if d.Wait != "" {
			t.Fatalf("no intent: %s", d.Wait)
		}
		txs[i] = w.sign(t, d.Intent)
	}
	return txs
}

func (w World) sign(t *testing.T, intent signing.Intent) chain.Tx {
	t.Helper()
	raw, hash := w.Sign(t, intent)
	return chain.Tx{Intent: intent, Raw: raw, Hash: hash}
}

// send sends, and wants one verdict for all.
func (w World) send(t *testing.T, want chain.Verdict, txs ...chain.Tx) {
	t.Helper()
	sent := w.Chain.Send(t.Context(), txs)
	if len(sent) != len(txs) {
		t.Fatalf("%d sent, %d answers", len(txs), len(sent))
	}
	for i, s := range sent {
		if s.Verdict != want {
			t.Fatalf("transaction %d is %s (%s), not %s", i, s.Verdict, s.Text, want)
		}
	}
}

// watch watches, and wants one stage for all. A node may not know for a moment (geth, while it indexes a block); that has to
// pass.
func (w World) watch(t *testing.T, want chain.Stage, txs ...chain.Tx) (seen []chain.Sighting) {
	t.Helper()
	soon(t, func() bool {
		var err error
		if seen, err = w.Chain.Watch(t.Context(), txs); err != nil {
			t.Fatal(err)
		}
		return want == chain.StageUnknown || !slices.ContainsFunc(seen, func(s chain.Sighting) bool { return s.Stage == chain.StageUnknown })
	})
	if len(seen) != len(txs) {
		t.Fatalf("%d watched, %d sightings", len(txs), len(seen))
	}
	for i, s := range seen {
		if s.Stage != want {
			t.Fatalf("transaction %d is %s (%s), not %s", i, s.Stage, s.Note, want)
		}
	}
	return seen
}

// allMined says whether each transaction is in a block.
func (w World) allMined(t *testing.T, txs []chain.Tx) bool {
	t.Helper()
	seen, err := w.Chain.Watch(t.Context(), txs)
	if err != nil {
		t.Fatal(err)
	}
	return !slices.ContainsFunc(seen, func(s chain.Sighting) bool { return s.Stage != chain.StageMined && s.Stage != chain.StageFinal })
}

// soon asks again until something is so, or five seconds are over. What it was then is the caller's to judge.
func soon(t *testing.T, so func() bool) {
	t.Helper()
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return
		}
	}
}

// balance of an address in coin, or in a token.
func (w World) balance(t *testing.T, address, contract string) *big.Int {
	t.Helper()
	var contracts []string
	if contract != "" {
		contracts = []string{contract}
	}
	f, err := w.Chain.Funds(t.Context(), []string{address}, contracts)
	if err != nil {
		t.Fatal(err)
	}
	if fee := f.MaxFee[contract]; fee == nil || fee.Sign() <= 0 {
		t.Fatalf("a payment costs %v at most", fee)
	}
	if contract != "" {
		return f.Tokens[contract][address]
	}
	return f.Native[address]
}
