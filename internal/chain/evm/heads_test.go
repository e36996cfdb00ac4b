package evm_test

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/chain/evm/gethnode"
	"coffer.internal/internal/chain/evm/rpcproxy"
	"coffer.internal/internal/fault"
)

func proxyTo(t *testing.T, target string) *rpcproxy.Proxy {
	t.Helper()
	p, err := rpcproxy.Start(target)
	must(t, err)
	t.Cleanup(p.Close)
	return p
}

func TestNewBlocksAreHeardAlsoAfterTheNodeWasRestarted(t *testing.T) {
	n, err := gethnode.Start(gethnode.Options{})
	must(t, err)
	t.Cleanup(func() { n.Close() })
	at, err := url.Parse(n.URL())
	must(t, err)
	port, err := strconv.Atoi(at.Port())
	must(t, err)
	c, err := evm.New(evm.Options{ChainID: n.ChainID(), RPC: []string{n.URL()}, WS: []string{n.WSURL()}, Confirmations: 1})
	must(t, err)
	t.Cleanup(c.Close)

	ctx, stop := context.WithCancel(t.Context())
	heard, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		c.Heads(ctx, func() {
			select {
			case heard <- struct{}{}:
			default:
			}
		})
	}()
	wait := func(what string) {
		t.Helper()
		select {
		case <-heard:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s was not heard", what)
		}
	}
	wait("the connection")
	for range 2 {
		n.Commit()
		wait("a block")
	}
	n.Close()
	if n, err = gethnode.Start(gethnode.Options{Port: port}); err != nil {
		t.Fatal(err)
	}
	wait("the new connection")
	n.Commit()
	wait("a block after the restart")
	stop()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
}

func TestAChainWhoseNodesTellNothingReturnsAtOnce(t *testing.T) {
	n := startGeth(t, nil)
	newChain(t, n.chainID, n.url).Heads(t.Context(), func() { t.Error("heard something") })
}

func TestHeadsAreHeardOverWebsocketsAlone(t *testing.T) {
	const secret = "s3cr3t"
	for _, ws := range []string{"http://host/" + secret, "ws://", secret} {
		_, err := evm.New(evm.Options{ChainID: 1, RPC: []string{"http://host"}, WS: []string{ws}, Confirmations: 1})
		if !errors.Is(err, fault.Usage) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", ws, err)
		}
	}
}
