package evm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

const (
	// itemsPerBatch keeps a batch below what the providers of nodes take (geth itself: 1,000).
	itemsPerBatch = 100
	// blocksPerBatch is for answers that may be megabytes long.
	blocksPerBatch = 10
	// answerTime is for one request with all its items.
	answerTime = 10 * time.Second
	// identityLasts is how long a node's chain id is believed: behind a URL, another node can come to stand at any time.
	identityLasts = time.Minute
)

// node is one node of a chain.
type node struct {
	url     string // with its secrets
	name    string // without
	chainID int64
	http    *http.Client
	now     func() time.Time
	lastID  atomic.Uint64

	mu         sync.Mutex
	identified time.Time // when it last said that it is on chainID; zero: never, or its connection broke since
	marks      map[spending]mark
}

func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16
	return t
}

func newNode(raw string, chainID int64, t http.RoundTripper, now func() time.Time) (*node, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the URL of a node begins with http:// or https:// and names a host")
	}
	return &node{
		url: raw, name: nameOf(u), chainID: chainID, now: now,
		http: &http.Client{
			Transport: t, Timeout: answerTime,
			// A redirect would carry signed bytes, and perhaps a password, to somebody whom nobody configured.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// nameOf is a node's URL without what may be a secret: user and password, path and query (providers put keys there).
func nameOf(u *url.URL) string {
	name := u.Scheme + "://"
	if u.User != nil {
		name += "…@"
	}
	name += u.Host
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" {
		name += "/…"
	}
	return name
}

// ask asks for all requests, at most perBatch in one HTTP request, one after the other, and gives as many replies in the
// same order. After an HTTP request that failed as a whole nothing more is asked.
func (n *node) ask(ctx context.Context, requests []request, perBatch int) []reply {
	replies := make([]reply, 0, len(requests))
	lost := n.identify(ctx)
	for len(replies) < len(requests) {
		rest := requests[len(replies):]
		if lost != nil {
			replies = append(replies, allLost(len(rest), lost)...)
			break
		}
		var some []reply
		some, lost = n.exchange(ctx, rest[:min(perBatch, len(rest))])
		replies = append(replies, some...)
	}
	return replies
}

// exchange is one HTTP request; err is set when it failed as a whole, and then every reply is lost by it.
func (n *node) exchange(ctx context.Context, requests []request) (replies []reply, err error) {
	first := n.lastID.Add(uint64(len(requests))) - uint64(len(requests)) + 1
	body, err := encode(first, requests)
	if err != nil {
		return allLost(len(requests), err), err
	}
	answer, err := n.post(ctx, body)
	if err != nil {
		n.setIdentified(time.Time{})
		err = fmt.Errorf("%s: %w", n.name, err)
		return allLost(len(requests), err), err
	}
	return decode(n.name, first, len(requests), answer), nil
}

// errOtherChain is wrapped when a node is on another chain than the configured one.
var errOtherChain = errors.New("another chain")

// identify is nil when the node is on its configured chain, as of identityLasts ago or now.
func (n *node) identify(ctx context.Context) error {
	n.mu.Lock()
	fresh := !n.identified.IsZero() && n.now().Sub(n.identified).Abs() < identityLasts
	n.mu.Unlock()
	if fresh {
		return nil
	}
	return n.identifyNow(ctx)
}

func (n *node) identifyNow(ctx context.Context) error {
	n.setIdentified(time.Time{})
	replies, err := n.exchange(ctx, []request{{method: "eth_chainId"}})
	if err != nil {
		return err
	}
	var got hexutil.Uint64
	if err := replies[0].into(&got); err != nil {
		return err
	}
	if n.chainID < 0 || uint64(got) != uint64(n.chainID) {
		return fmt.Errorf("%s is on chain %d, wanted %d: %w", n.name, uint64(got), n.chainID, errOtherChain)
	}
	n.setIdentified(n.now())
	return nil
}

func (n *node) setIdentified(at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.identified = at
}
