package main

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// further is one of few payments at one of few nonces, with one of few fees, or its cancellation, or a gap fill: whatever may be signed
// over something else comes up.
func further(from string, round int) signing.Intent {
	n := uint64(round)*4 + rand.Uint64N(8)
	i := signing.Intent{
		Version: signing.Version, Ledger: ledger, Purpose: signing.PurposePayment, ChainType: "evm", ChainID: 1, From: from, Nonce: n, Payment: fmt.Sprint("p-", n),
		EVM: &signing.EVMTransfer{
			To: to, Amount: "1", GasLimit: 21000, MaxFeePerGas: fmt.Sprint(20 + rand.IntN(10)), MaxPriorityFeePerGas: fmt.Sprint(1 + rand.IntN(10)),
		},
	}
	switch rand.IntN(8) {
	case 0:
		i.Purpose, i.EVM.To, i.EVM.Amount = signing.PurposeCancel, from, "0"
		i.EVM.MaxFeePerGas, i.EVM.MaxPriorityFeePerGas = fmt.Sprint(26+rand.IntN(10)), fmt.Sprint(8+rand.IntN(10))
	case 1:
		i.Purpose, i.Payment, i.EVM.To, i.EVM.Amount = signing.PurposeGapFill, "", from, "0"
	case 2:
		i.Nonce++ // the next payment's, or where this one goes when it is released
	case 3:
		i.EVM.Amount = "2"
	}
	return i
}

// The machine is killed while it signs replacements, cancellations and gap fills, and releases payments. Whatever the moments were:
// what it has signed in all its lives obeys the rules.
func TestF34AKilledMachineKeepsTheRulesOfReplacements(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	p := newProcess(t)
	c := p.client()
	k, err := c.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1, Ref: "hot"})
	if err != nil {
		t.Fatal(err)
	}
	r := newRecord(func(signing.Intent) []string { return nil })
	releases := map[string][]uint64{} // payment → nonces that it is known to be released from
	p.killInTheMiddle(r, c, rounds, func(round int) signing.Intent {
		i := further(k.Address, round)
		if i.Payment != "" && rand.IntN(10) == 0 {
			p.releaseWhileKilled(r, releases, i.Payment)
		}
		return i
	})
	for _, f := range r.failures {
		t.Error(f)
	}
	t.Logf("%d payments are known to be released", len(releases))
	if len(releases) == 0 {
		t.Error("nothing was released")
	}
	for id, nonces := range r.holdToTheRules(t) {
		st, err := c.Released(t.Context(), ledger, id)
		if err != nil || !st.Bound || !nonces[st.Nonce] {
			t.Fatalf("payment %s is signed at %v, and stands at %+v, %v", id, nonces, st, err)
		}
		for n := range nonces {
			if n != st.Nonce && !slices.Contains(releases[id], n) {
				releases[id] = append(releases[id], n) // it has gone from there, so it was released
			}
		}
	}
	p.nothingMoreIsSignedWhereReleased(k.Address, releases)
}

