package chaintest

import (
	"errors"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

func dropAnswer(t *testing.T, w World) {
	txs := w.draft(t, w.order(t, "one", w.Nonce, "", 5), w.order(t, "two", w.Nonce+1, "", 5))
	w.DropAnswer()
	w.send(t, chain.Unknown, txs...)
	w.send(t, chain.Known, txs...)
	w.Mine(t, 1)
	w.watch(t, chain.StageMined, txs...)
}

func silence(t *testing.T, w World) {
	txs := w.draft(t, w.order(t, "one", w.Nonce, "", 5))
	w.Silence(true)
	w.send(t, chain.Unknown, txs...)
	if s := w.watch(t, chain.StageUnknown, txs...)[0]; s.Note == "" {
		t.Error("nobody says why it is unknown")
	}
	_, err := w.Chain.Funds(t.Context(), []string{w.Payer}, nil)
	unreachable(t, err)
	_, err = w.Chain.Draft(t.Context(), []chain.Order{w.order(t, "two", w.Nonce+1, "", 5)})
	unreachable(t, err)
	_, err = w.Chain.Vet(t.Context(), w.Payer, []chain.Payment{w.order(t, "two", w.Nonce+1, "", 5).Payment})
	unreachable(t, err)
	unreachable(t, w.Chain.Identify(t.Context()))
	if accounts, ok := w.Chain.(chain.Accounts); ok {
		_, err = accounts.Counts(t.Context(), []string{w.Payer})
		unreachable(t, err)
	}
	w.Silence(false)
	w.send(t, chain.Accepted, txs...)
}

func unreachable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, fault.Unreachable) || fault.Hint(err) == "" {
		t.Errorf("got %v, with the hint %q", err, fault.Hint(err))
	}
}

func wrongChain(t *testing.T, w World) {
	if err := w.Chain.Identify(t.Context()); err != nil {
		t.Fatal(err)
	}
	elsewhere := w.Elsewhere(t)
	if err := elsewhere.Identify(t.Context()); !errors.Is(err, fault.Refused) || fault.Hint(err) == "" {
		t.Errorf("got %v", err)
	}
	txs := w.draft(t, w.order(t, "one", w.Nonce, "", 5))
	if s := elsewhere.Send(t.Context(), txs)[0]; s.Verdict != chain.Unknown {
		t.Errorf("sent to another chain: %+v", s)
	}
	w.send(t, chain.Accepted, txs...) // not Known
}

func verify(t *testing.T, w World) {
	for _, tx := range w.draft(t, w.order(t, "coin", w.Nonce, "", 5), w.order(t, "token", w.Nonce, w.Token, 5), w.gapFill(w.Nonce)) {
		hash, err := w.Chain.Verify(tx.Intent, tx.Raw)
		if err != nil || hash != tx.Hash {
			t.Fatalf("%s, not %s: %v", hash, tx.Hash, err)
		}
		for i := range tx.Raw {
			bad := append([]byte(nil), tx.Raw...)
			bad[i] ^= 1
			if _, err := w.Chain.Verify(tx.Intent, bad); !errors.Is(err, fault.Refused) {
				t.Fatalf("with byte %d changed: %v", i, err)
			}
		}
		for name, change := range map[string]func(*signing.Intent){
			"nonce": func(i *signing.Intent) { i.Nonce++ },
			"chain": func(i *signing.Intent) { i.ChainID++ },
			"from":  func(i *signing.Intent) { i.From = w.Poor },
		} {
			other := tx.Intent
			change(&other)
			if _, err := w.Chain.Verify(other, tx.Raw); !errors.Is(err, fault.Refused) {
				t.Errorf("for another %s: %v", name, err)
			}
		}
	}
}

func vet(t *testing.T, w World) {
	good := func(contract string) chain.Payment { return w.order(t, "good", w.Nonce, contract, 5).Payment }
	tooMuch := new(big.Int).Lsh(big.NewInt(1), 200)
	nothing, rich, richToken, self := good(""), good(""), good(w.Token), good(w.Token)
	nothing.Amount, rich.Amount, richToken.Amount, self.To = new(big.Int), tooMuch, tooMuch, w.Token
	for _, c := range []struct {
		name    string
		payment chain.Payment
		refused bool
	}{
		{"a payment in coin", good(""), false},
		{"a payment in a token", good(w.Token), false},
		{"more coin than there is", rich, false},
		{"more of the token than there is", richToken, false},
		{"nothing", nothing, true},
		{"to the token's own contract", self, true},
	} {
		vetted, err := w.Chain.Vet(t.Context(), w.Payer, []chain.Payment{good(""), c.payment, good(w.Token)})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if len(vetted) != 3 || (vetted[1].Refusal != "") != c.refused || vetted[0].Refusal+vetted[2].Refusal != "" {
			t.Errorf("%s: %+v", c.name, vetted)
		}
	}
}

func counts(t *testing.T, w World) {
	accounts, ok := w.Chain.(chain.Accounts)
	if !ok {
		t.Skip("a chain without account nonces")
	}
	w.send(t, chain.Accepted, w.draft(t, w.order(t, "one", w.Nonce, "", 5))...)
	for _, want := range []chain.Count{
		{Latest: w.Nonce, Highest: w.Nonce, Pending: w.Nonce + 1, Nodes: 1, Agreed: true},
		{Latest: w.Nonce + 1, Highest: w.Nonce + 1, Pending: w.Nonce + 1, Nodes: 1, Agreed: true},
	} {
		poor := want
		poor.Latest, poor.Highest, poor.Pending = 0, 0, 0
		var got []chain.Count
		var err error
		soon(t, func() bool { // a node that took a transaction may count it a moment later
			got, err = accounts.Counts(t.Context(), []string{w.Poor, w.Payer, w.Poor})
			return err != nil || got[1] == want
		})
		if diff := cmp.Diff([]chain.Count{poor, want, poor}, got); err != nil || diff != "" {
			t.Errorf("%v; counts (-want +got):\n%s", err, diff)
		}
		w.Mine(t, 1)
	}
}
