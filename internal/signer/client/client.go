// Package client asks a signing machine, and believes nothing that it can check.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

const (
	// askTimeout bounds every call but Sign: a machine that is stopped must not hold up its callers.
	askTimeout = 2 * time.Second
	// reportTimeout bounds Report: a machine with many keys has much to tell.
	reportTimeout = 10 * time.Second
	// signTimeout bounds one request of up to chunk intents.
	signTimeout = 30 * time.Second
	// chunk is how many intents go into one request.
	chunk = 500
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 32 << 20
)

const serveHint = "coffer-signer serve --passphrase-file FILE"

// Client is a signing machine at an address. It is safe for concurrent use.
type Client struct {
	addr         string // as it was given; empty: none
	base         string // what the paths are put behind
	http         *http.Client
	verify       func(signing.Intent, []byte) (hash string, err error)
	certificates Certificates
	identity     identity
}

var (
	_ signing.Machine  = (*Client)(nil)
	_ signing.Releases = (*Client)(nil)
	_ signing.KeyList  = (*Client)(nil)
)

// Dial makes a client of the machine at addr, which is unix:PATH or https://HOST:PORT, without connecting yet. With an empty addr every
// call says that no machine is configured. verify says whether raw is exactly what the intent describes, signed by its From, and what
// its hash is; whoever never calls Sign may leave it nil. A machine over a network needs WithCertificates.
func Dial(addr string, verify func(signing.Intent, []byte) (hash string, err error), options ...Option) (*Client, error) {
	c := &Client{addr: addr, base: "http://signer", verify: verify}
	for _, o := range options {
		o(c)
	}
	transport := &http.Transport{
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     30 * time.Second, // before the machine's own
		DisableCompression:  true,
	}
	path, isUnix := strings.CutPrefix(addr, "unix:")
	host, isHTTPS := strings.CutPrefix(addr, "https://")
	switch {
	case addr == "":
	case isHTTPS && isHostPort(strings.TrimSuffix(host, "/")):
		c.base = strings.TrimSuffix(addr, "/")
		transport.DialTLSContext = c.secure
	case isUnix && path != "":
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	default:
		return nil, fault.New(fault.Usage, "bad_signer", "--signer unix:PATH or --signer https://HOST:PORT", "signing machine %q is neither unix:PATH nor https://HOST:PORT", addr)
	}
	c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	_, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && host != "" && !strings.ContainsAny(host, "/?#@ ")
}

// NewKey makes a key bound to the ledger, or finds the one made for the same ref.
func (c *Client) NewKey(ctx context.Context, r signing.KeyRequest) (k signing.Key, err error) {
	return k, c.ask(ctx, askTimeout, http.MethodPost, wire.PathKeys, r, &k)
}

// FindKey finds the key of an address that is bound to the ledger.
func (c *Client) FindKey(ctx context.Context, ledger, chainType, address string) (signing.Key, bool, error) {
	var found wire.FindAnswer
	err := c.ask(ctx, askTimeout, http.MethodPost, wire.PathFind, wire.FindRequest{Ledger: ledger, ChainType: chainType, Address: address}, &found)
	if err != nil || found.Key == nil {
		return signing.Key{}, false, err
	}
	return *found.Key, true, nil
}

// Released says where a payment id stands.
func (c *Client) Released(ctx context.Context, ledger, payment string) (s signing.PaymentState, err error) {
	return s, c.ask(ctx, askTimeout, http.MethodPost, wire.PathPayment, wire.PaymentRequest{Ledger: ledger, Payment: payment}, &s)
}

// Status asks the machine about itself.
func (c *Client) Status(ctx context.Context) (st signing.Status, err error) {
	return st, c.ask(ctx, askTimeout, http.MethodGet, wire.PathStatus, nil, &st)
}

// Report asks the machine for the long form of its status.
func (c *Client) Report(ctx context.Context) (r wire.Report, err error) {
	return r, c.ask(ctx, reportTimeout, http.MethodGet, wire.PathReport, nil, &r)
}

// KeysOf tells which keys the machine made for a ledger.
func (c *Client) KeysOf(ctx context.Context, ledger string) ([]signing.KnownKey, error) {
	r, err := c.Report(ctx)
	return r.KeysOf(ledger), err
}

