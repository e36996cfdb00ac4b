package evm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/chain/evm/rpcproxy"
	"coffer.internal/internal/fault"
)

// second is another way to the same node, which the test can spoil, and the chain through both.
func second(t *testing.T, w *town) (*rpcproxy.Proxy, *evm.Chain) {
	t.Helper()
	p, c := more(t, w, 1)
	return p[0], c
}

// more are further ways to the same node, and the chain through all.
func more(t *testing.T, w *town, n int) ([]*rpcproxy.Proxy, *evm.Chain) {
	t.Helper()
	urls := []string{w.proxy.URL()}
	var proxies []*rpcproxy.Proxy
	for range n {
		p, err := rpcproxy.Start(w.node.url)
		must(t, err)
		t.Cleanup(p.Close)
		proxies, urls = append(proxies, p), append(urls, p.URL())
	}
	return proxies, newChain(t, w.ChainID, urls...)
}

// answer makes a node answer one method with always the same.
func answer(method, result string) func(string, json.RawMessage) json.RawMessage {
	return func(m string, was json.RawMessage) json.RawMessage {
		if m == method {
			return json.RawMessage(result)
		}
		return was
	}
}

func TestF37OneNodesInventedReceiptMakesNothingFinal(t *testing.T) {
	w := newTown(t, startGeth)
	p, c := second(t, w)
	tx := w.payment(t, c, "one", "")
	p.Lie(func(method string, result json.RawMessage) json.RawMessage {
		if method != "eth_getTransactionReceipt" {
			return result
		}
		return bytes.ReplaceAll(result, []byte(`"status":"0x1"`), []byte(`"status":"0x0"`))
	})
	w.expect(t, c, tx, chain.Accepted)
	w.Mine(t, confirmations)
	w.see(t, c, tx, chain.StageUnknown)
	p.Lie(func(method string, result json.RawMessage) json.RawMessage {
		if method != "eth_getTransactionReceipt" {
			return result
		}
		return json.RawMessage("null")
	})
	w.see(t, c, tx, chain.StageUnknown) // one node's chain has spent the nonce without it
	p.Lie(nil)
	if s := w.see(t, c, tx, chain.StageFinal); !s.Paid {
		t.Errorf("%+v", s)
	}
}

func TestAReceiptOfABlockThatTheNodeDoesNotHaveIsNotBelieved(t *testing.T) {
	w := newTown(t, startGeth)
	tx := w.payment(t, w.Chain, "one", "")
	w.expect(t, w.Chain, tx, chain.Accepted)
	w.Mine(t, confirmations)
	hash := []byte(w.see(t, w.Chain, tx, chain.StageFinal).BlockHash)
	elsewhere := bytes.Clone(hash)
	elsewhere[10] = "10"[elsewhere[10]&1] // another digit
	w.proxy.Lie(func(method string, result json.RawMessage) json.RawMessage {
		if method != "eth_getTransactionReceipt" {
			return result
		}
		return bytes.ReplaceAll(result, hash, elsewhere)
	})
	w.see(t, w.Chain, tx, chain.StageUnknown)
}

func TestF37AReceiptThatCannotBeTheTransactionsIsNotBelieved(t *testing.T) {
	w := newTown(t, startGeth)
	tx := w.payment(t, w.Chain, "one", "")
	w.expect(t, w.Chain, tx, chain.Accepted)
	w.Mine(t, confirmations)
	w.see(t, w.Chain, tx, chain.StageFinal)
	for what, change := range map[string]func(map[string]any){
		"of another transaction": func(r map[string]any) { r["transactionHash"] = "0x" + strings.Repeat("1", 64) },
		"of another sender":      func(r map[string]any) { r["from"] = w.Poor },
		"without a block":        func(r map[string]any) { delete(r, "blockNumber") },
		"without a block's hash": func(r map[string]any) { r["blockHash"] = "0x" + strings.Repeat("0", 64) },
		"without a status":       func(r map[string]any) { delete(r, "status") },
		"with a strange status":  func(r map[string]any) { r["status"] = "0x2" },
		"without gas":            func(r map[string]any) { delete(r, "gasUsed") },
		"without a price":        func(r map[string]any) { delete(r, "effectiveGasPrice") },
	} {
		w.proxy.Lie(func(method string, result json.RawMessage) json.RawMessage {
			if method != "eth_getTransactionReceipt" {
				return result
			}
			var r map[string]any
			if err := json.Unmarshal(result, &r); err != nil {
				t.Error(err)
			}
			change(r)
			changed, err := json.Marshal(r)
			if err != nil {
				t.Error(err)
			}
			return changed
		})
		if s := w.look(t, w.Chain, tx); s.Stage != chain.StageUnknown {
			t.Errorf("a receipt %s: %+v", what, s)
		}
	}
}