// releaseWhileKilled asks for a release. Only what is answered is known.
func (p *process) releaseWhileKilled(r *record, releases map[string][]uint64, payment string) {
	var done wire.ReleaseAnswer
	err := client.Keep(p.t.Context(), signer.AdminSocket(p.home), wire.PathRelease, wire.ReleaseRequest{Payment: payment, Reason: "a test"}, &done)
	if err != nil {
		if !errors.Is(err, fault.NotFound) && !errors.Is(err, fault.Refused) && !errors.Is(err, fault.Unreachable) {
			p.t.Errorf("release of %s: %v", payment, err)
		}
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(releases[payment], done.Nonce) {
		releases[payment] = append(releases[payment], done.Nonce)
	}
}

// holdToTheRules looks at all that was signed, in whatever order: at a nonce it is about one thing and rises in both fees, with the
// cancellations last. It gives back at which nonces each payment is.
func (r *record) holdToTheRules(t *testing.T) (nonces map[string]map[uint64]bool) {
	t.Helper()
	at := map[uint64][]signing.Intent{}
	seen := map[signing.Digest]bool{}
	nonces = map[string]map[uint64]bool{}
	replaced, cancelled := 0, 0
	for _, i := range r.asked {
		d := i.Digest()
		if seen[d] || r.answers[d].Refusal != nil {
			continue
		}
		seen[d] = true
		at[i.Nonce] = append(at[i.Nonce], i)
		if i.Payment != "" {
			if nonces[i.Payment] == nil {
				nonces[i.Payment] = map[uint64]bool{}
			}
			nonces[i.Payment][i.Nonce] = true
		}
	}
	for nonce, all := range at {
		slices.SortFunc(all, func(a, b signing.Intent) int { return number10(a.EVM.MaxFeePerGas).Cmp(number10(b.EVM.MaxFeePerGas)) })
		for k, i := range all[1:] {
			before := all[k]
			if number10(i.EVM.MaxFeePerGas).Cmp(number10(before.EVM.MaxFeePerGas)) <= 0 || number10(i.EVM.MaxPriorityFeePerGas).Cmp(number10(before.EVM.MaxPriorityFeePerGas)) <= 0 {
				t.Errorf("nonce %d: fees do not rise: %+v, then %+v", nonce, *before.EVM, *i.EVM)
			}
			if i.Payment != before.Payment {
				t.Errorf("nonce %d: signed for %q and for %q", nonce, before.Payment, i.Payment)
			}
			switch {
			case i.Purpose == before.Purpose && i.EVM.Amount == before.EVM.Amount && i.EVM.To == before.EVM.To:
				replaced++
			case i.Purpose == signing.PurposeCancel && before.Purpose == signing.PurposePayment:
				cancelled++
			default:
				t.Errorf("nonce %d: %s of %s over %s of %s", nonce, i.Purpose, i.EVM.Amount, before.Purpose, before.EVM.Amount)
			}
		}
	}
	moved := 0
	for _, n := range nonces {
		moved += len(n) - 1
	}
	t.Logf("%d nonces signed for: %d replacements, %d cancellations over a payment, %d payments at a further nonce", len(at), replaced, cancelled, moved)
	if replaced == 0 || cancelled == 0 {
		t.Error("this test has not tried what it is for")
	}
	return nonces
}

func number10(s string) *big.Int {
	n, _ := new(big.Int).SetString(s, 10)
	return n
}

// nothingMoreIsSignedWhereReleased asks for more at each closed nonce.
func (p *process) nothingMoreIsSignedWhereReleased(from string, releases map[string][]uint64) {
	p.t.Helper()
	var asked []signing.Intent
	for id, nonces := range releases {
		for _, n := range nonces {
			i := signing.Intent{
				Version: signing.Version, Ledger: ledger, Purpose: signing.PurposePayment, ChainType: "evm", ChainID: 1, From: from, Nonce: n, Payment: id,
				EVM: &signing.EVMTransfer{To: to, Amount: "1", GasLimit: 21000, MaxFeePerGas: "1000", MaxPriorityFeePerGas: "1000"},
			}
			cancel := i
			cancel.Purpose, cancel.EVM = signing.PurposeCancel, &signing.EVMTransfer{To: from, Amount: "0", GasLimit: 21000, MaxFeePerGas: "1000", MaxPriorityFeePerGas: "1000"}
			other := i
			other.Payment = "another-" + id
			asked = append(asked, i, cancel, other)
		}
	}
	answers, err := p.client().Sign(p.t.Context(), signing.BatchOf(asked...))
	if err != nil {
		p.t.Fatal(err)
	}
	for k, a := range answers {
		// The payment itself may stand at another nonce by now, which is what it is told first.
		if moved := asked[k].Payment[0] == 'p' && a.Refusal != nil && a.Refusal.Code == "payment_bound"; !moved && (a.Refusal == nil || a.Refusal.Code != "released") {
			p.t.Errorf("%s of %s at nonce %d, which is released: %+v", asked[k].Purpose, asked[k].Payment, asked[k].Nonce, a.Refusal)
		}
	}
}
