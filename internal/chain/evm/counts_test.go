package evm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/chain/evm/gethnode"
	"coffer.internal/internal/chain/evm/rpcproxy"
	"coffer.internal/internal/fault"
)

// count is what a chain says of the payer.
func (w *town) count(t *testing.T, c *evm.Chain) chain.Count {
	t.Helper()
	got, err := c.Counts(t.Context(), []string{w.Payer})
	must(t, err)
	return got[0]
}

// lieAboutCounts answers every eth_getTransactionCount with what f makes of the right answer.
func lieAboutCounts(p *rpcproxy.Proxy, f func(result string) string) {
	p.Lie(func(method string, result json.RawMessage) json.RawMessage {
		if method != "eth_getTransactionCount" {
			return result
		}
		return json.RawMessage(f(string(result)))
	})
}

func TestF12AnOlderNodeOrALyingOneMakesACountUnknown(t *testing.T) {
	w := newTown(t, startGeth)
	p, c := second(t, w)
	for what, answer := range map[string]string{
		"an older node": `"0x0"`, "a node ahead of the others": `"0x4711"`, "a huge number": `"0xffffffffffffffff"`,
		"no number": `"many"`, "a negative number": `"-0x1"`, "nothing": `null`, "an object": `{}`, "a decimal number": `17`,
	} {
		lieAboutCounts(p, func(string) string { return answer })
		got := w.count(t, c)
		if got.Agreed || got.Doubt == "" || !strings.Contains(got.Doubt, p.URL()) || !strings.Contains(got.Doubt, fmt.Sprintf("%s counts %d", w.proxy.URL(), w.Nonce)) {
			t.Errorf("%s: %+v", what, got)
		}
	}
	p.Lie(nil)
	if got := w.count(t, c); !got.Agreed || got.Doubt != "" || got.Latest != w.Nonce || got.Nodes != 2 {
		t.Errorf("once it is right again: %+v", got)
	}
}

func TestF12TwoNodesBehindOneURLAreNoCleanAnswer(t *testing.T) {
	w := newTown(t, startGeth)
	w.expect(t, w.Chain, w.payment(t, w.Chain, "one", ""), chain.Accepted)
	w.Mine(t, 1)
	var asked atomic.Int64
	p, c := second(t, w)
	lieAboutCounts(p, func(result string) string {
		if asked.Add(1)%2 == 0 { // what answers for the pool is older
			return `"0x0"`
		}
		return result
	})
	if got := w.count(t, c); got.Agreed || got.Nodes != 1 || !strings.Contains(got.Doubt, "and 0 with its pool") {
		t.Errorf("%+v", got)
	}
}

// F13: geth does not count what waits above a missing nonce, and counts what anybody sent with the key.
func TestF13APendingCountHidesAGapAndNeverDecides(t *testing.T) {
	w := newTown(t, startGeth)
	p, c := second(t, w)
	above := w.payment(t, w.Chain, "above a gap", "")
	intent := above.Intent
	intent.Nonce++
	raw, hash := w.Sign(t, intent)
	w.expect(t, w.Chain, chain.Tx{Intent: intent, Raw: raw, Hash: hash}, chain.Accepted)
	if got := w.count(t, c); !got.Agreed || got.Latest != w.Nonce || got.Pending != w.Nonce {
		t.Errorf("with one above a gap: %+v", got)
	}
	var asked atomic.Int64
	lieAboutCounts(p, func(result string) string {
		if asked.Add(1)%2 == 0 {
			return `"0x4711"`
		}
		return result
	})
	if got := w.count(t, c); !got.Agreed || got.Latest != w.Nonce || got.Highest != w.Nonce || got.Pending != 0x4711 {
		t.Errorf("nodes whose pools differ: %+v", got)
	}
}

func TestAThousandAccountsAreCountedInAFewRequests(t *testing.T) {
	const accounts = 1000
	o := gethnode.Options{Alloc: map[common.Address]*big.Int{}, Nonces: map[common.Address]uint64{}}
	var addresses []string
	for i := range accounts {
		a := crypto.PubkeyToAddress(newKey(t).PublicKey)
		addresses = append(addresses, a.Hex())
		o.Alloc[a], o.Nonces[a] = big.NewInt(params.Ether), uint64(i)
	}
	n := startGethWith(t, o)
	p, err := rpcproxy.Start(n.url)
	must(t, err)
	t.Cleanup(p.Close)
	counts, err := newChain(t, n.chainID, p.URL()).Counts(t.Context(), addresses)
	must(t, err)
	for i, c := range counts {
		if !c.Agreed || c.Latest != uint64(i) || c.Pending != uint64(i) {
			t.Fatalf("account %d: %+v", i, c)
		}
	}
	if calls := p.Heard("eth_getTransactionCount"); calls != 2*accounts || p.Requests() > 2*accounts/100+1 {
		t.Errorf("%d calls in %d requests", calls, p.Requests())
	}
}

func TestACountThatCannotBeIsNoAnswer(t *testing.T) {
	w := newTown(t, startGeth)
	lieAboutCounts(w.proxy, func(string) string { return `"0x20000000000001"` }) // 2^53 + 1
	if got, err := newChain(t, w.ChainID, w.proxy.URL()).Counts(t.Context(), []string{w.Payer}); !errors.Is(err, fault.Unreachable) {
		t.Errorf("%+v, %v", got, err)
	}
}