// Behind a URL, another node can come to stand at any time.
func TestF37ANodeThatBecomesOneOfAnotherChainGetsNoMorePayments(t *testing.T) {
	for what, change := range map[string]func(p *rpcproxy.Proxy, now *time.Time, probe func()){
		"a minute later":           func(_ *rpcproxy.Proxy, now *time.Time, _ func()) { *now = now.Add(time.Minute) },
		"a clock that jumped back": func(_ *rpcproxy.Proxy, now *time.Time, _ func()) { *now = now.Add(-time.Hour) },
		"after a connection that broke": func(p *rpcproxy.Proxy, _ *time.Time, probe func()) {
			p.Refuse(true)
			probe()
			p.Refuse(false)
		},
	} {
		w := newTown(t, startGeth)
		now := time.Date(2026, 11, 3, 9, 15, 0, 0, time.UTC)
		c, err := evm.New(evm.Options{ChainID: w.ChainID, RPC: []string{w.proxy.URL()}, Confirmations: 1, Now: func() time.Time { return now }})
		must(t, err)
		t.Cleanup(c.Close)
		tx := w.payment(t, c, "one", "")
		w.proxy.Lie(func(method string, result json.RawMessage) json.RawMessage {
			if method == "eth_chainId" {
				return json.RawMessage(`"0x2"`)
			}
			return result
		})
		change(w.proxy, &now, func() { w.see(t, c, tx, chain.StageUnknown) })
		w.expect(t, c, tx, chain.Unknown)
		if n := w.proxy.Heard("eth_sendRawTransaction"); n != 0 {
			t.Errorf("%s: a node of another chain got %d payments", what, n)
		}
	}
}

func TestOneNodeIsEnoughToSendAndTheMajorityDecides(t *testing.T) {
	w := newTown(t, startGeth)
	proxies, c := more(t, w, 2)
	first, last := proxies[0], proxies[1]
	first.Refuse(true)
	last.Refuse(true)
	must(t, c.Identify(t.Context()))
	tx := w.payment(t, c, "one", w.Token)
	w.expect(t, c, tx, chain.Accepted)
	w.Mine(t, confirmations)
	w.see(t, c, tx, chain.StageUnknown) // one of three
	if got := w.count(t, c); got.Agreed || got.Nodes != 1 {
		t.Errorf("with two silent nodes: %+v", got)
	}
	first.Refuse(false)
	if s := w.see(t, c, tx, chain.StageFinal); !s.Paid || s.All || !strings.Contains(s.Note, last.URL()) {
		t.Errorf("with a silent node: %+v", s)
	}
	last.Refuse(false)
	if s := w.see(t, c, tx, chain.StageFinal); !s.All || s.Note != "" {
		t.Errorf("with all nodes: %+v", s)
	}
	if got := w.count(t, c); !got.Agreed || got.Nodes != 3 {
		t.Errorf("with all nodes: %+v", got)
	}
}

// F06: that a nonce is spent without a transaction of ours is said only when every node says it, and for ever only when no reorg can
// bring it back on any.
func TestF06SpentByOthersNeedsEveryNode(t *testing.T) {
	w := newTown(t, startGeth)
	proxies, c := more(t, w, 2)
	ours := w.payment(t, c, "ours", "")
	theirs := w.payment(t, c, "theirs", "")
	w.expect(t, c, theirs, chain.Accepted)
	w.Mine(t, 1)
	if s := w.see(t, c, ours, chain.StageAbsent); !s.All || !s.Spent || s.SpentFinal {
		t.Errorf("in the latest block: %+v", s)
	}
	w.Mine(t, confirmations-1)
	if s := w.see(t, c, ours, chain.StageAbsent); !s.Spent || !s.SpentFinal {
		t.Errorf("deep enough: %+v", s)
	}
	for what, lie := range map[string]func(string, json.RawMessage) json.RawMessage{
		"is behind": answer("eth_getTransactionCount", `"0x1"`),
		"still indexes": func(method string, result json.RawMessage) json.RawMessage {
			if method == "eth_getTransactionReceipt" {
				return nil // neither a result nor an error
			}
			return result
		},
	} {
		proxies[1].Lie(lie)
		if s := w.see(t, c, ours, chain.StageAbsent); s.Spent || s.SpentFinal {
			t.Errorf("a node %s: %+v", what, s)
		}
		proxies[1].Lie(nil)
	}
	proxies[1].Refuse(true)
	if s := w.see(t, c, ours, chain.StageAbsent); s.Spent || s.SpentFinal || s.All {
		t.Errorf("a node is silent: %+v", s)
	}
}

