package evm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

// A node that answers the chain id as it should, and everything else with what the test wants.
func badNode(t *testing.T, answer http.HandlerFunc) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if strings.Contains(string(body), "eth_chainId") {
			var call struct{ ID json.RawMessage }
			json.Unmarshal(body, &call) // ours: it is JSON
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":"0x7a69"}`, call.ID)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestWhatIsNoCleanAnswerIsUnknown(t *testing.T) {
	const hash = "0x1111111111111111111111111111111111111111111111111111111111111111"
	text := func(format string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var call struct{ ID json.RawMessage }
			if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
				t.Error(err)
			}
			fmt.Fprint(w, strings.ReplaceAll(format, "ID", string(call.ID)))
		}
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   chain.Verdict
	}{
		{"the right hash", text(`{"jsonrpc":"2.0","id":ID,"result":"` + hash + `"}`), chain.Accepted},
		{"the right hash in a batch of one", text(`[{"jsonrpc":"2.0","id":ID,"result":"` + hash + `"}]`), chain.Accepted},
		{"F37 another hash", text(`{"jsonrpc":"2.0","id":ID,"result":"0x22"}`), chain.Unknown},
		{"null", text(`{"jsonrpc":"2.0","id":ID,"result":null}`), chain.Unknown},
		{"another id", text(`{"jsonrpc":"2.0","id":999999,"result":"` + hash + `"}`), chain.Unknown},
		{"no id", text(`{"jsonrpc":"2.0","result":"` + hash + `"}`), chain.Unknown},
		{"an error without an id", text(`{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"nonce too low"}}`), chain.Unknown},
		{"result and error", text(`{"jsonrpc":"2.0","id":ID,"result":"` + hash + `","error":{"code":-32000,"message":"nonce too low"}}`), chain.Unknown},
		{"neither", text(`{"jsonrpc":"2.0","id":ID}`), chain.Unknown},
		{"twice", text(`[{"id":ID,"result":"` + hash + `"},{"id":ID,"error":{"code":-32000,"message":"nonce too low"}}]`), chain.Unknown},
		{"an empty batch", text(`[]`), chain.Unknown},
		{"a page", text(`<html>502 Bad Gateway</html>`), chain.Unknown},
		{"nothing", text(``), chain.Unknown},
		{"HTTP 503", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "busy", http.StatusServiceUnavailable) }, chain.Unknown},
		{"HTTP 401", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "who?", http.StatusUnauthorized) }, chain.Unknown},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, chain.Unknown},
		{"HTTP 429", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "slowly", http.StatusTooManyRequests) }, chain.Busy},
		{"a cut connection", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, chain.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := newChain(t, 31337, badNode(t, c.answer)).Send(t.Context(), []chain.Tx{{Raw: []byte{1}, Hash: hash}})[0]
			if got.Verdict != c.want || got.Verdict == chain.Unknown && got.Text == "" {
				t.Errorf("%+v, not %s", got, c.want)
			}
		})
	}
}

func TestSignedBytesDoNotFollowARedirect(t *testing.T) {
	var heard atomic.Int64
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { heard.Add(1) }))
	defer stranger.Close()
	url := badNode(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, stranger.URL, http.StatusTemporaryRedirect)
	})
	if got := newChain(t, 31337, url).Send(t.Context(), []chain.Tx{{Raw: []byte{1}, Hash: "0x01"}})[0]; got.Verdict != chain.Unknown {
		t.Errorf("%+v", got)
	}
	if heard.Load() != 0 {
		t.Error("they went to somebody whom nobody configured")
	}
}

func TestWhatABatchLeavesOutIsUnknownAndTheRestIsNot(t *testing.T) {
	url := badNode(t, func(w http.ResponseWriter, r *http.Request) {
		var calls []struct{ ID uint64 }
		if err := json.NewDecoder(r.Body).Decode(&calls); err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, `[{"id":%d,"error":{"code":-32000,"message":"already known"}},{"id":%d,"result":"0x01"}]`, calls[2].ID, calls[0].ID)
	})
	sent := newChain(t, 31337, url).Send(t.Context(), []chain.Tx{{Hash: "0x01"}, {Hash: "0x02"}, {Hash: "0x03"}})
	for i, want := range []chain.Verdict{chain.Accepted, chain.Unknown, chain.Known} {
		if sent[i].Verdict != want {
			t.Errorf("%d: %+v, not %s", i, sent[i], want)
		}
	}
}

