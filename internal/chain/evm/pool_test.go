package evm_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/chain/evm/gethnode"
)

// again is a draft that replaces others at the same nonce, signed.
func (w *town) again(t *testing.T, o chain.Order, txs ...chain.Tx) chain.Tx {
	t.Helper()
	for _, tx := range txs {
		o.Replaces = append(o.Replaces, tx.Intent)
	}
	drafts, err := w.Chain.Draft(t.Context(), []chain.Order{o})
	must(t, err)
	return w.signed(t, drafts[0])
}

func (w *town) signed(t *testing.T, d chain.Drafted) chain.Tx {
	t.Helper()
	if d.Wait != "" {
		t.Fatal(d.Wait)
	}
	raw, hash := w.Sign(t, d.Intent)
	return chain.Tx{Intent: d.Intent, Raw: raw, Hash: hash}
}

// F09: a node says the same text when our own bump is too low and when a stranger's transaction stands at the nonce. Sending all of
// ours again tells them apart: of ours one is known.
func TestF09AnOwnTransactionInTheWayIsToldFromAStrangersByItsHash(t *testing.T) {
	for _, foreign := range []bool{false, true} {
		w := newTown(t, startGeth)
		first := w.payment(t, w.Chain, "one", "")
		low := first
		low.Intent.EVM = clone(first.Intent.EVM)
		low.Intent.EVM.MaxPriorityFeePerGas = plus(low.Intent.EVM.MaxPriorityFeePerGas)
		low.Intent.EVM.MaxFeePerGas = plus(low.Intent.EVM.MaxFeePerGas)
		low.Raw, low.Hash = w.Sign(t, low.Intent)
		if foreign {
			w.expect(t, w.Chain, w.payment(t, w.Chain, "stranger", ""), chain.Accepted)
		} else {
			w.expect(t, w.Chain, first, chain.Accepted)
		}
		w.expect(t, w.Chain, low, chain.Occupied)
		want := chain.Known
		if foreign {
			want = chain.Occupied
		}
		w.expect(t, w.Chain, first, want)
		if s := w.see(t, w.Chain, first, chain.StageAbsent); s.Spent {
			t.Errorf("in a pool (a stranger's: %v), and its nonce is called spent", foreign)
		}
	}
}

func clone[T any](v *T) *T {
	c := *v
	return &c
}

// F10: "nonce too low" is said of what was mined and of what another transaction took the place of; only Watch tells which.
func TestF10NonceTooLowIsSaidOfOursAndOfOthers(t *testing.T) {
	w := newTown(t, startGeth)
	ours := w.payment(t, w.Chain, "one", "")
	w.proxy.DropAnswers("eth_sendRawTransaction", 1)
	w.expect(t, w.Chain, ours, chain.Unknown)
	w.Mine(t, confirmations)
	w.expect(t, w.Chain, ours, chain.NonceTooLow)
	w.see(t, w.Chain, ours, chain.StageFinal)

	w.Nonce++
	lost, stranger := w.payment(t, w.Chain, "two", ""), w.payment(t, w.Chain, "stranger", "")
	w.expect(t, w.Chain, stranger, chain.Accepted)
	w.Mine(t, confirmations)
	w.expect(t, w.Chain, lost, chain.NonceTooLow)
	if s := w.see(t, w.Chain, lost, chain.StageAbsent); !s.Spent || !s.SpentFinal || !s.All {
		t.Errorf("%+v", s)
	}
}

// F06: geth while it indexes a block, and any error of a node's, is no receipt and no lack of one.
func TestF06ANodeThatStillIndexesSaysNothing(t *testing.T) {
	w := newTown(t, startGeth)
	ours := w.payment(t, w.Chain, "ours", "")
	w.expect(t, w.Chain, w.payment(t, w.Chain, "theirs", ""), chain.Accepted)
	w.Mine(t, confirmations)
	for _, text := range []string{"transaction indexing is in progress", "header not found", "state is pruned", "too many requests"} {
		w.proxy.Fail("eth_getTransactionReceipt", json.RawMessage(fmt.Sprintf(`{"code":-32000,"message":%q}`, text)))
		if s := w.see(t, w.Chain, ours, chain.StageUnknown); s.Spent || s.All || !strings.Contains(s.Note, text) {
			t.Errorf("%s: %+v", text, s)
		}
	}
	w.proxy.Fail("eth_getTransactionReceipt", nil)
	w.see(t, w.Chain, ours, chain.StageAbsent)
}

// A node that does not keep the state of the final block cannot say that a nonce is spent for ever, and says why.
func TestWithoutOldStateNothingIsSpentForEver(t *testing.T) {
	w := newTown(t, startGeth)
	ours := w.payment(t, w.Chain, "ours", "")
	w.expect(t, w.Chain, w.payment(t, w.Chain, "theirs", ""), chain.Accepted)
	w.Mine(t, 1)
	p, c := second(t, w)
	w.Mine(t, confirmations)
	if s := w.see(t, c, ours, chain.StageAbsent); !s.Spent || !s.SpentFinal || s.Note != "" {
		t.Errorf("%+v", s)
	}
	var asked atomic.Int64 // for the latest block, then for the final one
	p.Lie(func(method string, result json.RawMessage) json.RawMessage {
		if method == "eth_getTransactionCount" {
			if asked.Add(1)%2 == 0 {
				return json.RawMessage(`null`)
			}
		}
		return result
	})
	if s := w.see(t, c, ours, chain.StageAbsent); !s.Spent || s.SpentFinal || !strings.Contains(s.Note, p.URL()) {
		t.Errorf("%+v", s)
	}
}