func TestANodeOfAnotherChainIsNamedAndNotAsked(t *testing.T) {
	w := newTown(t, startGeth)
	p, c := second(t, w)
	p.Lie(func(method string, result json.RawMessage) json.RawMessage {
		if method == "eth_chainId" {
			return json.RawMessage(`"0x2"`)
		}
		return result
	})
	err := c.Identify(t.Context())
	if want := p.URL() + " is on chain 2, wanted 1337"; !errors.Is(err, fault.Refused) || !bytes.Contains([]byte(err.Error()), []byte(want)) {
		t.Errorf("got %v", err)
	}
	w.expect(t, c, w.payment(t, c, "one", ""), chain.Accepted)
	if n := p.Heard("eth_sendRawTransaction"); n != 0 {
		t.Errorf("the node of another chain got %d payments", n)
	}
}

func TestTheLowestOfSeveralBalancesCounts(t *testing.T) {
	w := newTown(t, startGeth)
	p, c := second(t, w)
	p.Lie(func(method string, result json.RawMessage) json.RawMessage {
		switch method {
		case "eth_getBalance":
			return json.RawMessage(`"0x7"`)
		case "eth_call":
			return json.RawMessage(`"0x0000000000000000000000000000000000000000000000000000000000000009"`)
		}
		return result
	})
	f, err := c.Funds(t.Context(), []string{w.Payer}, []string{w.Token, w.Poor})
	must(t, err)
	if f.Native[w.Payer].Cmp(big.NewInt(7)) != 0 || f.Tokens[w.Token][w.Payer].Cmp(big.NewInt(9)) != 0 {
		t.Errorf("%v", f)
	}
	if n := f.Tokens[w.Poor][w.Payer]; n.Sign() != 0 {
		t.Errorf("where no token stands the payer has %s", n)
	}
}

// F29: geth puts the transactions of a block that was left behind back into its pool and mines them again.
func TestF29AReorgTakesAPaymentBackAndMinesItAgain(t *testing.T) {
	w := newTown(t, startGeth)
	parent := w.geth.Commit()
	tx := w.payment(t, w.Chain, "one", w.Token)
	w.expect(t, w.Chain, tx, chain.Accepted)
	w.Mine(t, 1)
	before := w.see(t, w.Chain, tx, chain.StageMined)
	must(t, w.geth.Fork(parent))
	if s := w.look(t, w.Chain, tx); s.Stage == chain.StageMined || s.Stage == chain.StageFinal || s.Spent {
		t.Errorf("in a block left behind it is %+v", s)
	}
	w.Mine(t, confirmations)
	if after := w.see(t, w.Chain, tx, chain.StageFinal); after.BlockHash == before.BlockHash {
		t.Error("mined in the same block")
	}
}

func TestFinalIsWhatTheChainCallsFinalized(t *testing.T) {
	w := newTown(t, startGeth)
	c, err := evm.New(evm.Options{ChainID: w.ChainID, RPC: []string{w.proxy.URL()}, Finalized: true})
	must(t, err)
	defer c.Close()
	tx := w.payment(t, c, "one", "")
	w.expect(t, c, tx, chain.Accepted)
	w.Mine(t, 1)
	w.see(t, c, tx, chain.StageMined)
	w.Mine(t, 32) // this node calls every 32nd block finalized
	w.see(t, c, tx, chain.StageFinal)
}

// F16: a pool takes bytes, answers with their hash, and drops them.
func TestF16WhatAPoolDroppedIsAbsentAndCanBeSentAgain(t *testing.T) {
	w := newTown(t, startGeth)
	tx := w.payment(t, w.Chain, "one", "")
	w.expect(t, w.Chain, tx, chain.Accepted)
	w.geth.ClearPool()
	w.Mine(t, 1)
	if s := w.see(t, w.Chain, tx, chain.StageAbsent); s.Spent {
		t.Error("its nonce is called spent")
	}
	w.expect(t, w.Chain, tx, chain.Accepted)
	w.Mine(t, 1)
	w.see(t, w.Chain, tx, chain.StageMined)
}
