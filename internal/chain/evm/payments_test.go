package evm_test

import (
	"crypto/ecdsa"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/chain/evm/testtoken"
	"coffer.internal/internal/signer/evmtx"
	"coffer.internal/signing"
)

// payment drafts and signs a payment of 5 to somebody new, at the payer's next nonce.
func (w *town) payment(t *testing.T, c chain.Chain, id, contract string) chain.Tx {
	t.Helper()
	intents, err := c.Draft(t.Context(), []chain.Order{w.order(t, id, contract, w.Recipient(t))})
	must(t, err)
	raw, hash := w.Sign(t, intents[0].Intent)
	return chain.Tx{Intent: intents[0].Intent, Raw: raw, Hash: hash}
}

func (w *town) order(t *testing.T, id, contract, to string) chain.Order {
	return chain.Order{
		Ledger: "l", Purpose: signing.PurposePayment, ChainID: w.ChainID, From: w.Payer, Nonce: w.Nonce,
		Payment: chain.Payment{ID: id, To: to, Contract: contract, Amount: big.NewInt(5)},
	}
}

func (w *town) expect(t *testing.T, c chain.Chain, tx chain.Tx, want chain.Verdict) {
	t.Helper()
	if got := c.Send(t.Context(), []chain.Tx{tx})[0]; got.Verdict != want {
		t.Fatalf("%+v, not %s", got, want)
	}
}

func (w *town) look(t *testing.T, c chain.Chain, tx chain.Tx) chain.Sighting {
	t.Helper()
	seen, err := c.Watch(t.Context(), []chain.Tx{tx})
	must(t, err)
	return seen[0]
}

func (w *town) see(t *testing.T, c chain.Chain, tx chain.Tx, want chain.Stage) chain.Sighting {
	t.Helper()
	s := w.look(t, c, tx)
	if s.Stage != want {
		t.Fatalf("%+v, not %s", s, want)
	}
	return s
}

func other(t *testing.T) string {
	t.Helper()
	return crypto.PubkeyToAddress(newKey(t).PublicKey).Hex()
}

func sign(t *testing.T, intent signing.Intent, key *ecdsa.PrivateKey) ([]byte, string) {
	t.Helper()
	raw, hash, err := evmtx.NewKey(key).Sign(intent)
	must(t, err)
	return raw, hash
}

func TestOnlyTheTokensOneLogSaysThatItWasPaid(t *testing.T) {
	for _, start := range []struct {
		name string
		node func(*testing.T, map[common.Address]*big.Int) node
	}{{"geth", startGeth}, {"anvil", startAnvil}} {
		w := newTown(t, start.node)
		for _, c := range []struct {
			name    string
			kind    testtoken.Kind
			success bool
			paid    bool
		}{
			{"a good token", testtoken.Good, true, true},
			{"a token that says nothing", testtoken.SaysNothing, true, true},
			{"a token that moves nothing", testtoken.Silent, true, false},
			{"a token that takes a fee", testtoken.TakesFee, true, false},
			{"a token with two logs", testtoken.LogsTwice, true, false},
			{"a token that says false", testtoken.SaysFalse, true, false},
		} {
			token := w.token(t, c.kind)
			tx := w.payment(t, w.Chain, c.name, token)
			w.expect(t, w.Chain, tx, chain.Accepted)
			w.Mine(t, confirmations)
			if s := w.see(t, w.Chain, tx, chain.StageFinal); s.Success != c.success || s.Paid != c.paid {
				t.Errorf("%s: %s: %+v", start.name, c.name, s)
			}
		}
	}
}