// F16: geth answers with a hash to all, keeps AccountQueue of them behind a missing nonce, and tells nobody of the rest.
func TestF16WhatAFullQueueDroppedIsAbsentAndIsPaidWhenSentAgain(t *testing.T) {
	const kept, sent = 4, 12
	w := newTown(t, func(t *testing.T, alloc map[common.Address]*big.Int) node {
		return startGethWith(t, gethnode.Options{Alloc: alloc, AccountQueue: kept})
	})
	var txs []chain.Tx
	for i := range uint64(sent + 1) {
		o := w.order(t, fmt.Sprint("p", i), "", w.Recipient(t))
		o.Nonce += i
		drafts, err := w.Chain.Draft(t.Context(), []chain.Order{o})
		must(t, err)
		txs = append(txs, w.signed(t, drafts[0]))
	}
	for _, tx := range txs[1:] {
		w.expect(t, w.Chain, tx, chain.Accepted)
	}
	w.Mine(t, 1) // the pool settles
	w.expect(t, w.Chain, txs[0], chain.Accepted)
	w.Mine(t, confirmations)
	final, absent := w.stages(t, txs)
	if final != kept+1 || absent != sent-kept {
		t.Fatalf("%d are final and %d absent", final, absent)
	}
	w.Chain.Send(t.Context(), txs)
	w.Mine(t, confirmations)
	if final, absent = w.stages(t, txs); final != sent+1 {
		t.Errorf("sent again, %d are final and %d absent", final, absent)
	}
}

func (w *town) stages(t *testing.T, txs []chain.Tx) (final, absent int) {
	t.Helper()
	seen, err := w.Chain.Watch(t.Context(), txs)
	must(t, err)
	for _, s := range seen {
		switch s.Stage {
		case chain.StageFinal:
			final++
		case chain.StageAbsent:
			absent++
			if s.Spent {
				t.Errorf("dropped, and its nonce is called spent: %+v", s)
			}
		}
	}
	return final, absent
}

// swallow answers a send with the transaction's hash and passes it to nobody, while on.
type swallow struct {
	on   bool
	hash string
}

func (s *swallow) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !s.on || !bytes.Contains(body, []byte("eth_sendRawTransaction")) {
		return http.DefaultTransport.RoundTrip(r)
	}
	var call struct{ ID json.RawMessage }
	if err := json.Unmarshal(body, &call); err != nil {
		return nil, err
	}
	answer := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%q}`, call.ID, s.hash)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

// F20: a sequencer that says yes and passes nothing on, and a chain without a pool to look into.
func TestF20WhatTheChainSilentlySkipsStaysAbsentUntilItIsTaken(t *testing.T) {
	w := newTown(t, startGeth)
	tx := w.payment(t, w.Chain, "one", "")
	s := &swallow{on: true, hash: tx.Hash}
	c, err := evm.New(evm.Options{ChainID: w.ChainID, RPC: []string{w.node.url}, Confirmations: confirmations, Transport: s})
	must(t, err)
	for range 3 {
		w.expect(t, c, tx, chain.Accepted)
		w.Mine(t, 1)
		if s := w.see(t, c, tx, chain.StageAbsent); s.Spent || !s.All {
			t.Fatalf("%+v", s)
		}
	}
	s.on = false
	w.expect(t, c, tx, chain.Accepted)
	w.Mine(t, confirmations)
	w.see(t, c, tx, chain.StageFinal)
}

// F29: anvil's reorg drops what was in the blocks left behind; then the same bytes go out again, or a replaced attempt is the one that
// is mined.
func TestF29AfterAReorgThatDropsItTheSameBytesOrAReplacedAttemptAreMined(t *testing.T) {
	w := newTown(t, startAnvil)
	o := w.order(t, "one", w.Token, w.Recipient(t))
	first := w.again(t, o)
	second := w.again(t, o, first)
	w.Mine(t, 1)
	w.expect(t, w.Chain, second, chain.Accepted)
	w.Mine(t, 1)
	w.see(t, w.Chain, second, chain.StageMined)
	w.call(t, "anvil_reorg", 1, []any{})
	if s := w.see(t, w.Chain, second, chain.StageAbsent); s.Spent {
		t.Errorf("after the reorg: %+v", s)
	}
	w.expect(t, w.Chain, first, chain.Accepted)
	w.Mine(t, confirmations)
	if s := w.see(t, w.Chain, first, chain.StageFinal); !s.Paid {
		t.Errorf("%+v", s)
	}
	if s := w.see(t, w.Chain, second, chain.StageAbsent); !s.Spent || !s.SpentFinal {
		t.Errorf("%+v", s)
	}
}

// F29: on geth, a reorg in which the replaced attempt is mined instead of the one that was.
func TestF29AReorgMayMineTheReplacedAttempt(t *testing.T) {
	w := newTown(t, startGeth)
	o := w.order(t, "one", "", w.Recipient(t))
	first := w.again(t, o)
	second := w.again(t, o, first)
	parent := w.geth.Commit()
	w.expect(t, w.Chain, second, chain.Accepted)
	w.Mine(t, 1)
	w.see(t, w.Chain, second, chain.StageMined)
	must(t, w.geth.Fork(parent))
	w.geth.ClearPool()
	w.expect(t, w.Chain, first, chain.Accepted)
	w.Mine(t, confirmations)
	w.see(t, w.Chain, first, chain.StageFinal)
	if s := w.see(t, w.Chain, second, chain.StageAbsent); !s.Spent || !s.SpentFinal {
		t.Errorf("%+v", s)
	}
}
