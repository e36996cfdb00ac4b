package chaintest

import (
	"fmt"
	"math/big"
	"testing"

	"coffer.internal/internal/chain"
)

// Run runs the suite. start makes a world for each of its tests.
func Run(t *testing.T, start func(t *testing.T) World) {
	for _, s := range []struct {
		name string
		test func(*testing.T, World)
	}{
		{"a payment in coin is mined, then final, and paid", payCoin},
		{"a payment in a token is mined, then final, and paid", payToken},
		{"many nonces go out in one call and are all paid", payMany},
		{"a gap fill is paid when it succeeds", fillGap},
		{"a replacement with higher fees is paid in the first one's stead", replace},
		{"a cancellation is mined in the payment's stead", cancel},
		{"fees above a cap make it wait, and nothing else", wait},
		{"the same bytes again are known, and once mined their nonce is too low", sendAgain},
		{"another transaction at a nonce the chain spent is too low, absent and spent", sendToSpent},
		{"another transaction at a nonce in the pool finds it occupied", sendToOccupied},
		{"what was never sent is absent and its nonce not spent", watchUnsent},
		{"F05 a dropped answer is unknown, and the transaction is found by its hash", dropAnswer},
		{"a silent node makes everything unknown and nothing false", silence},
		{"a wallet without coin cannot pay for its transaction", sendUnfunded},
		{"F31 a transfer that reverts is final, not a success, and costs its fee", revert},
		{"another chain's id is refused, and nothing else is asked", wrongChain},
		{"what was drafted verifies, and any other intent does not", verify},
		{"vetting refuses what can never be paid, and nothing for lack of funds", vet},
		{"counts follow what was mined and what waits", counts},
	} {
		t.Run(s.name, func(t *testing.T) { s.test(t, start(t)) })
	}
}

func payCoin(t *testing.T, w World)  { pay(t, w, "") }
func payToken(t *testing.T, w World) { pay(t, w, w.Token) }

func pay(t *testing.T, w World, contract string) {
	o := w.order(t, "one", w.Nonce, contract, 1234)
	txs := w.draft(t, o)
	w.send(t, chain.Accepted, txs...)
	if s := w.watch(t, chain.StageAbsent, txs...)[0]; s.Spent {
		t.Fatal("in the pool, and its nonce is called spent")
	}
	w.Mine(t, 1)
	mined := w.watch(t, chain.StageMined, txs...)[0]
	w.Mine(t, w.Confirmations-2)
	w.watch(t, chain.StageMined, txs...)
	w.Mine(t, 1)
	final := w.watch(t, chain.StageFinal, txs...)[0]
	if mined.Stage = chain.StageFinal; mined != final {
		t.Errorf("mined as %+v, final as %+v", mined, final)
	}
	if !final.Success || !final.Paid || final.BlockNumber == 0 || final.BlockHash == "" {
		t.Errorf("not paid: %+v", final)
	}
	if fee, ok := new(big.Int).SetString(final.Fee, 10); !ok || fee.Sign() <= 0 {
		t.Errorf("the fee is %q", final.Fee)
	}
	if got := w.balance(t, o.Payment.To, contract); got.Cmp(o.Payment.Amount) != 0 {
		t.Errorf("the recipient has %s", got)
	}
}

func payMany(t *testing.T, w World) {
	const n = 130 // more than one batch
	var orders []chain.Order
	for i := range uint64(n) {
		contract := ""
		if i%2 == 1 {
			contract = w.Token
		}
		orders = append(orders, w.order(t, fmt.Sprint("p", i), w.Nonce+i, contract, int64(1+i)))
	}
	txs := w.draft(t, orders...)
	w.send(t, chain.Accepted, txs...)
	for range n { // a block need not take all that the pool has
		if w.Mine(t, 1); w.allMined(t, txs) {
			break
		}
	}
	w.Mine(t, w.Confirmations-1)
	for i, s := range w.watch(t, chain.StageFinal, txs...) {
		if !s.Paid {
			t.Errorf("payment %d: %+v", i, s)
		}
	}
}

func fillGap(t *testing.T, w World) {
	txs := w.draft(t, w.gapFill(w.Nonce))
	w.send(t, chain.Accepted, txs...)
	w.Mine(t, w.Confirmations)
	if s := w.watch(t, chain.StageFinal, txs...)[0]; !s.Paid {
		t.Errorf("%+v", s)
	}
}

func sendAgain(t *testing.T, w World) {
	txs := w.draft(t, w.order(t, "one", w.Nonce, "", 5))
	w.send(t, chain.Accepted, txs...)
	w.send(t, chain.Known, txs...)
	w.Mine(t, w.Confirmations)
	w.send(t, chain.NonceTooLow, txs...)
	w.watch(t, chain.StageFinal, txs...)
}

func sendToSpent(t *testing.T, w World) {
	txs := w.draft(t, w.order(t, "one", w.Nonce, "", 5), w.order(t, "two", w.Nonce, "", 6))
	w.send(t, chain.Accepted, txs[0])
	w.Mine(t, 1)
	w.send(t, chain.NonceTooLow, txs[1])
	if s := w.watch(t, chain.StageAbsent, txs[1])[0]; !s.Spent {
		t.Error("its nonce is not called spent")
	}
}

func sendToOccupied(t *testing.T, w World) {
	txs := w.draft(t, w.order(t, "one", w.Nonce, "", 5), w.order(t, "two", w.Nonce, "", 6))
	w.send(t, chain.Accepted, txs[0])
	w.send(t, chain.Occupied, txs[1])
	w.Mine(t, 1)
	w.watch(t, chain.StageMined, txs[0])
}

func watchUnsent(t *testing.T, w World) {
	if s := w.watch(t, chain.StageAbsent, w.draft(t, w.order(t, "one", w.Nonce, "", 5))...)[0]; s.Spent {
		t.Error("its nonce is called spent")
	}
}

func sendUnfunded(t *testing.T, w World) {
	intent := w.draft(t, w.order(t, "one", w.Nonce, "", 5))[0].Intent
	intent.From, intent.Nonce = w.Poor, 0
	w.send(t, chain.Unfunded, w.sign(t, intent))
}

func revert(t *testing.T, w World) {
	o := w.order(t, "one", w.Nonce, w.Token, 1)
	o.Payment.Amount = new(big.Int).Add(w.balance(t, w.Payer, w.Token), big.NewInt(1))
	txs := w.draft(t, o)
	w.send(t, chain.Accepted, txs...)
	w.Mine(t, w.Confirmations)
	if s := w.watch(t, chain.StageFinal, txs...)[0]; s.Success || s.Paid || s.Fee == "" || s.Fee == "0" {
		t.Errorf("%+v", s)
	}
}