func TestF18WhatAContractRefusesIsRefusedBeforeANonceIsBound(t *testing.T) {
	for _, start := range []struct {
		name string
		node func(*testing.T, map[common.Address]*big.Int) node
	}{{"geth", startGeth}, {"anvil", startAnvil}} {
		w := newTown(t, start.node)
		bars, saysFalse, saysNothing := w.token(t, testtoken.Bars), w.token(t, testtoken.SaysFalse), w.token(t, testtoken.SaysNothing)
		refuser := w.deploy(t, testtoken.Refuser())
		// Contracts that run into INVALID, and round in circles until their gas is out.
		invalid := w.deploy(t, common.FromHex("0x60fe60005360016000f3"))
		circles := w.deploy(t, common.FromHex("0x635b60005660e01b60005260046000f3"))
		anybody, barred := w.Recipient(t), testtoken.Barred.Hex()
		for _, c := range []struct {
			name, from, to, contract, refusal string
		}{
			{"to anybody", w.Payer, anybody, "", ""},
			{"to anybody, in a token that bars another", w.Payer, anybody, bars, ""},
			{"in a token that says nothing", w.Payer, anybody, saysNothing, ""},
			{"to whom the token bars", w.Payer, barred, bars, "barred holder"},
			{"in a token that says false", w.Payer, anybody, saysFalse, "does not transfer it"},
			{"to a contract that refuses", w.Payer, refuser, "", "does not take it"},
			{"to a contract that runs into INVALID", w.Payer, invalid, "", "does not take it"},
			{"to a contract that never ends", w.Payer, circles, "", "does not take it"},
			{"from a wallet without tokens", w.Poor, anybody, w.Token, ""},
			{"from a wallet without tokens to whom they bar", w.Poor, barred, bars, ""},
			{"from a wallet without coin", w.Poor, anybody, "", ""},
			{"in a token that is not there", w.Payer, anybody, w.Poor, ""},
			{"to nobody", w.Payer, "0x0000000000000000000000000000000000000000", "", "zero address"},
			{"to a precompile", w.Payer, "0x0000000000000000000000000000000000000011", "", "precompiled"},
			{"to the precompile of EIP-7951", w.Payer, "0x0000000000000000000000000000000000000100", "", "precompiled"},
		} {
			vetted, err := w.Chain.Vet(t.Context(), c.from, []chain.Payment{w.order(t, "p", c.contract, c.to).Payment})
			if err != nil {
				t.Errorf("%s: %s: %v", start.name, c.name, err)
				continue
			}
			if got := vetted[0].Refusal; (got == "") != (c.refusal == "") || !strings.Contains(got, c.refusal) {
				t.Errorf("%s: %s: %q, not %q", start.name, c.name, got, c.refusal)
			}
		}
	}
}

func TestGasIsExactForCoinAndHasAMarginForCode(t *testing.T) {
	for _, start := range []func(*testing.T, map[common.Address]*big.Int) node{startGeth, startNextGeth, startAnvil} {
		w := newTown(t, start)
		refuser, somebody := w.deploy(t, testtoken.Refuser()), w.Recipient(t)
		poor := w.order(t, "poor", "", somebody)
		poor.From = w.Poor
		intents, err := w.Chain.Draft(t.Context(), []chain.Order{
			w.order(t, "coin", "", somebody), w.order(t, "token", w.Token, somebody), w.order(t, "refused", "", refuser), poor,
		})
		must(t, err)
		if g := intents[0].Intent.EVM.GasLimit; g != 21000 {
			t.Errorf("coin: %d", g)
		}
		if g := intents[1].Intent.EVM.GasLimit; g < 50_000 || g > 200_000 {
			t.Errorf("token: %d", g)
		}
		// One that can no longer be paid is still drafted, and holds up nobody.
		for _, d := range intents[2:] {
			i := d.Intent
			if g := i.EVM.GasLimit; g < 21000 || g > 200_000 {
				t.Errorf("%s: %d", i.Payment, g)
			}
		}
	}
}

func TestAChainWithoutBaseFeeGetsLegacyTransactions(t *testing.T) {
	w := newTown(t, startGeth)
	w.proxy.Lie(func(method string, result json.RawMessage) json.RawMessage {
		switch method {
		case "eth_feeHistory":
			return json.RawMessage(`{"oldestBlock":"0x1","baseFeePerGas":["0x0","0x0"],"gasUsedRatio":[0]}`)
		case "eth_getBlockByNumber":
			return json.RawMessage(`{"number":"0x1"}`)
		case "eth_gasPrice":
			return json.RawMessage(`"0x4a817c800"`)
		}
		return result
	})
	tx := w.payment(t, w.Chain, "one", w.Token)
	if e := tx.Intent.EVM; e.GasPrice != "20000000000" || e.MaxFeePerGas+e.MaxPriorityFeePerGas != "" {
		t.Errorf("%+v", e)
	}
	w.proxy.Lie(nil)
	w.expect(t, w.Chain, tx, chain.Accepted)
	w.Mine(t, confirmations)
	if s := w.see(t, w.Chain, tx, chain.StageFinal); !s.Paid {
		t.Errorf("%+v", s)
	}
}

func TestFeesAreAskedForOnEveryDraft(t *testing.T) {
	w := newTown(t, startGeth)
	e := w.payment(t, w.Chain, "one", "").Intent.EVM
	tip, ok := new(big.Int).SetString(e.MaxPriorityFeePerGas, 10)
	fee, ok2 := new(big.Int).SetString(e.MaxFeePerGas, 10)
	if !ok || !ok2 || tip.Sign() <= 0 || fee.Cmp(tip) <= 0 {
		t.Errorf("%+v", e)
	}
	before := w.proxy.Heard("eth_feeHistory")
	w.payment(t, w.Chain, "two", "")
	if after := w.proxy.Heard("eth_feeHistory"); after != before+1 {
		t.Errorf("asked %d times for one draft", after-before)
	}
}