func TestNoSecretOfANodesURLIsShown(t *testing.T) {
	const secret = "s3cr3t"
	for _, answer := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusBadGateway) },
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		host := strings.TrimPrefix(badNode(t, answer), "http://")
		c := newChain(t, 31337, "http://user:"+secret+"@"+host+"/v3/"+secret+"?key="+secret)
		_, err := c.Counts(t.Context(), []string{"0x0000000000000000000000000000000000000001"})
		texts := []string{fmt.Sprint(err), c.Send(t.Context(), []chain.Tx{{}})[0].Text}
		seen, err := c.Watch(t.Context(), []chain.Tx{{}})
		must(t, err)
		for _, text := range append(texts, seen[0].Note) {
			if strings.Contains(text, secret) || !strings.Contains(text, host) {
				t.Errorf("shown: %s", text)
			}
		}
	}
	_, err := evm.New(evm.Options{ChainID: 1, RPC: []string{"ftp://user:" + secret + "@host"}, Confirmations: 1})
	if !errors.Is(err, fault.Usage) || strings.Contains(err.Error(), secret) {
		t.Errorf("shown: %v", err)
	}
}

// A signing machine that signs, with the right key, something else than it was asked.
func TestASignatureOnAnythingElseIsRefused(t *testing.T) {
	key := newKey(t)
	from := crypto.PubkeyToAddress(key.PublicKey).Hex()
	base := signing.Intent{Version: 1, Ledger: "l", Payment: "p", Purpose: signing.PurposePayment, ChainType: "evm", ChainID: 1, From: from, Nonce: 3}
	part := signing.EVMTransfer{To: other(t), Amount: "5", GasLimit: 50000, MaxFeePerGas: "20", MaxPriorityFeePerGas: "2"}
	legacy := part
	legacy.MaxFeePerGas, legacy.MaxPriorityFeePerGas, legacy.GasPrice = "", "", "20"
	token := part
	token.Contract = other(t)
	changes := map[string]func(*signing.Intent, *signing.EVMTransfer){
		"the nonce":     func(i *signing.Intent, _ *signing.EVMTransfer) { i.Nonce++ },
		"the chain":     func(i *signing.Intent, _ *signing.EVMTransfer) { i.ChainID++ },
		"the recipient": func(_ *signing.Intent, e *signing.EVMTransfer) { e.To = other(t) },
		"the amount":    func(_ *signing.Intent, e *signing.EVMTransfer) { e.Amount = "6" },
		"the contract":  func(_ *signing.Intent, e *signing.EVMTransfer) { e.Contract = other(t) },
		"the gas limit": func(_ *signing.Intent, e *signing.EVMTransfer) { e.GasLimit++ },
		"the fee": func(_ *signing.Intent, e *signing.EVMTransfer) {
			e.MaxFeePerGas, e.GasPrice = plus(e.MaxFeePerGas), plus(e.GasPrice)
		},
		"the priority fee": func(_ *signing.Intent, e *signing.EVMTransfer) { e.MaxPriorityFeePerGas = plus(e.MaxPriorityFeePerGas) },
		"the type": func(_ *signing.Intent, e *signing.EVMTransfer) {
			if e.GasPrice != "" {
				e.MaxFeePerGas, e.MaxPriorityFeePerGas, e.GasPrice = e.GasPrice, "1", ""
			} else {
				e.GasPrice, e.MaxFeePerGas, e.MaxPriorityFeePerGas = e.MaxFeePerGas, "", ""
			}
		},
	}
	for kind, e := range map[string]signing.EVMTransfer{"coin": part, "legacy": legacy, "token": token} {
		asked := base
		asked.EVM = &e
		for what, change := range changes {
			if kind == "legacy" && what == "the priority fee" {
				continue
			}
			signed, f := asked, e
			signed.EVM = &f
			change(&signed, &f)
			raw, _ := sign(t, signed, key)
			if _, err := (*evm.Chain)(nil).Verify(asked, raw); !errors.Is(err, fault.Refused) {
				t.Errorf("%s with %s changed: %v", kind, what, err)
			}
		}
		raw, hash := sign(t, asked, key)
		if got, err := (*evm.Chain)(nil).Verify(asked, raw); err != nil || got != hash {
			t.Errorf("%s as asked: %s, %v", kind, got, err)
		}
	}
}

func plus(s string) string {
	if s == "" {
		return ""
	}
	return s[:len(s)-1] + string(s[len(s)-1]+1)
}
