package evm_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/chain/evm/gethnode"
	"coffer.internal/internal/fault"
)

func TestEachNodesHeadAndTroubleIsShown(t *testing.T) {
	w := newTown(t, startGeth)
	proxies, c := more(t, w, 2)
	w.Mine(t, 4)
	states := c.Nodes(t.Context())
	for i, s := range states {
		if s.Problem != "" || s.WrongChain || s.Split != "" || s.Head != 5 || time.Since(s.HeadAt).Abs() > time.Hour {
			t.Errorf("node %d: %+v", i, s)
		}
	}
	if states[0].Name != w.proxy.URL() || states[2].Name != proxies[1].URL() {
		t.Errorf("names %s, %s", states[0].Name, states[2].Name)
	}
	proxies[0].Lie(answer("eth_chainId", `"0x2"`))
	proxies[1].Refuse(true)
	states = c.Nodes(t.Context())
	if s := states[0]; s.Problem != "" || s.Head != 5 {
		t.Errorf("the good node: %+v", s)
	}
	if s := states[1]; !s.WrongChain || !strings.Contains(s.Problem, "is on chain 2, wanted 1337") {
		t.Errorf("the one of another chain: %+v", s)
	}
	if s := states[2]; s.WrongChain || s.Problem == "" {
		t.Errorf("the silent one: %+v", s)
	}
	proxies[0].Lie(answer("eth_getBlockByNumber", `{"number":"0x5"}`))
	if s := c.Nodes(t.Context())[1]; s.Problem == "" || s.Head != 0 {
		t.Errorf("a block without a time: %+v", s)
	}
}

// Two nodes with other first blocks are two chains with one id.
func TestANodeOnAnotherBranchIsSplitAndTheMajorityIsNot(t *testing.T) {
	alloc := map[common.Address]*big.Int{common.HexToAddress("0xa1"): big.NewInt(1)}
	ours := startGeth(t, alloc)
	theirs := startGethWith(t, gethnode.Options{Alloc: alloc, Code: map[common.Address][]byte{oracleAt: oracle}}) // another first block
	ours.mine(t, 4)
	theirs.mine(t, 5)
	second := proxyTo(t, ours.url)
	c := newChain(t, ours.chainID, ours.url, theirs.url, second.URL())
	states := c.Nodes(t.Context())
	if states[0].Split != "" || states[2].Split != "" {
		t.Errorf("the majority: %+v", states)
	}
	if s := states[1].Split; !strings.Contains(s, "block 3 is 0x") || !strings.Contains(s, ours.url) || !strings.Contains(s, second.URL()) {
		t.Errorf("the other branch: %q", s)
	}
	two := newChain(t, ours.chainID, ours.url, theirs.url).Nodes(t.Context())
	if two[0].Split == "" || two[1].Split == "" {
		t.Errorf("of two, nobody knows which: %+v", two)
	}
}

func TestABlockThatIsLeftBehindAtTheTipIsNoSplit(t *testing.T) {
	w := newTown(t, startGeth)
	p, c := second(t, w)
	w.Mine(t, 4)
	p.Lie(func(method string, result json.RawMessage) json.RawMessage {
		if method != "eth_getBlockByNumber" {
			return result
		}
		var block map[string]any
		if err := json.Unmarshal(result, &block); err != nil {
			t.Error(err)
		}
		if block["number"] == "0x5" || block["number"] == "0x4" {
			block["hash"] = "0x" + strings.Repeat("1", 64)
		}
		changed, err := json.Marshal(block)
		if err != nil {
			t.Error(err)
		}
		return changed
	})
	for _, s := range c.Nodes(t.Context()) {
		if s.Split != "" {
			t.Errorf("%+v", s)
		}
	}
	w.Mine(t, 2) // now 0x5 is deep enough to be one
	for _, s := range c.Nodes(t.Context()) {
		if s.Split == "" {
			t.Errorf("%+v", s)
		}
	}
}

func TestADelegationIsSeenByOneNodeThatShowsIt(t *testing.T) {
	const to = "0x52908400098527886E0F7030069857D2E4169EE7"
	delegated, contract, plain := common.HexToAddress("0xa1"), common.HexToAddress("0xa2"), common.HexToAddress("0xa3")
	n := startGethWith(t, gethnode.Options{Code: map[common.Address][]byte{
		delegated: append([]byte{0xef, 0x01, 0x00}, common.HexToAddress(to).Bytes()...), contract: oracle,
	}})
	proxy := proxyTo(t, n.url)
	c := newChain(t, n.chainID, n.url, proxy.URL())
	addresses := []string{plain.Hex(), delegated.Hex(), contract.Hex()}
	expect := func(what string, want ...string) {
		t.Helper()
		got, err := c.Delegates(t.Context(), addresses)
		must(t, err)
		for i := range want {
			if len(got) != len(want) || got[i] != want[i] {
				t.Errorf("%s: %q, not %q", what, got, want)
			}
		}
	}
	expect("both", "", to, "")
	proxy.Lie(answer("eth_getCode", `"0x"`))
	expect("one sees it", "", to, "")
	proxy.Lie(nil)
	proxy.Refuse(true)
	expect("one is silent", "", to, "")
	alone := newChain(t, n.chainID, proxy.URL())
	if _, err := alone.Delegates(t.Context(), addresses); !errors.Is(err, fault.Unreachable) {
		t.Errorf("nobody answers: %v", err)
	}
	var _ chain.Delegates = alone
}