// Lock stops all signing. already is true if the machine was locked before.
func (c *Client) Lock(ctx context.Context) (already bool, err error) {
	var a wire.LockAnswer
	err = c.ask(ctx, askTimeout, http.MethodPost, wire.PathLock, nil, &a)
	return a.AlreadyLocked, err
}

// Freeze has the machine sign nothing more until officers unfreeze it. Said again for the same reason, it changes nothing.
func (c *Client) Freeze(ctx context.Context, reason string) (signing.Frozen, error) {
	var a wire.FreezeAnswer
	err := c.ask(ctx, askTimeout, http.MethodPost, wire.PathFreeze, wire.FreezeRequest{Reason: reason}, &a)
	return signing.Frozen{ID: a.Freeze, Why: a.Why, Already: a.AlreadyFrozen}, err
}

// ask sends one request and reads its answer into out.
func (c *Client) ask(ctx context.Context, limit time.Duration, method, path string, in, out any) error {
	if c.addr == "" {
		return fault.New(fault.Unreachable, "signer_unreachable", "name it with --signer or COFFER_SIGNER; `"+serveHint+"` starts one",
			"no signing machine is configured")
	}
	bounded, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	status, body, err := c.exchange(bounded, method, path, in)
	if err != nil {
		if bounded.Err() != nil && ctx.Err() == nil {
			err = context.Cause(bounded)
		}
		if known := new(fault.Error); errors.As(turnedAway(err), &known) {
			return known
		}
		return fault.Wrap(err, fault.Unreachable, "signer_unreachable", serveHint, "the signing machine at %s does not answer", c.addr)
	}
	if status != http.StatusOK {
		return c.problem(path, status, body)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return c.unusable(err)
	}
	return nil
}

func (c *Client) exchange(ctx context.Context, method, path string, in any) (status int, body []byte, err error) {
	var sent []byte
	if in != nil {
		if sent, err = wire.Encode(in); err != nil {
			return 0, nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(sent))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if path == wire.PathSign {
		// The transport may say it again on a fresh connection if a kept one turns out dead: the machine knows digests again.
		req.Header["Idempotency-Key"] = []string{}
	}
	res, err := c.http.Do(req)
	if err != nil {
		var why *url.Error // repeats method and address
		if errors.As(err, &why) {
			err = why.Err
		}
		return 0, nil, err
	}
	body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return res.StatusCode, body, errors.Join(err, res.Body.Close())
}

// problem is what the machine says of itself, as a fault.
func (c *Client) problem(path string, status int, body []byte) error {
	var p wire.Problem
	if err := json.Unmarshal(body, &p); err != nil || p.Error.Code == "" {
		if status == http.StatusNotFound && path == wire.PathPayment { // which is younger than the others
			return fault.New(nil, "signer_too_old", "install the same version of coffer-signer", "the signing machine at %s does not know releases", c.addr)
		}
		return c.unusable(fmt.Errorf("HTTP status %d", status))
	}
	if p.Error.Code == wire.CodeLocked {
		return fault.New(fault.Unreachable, "signer_locked", "stop that process, then "+serveHint, "the signing machine at %s is locked; it must be served again", c.addr)
	}
	if p.Error.Code == wire.CodeFrozen {
		return fault.New(fault.Unreachable, "signer_frozen", p.Error.Hint, "the signing machine at %s: %s", c.addr, p.Error.Message)
	}
	return fault.New(kindOf(status), p.Error.Code, p.Error.Hint, "the signing machine: %s", p.Error.Message)
}

// kindOf is the kind that the machine's fault had.
func kindOf(status int) error {
	switch status {
	case http.StatusBadRequest:
		return fault.Usage
	case http.StatusForbidden:
		return fault.NotAllowed
	case http.StatusNotFound:
		return fault.NotFound
	case http.StatusConflict:
		return fault.Refused
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return fault.Unreachable
	}
	return nil
}

// unusable is an answer that a signing machine does not give.
func (c *Client) unusable(err error) error {
	return fault.Wrap(err, nil, "signer_answer", "coffer-signer lock, then look at what listens there", "the answer of %s cannot be used", c.addr)
}
