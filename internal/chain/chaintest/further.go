package chaintest

import (
	"math/big"
	"strings"
	"testing"

	"coffer.internal/internal/chain"
	"coffer.internal/signing"
)

// replaces is the same payment again, which has to outbid those at its nonce.
func replaces(o chain.Order, txs ...chain.Tx) chain.Order {
	for _, tx := range txs {
		o.Replaces = append(o.Replaces, tx.Intent)
	}
	return o
}

func replace(t *testing.T, w World) {
	for _, contract := range []string{"", w.Token} {
		o := w.order(t, "one"+contract, w.Nonce, contract, 5)
		first := w.draft(t, o)[0]
		second := w.draft(t, replaces(o, first))[0]
		third := w.draft(t, replaces(o, first, second))[0]
		for _, tx := range []chain.Tx{first, second, third} {
			w.send(t, chain.Accepted, tx) // a pool that is not outbid says occupied
		}
		w.send(t, chain.Occupied, first) // it has given way
		w.Mine(t, w.Confirmations)
		if s := w.watch(t, chain.StageFinal, third)[0]; !s.Paid || !s.All {
			t.Errorf("the replacement: %+v", s)
		}
		for _, s := range w.watch(t, chain.StageAbsent, first, second) {
			if !s.All || !s.Spent || !s.SpentFinal {
				t.Errorf("what was replaced: %+v", s)
			}
		}
		if got := w.balance(t, o.Payment.To, contract); got.Cmp(o.Payment.Amount) != 0 {
			t.Errorf("the recipient has %s", got)
		}
		w.Nonce++
	}
}

// cancellation is a transfer of nothing from the payer to itself, at the nonce of a payment.
func (w World) cancellation(o chain.Order, txs ...chain.Tx) chain.Order {
	o.Purpose = signing.PurposeCancel
	o.Payment = chain.Payment{ID: o.Payment.ID, To: w.Payer, Amount: new(big.Int)}
	return replaces(o, txs...)
}

func cancel(t *testing.T, w World) {
	o := w.order(t, "one", w.Nonce, w.Token, 5)
	payment := w.draft(t, o)[0]
	cancellation := w.draft(t, w.cancellation(o, payment))[0]
	if hash, err := w.Chain.Verify(cancellation.Intent, cancellation.Raw); err != nil || hash != cancellation.Hash {
		t.Fatalf("%s, not %s: %v", hash, cancellation.Hash, err)
	}
	w.send(t, chain.Accepted, payment, cancellation)
	w.Mine(t, w.Confirmations)
	if s := w.watch(t, chain.StageFinal, cancellation)[0]; !s.Success || !s.Paid || !s.All {
		t.Errorf("the cancellation: %+v", s)
	}
	if s := w.watch(t, chain.StageAbsent, payment)[0]; !s.All || !s.Spent || !s.SpentFinal {
		t.Errorf("the payment: %+v", s)
	}
	if got := w.balance(t, o.Payment.To, w.Token); got.Sign() != 0 {
		t.Errorf("the recipient has %s", got)
	}
}

func wait(t *testing.T, w World) {
	c := w.Capped(t)
	o := w.order(t, "one", w.Nonce, w.Token, 5)
	drafts, err := c.Draft(t.Context(), []chain.Order{o, w.gapFill(w.Nonce + 1)})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range drafts {
		if d.Wait == "" || d.Intent.EVM != nil {
			t.Errorf("order %d above the cap: %+v", i, d)
		}
	}
	f, err := c.Funds(t.Context(), []string{w.Payer}, []string{w.Token})
	if err != nil {
		t.Fatal(err)
	}
	if f.Wait == "" || f.Native[w.Payer].Sign() <= 0 || f.Tokens[w.Token][w.Payer].Sign() <= 0 {
		t.Errorf("above the cap: %+v", f)
	}
	capped(t, w, o)
	txs := w.draft(t, o) // what was signed before still goes out
	for _, s := range c.Send(t.Context(), txs) {
		if s.Verdict != chain.Accepted {
			t.Errorf("%+v", s)
		}
	}
	if f, err = w.Chain.Funds(t.Context(), []string{w.Payer}, nil); err != nil || f.Wait != "" {
		t.Errorf("under the cap: %+v, %v", f, err)
	}
}

// capped holds an order to what its payment was authorized with, its replacements too.
func capped(t *testing.T, w World, o chain.Order) {
	t.Helper()
	draft := func(o chain.Order, most *big.Int) chain.Drafted {
		o.FeeCap = most
		d, err := w.Chain.Draft(t.Context(), []chain.Order{o})
		if err != nil {
			t.Fatal(err)
		}
		return d[0]
	}
	free := draft(o, nil).Intent
	again := o
	again.Replaces = []signing.Intent{free}
	most := draft(again, nil).Intent.MostFee()
	for _, d := range []chain.Drafted{draft(o, big.NewInt(1)), draft(again, free.MostFee())} {
		if !strings.HasPrefix(d.Wait, chain.AboveAuthorized) {
			t.Errorf("above what is authorized: %+v", d)
		}
	}
	for _, d := range []chain.Drafted{draft(o, free.MostFee()), draft(again, most)} {
		if d.Wait != "" || d.Intent.MostFee().Cmp(most) > 0 {
			t.Errorf("within what is authorized: %+v", d)
		}
	}
}
