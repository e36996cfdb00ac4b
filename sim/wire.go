package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"coffer.internal/sim/world"
)

// shakyWire is the way to the nodes as one daemon has it.
type shakyWire struct{ user *user }

var errCut = errors.New("connection reset by peer")

func (w shakyWire) RoundTrip(r *http.Request) (*http.Response, error) {
	u := w.user
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	sends := bytes.Contains(body, []byte("eth_sendRawTransaction"))
	what := "look at a node"
	if sends {
		what = "send"
	}
	u.before(what)
	u.waits()
	if u.town.down[r.URL.Host] {
		u.town.hit(nodeDown)
		return nil, errors.New("connection refused")
	}
	switch {
	case u.strikes(nodeTimeout):
		u.town.pass(10 * time.Second)
		return nil, errors.New("context deadline exceeded")
	case u.strikes(node5xx):
		return world.Response(r, http.StatusServiceUnavailable, nil), nil
	case u.strikes(node429):
		return world.Response(r, http.StatusTooManyRequests, nil), nil
	}
	resp, err := u.town.world.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	u.after(what)
	u.waits()
	switch {
	case u.strikes(nodeLost):
		u.town.pass(10 * time.Second)
		return nil, errCut
	case u.strikes(nodeSlow):
		u.town.pass(time.Duration(1+u.town.rng.IntN(8)) * time.Second)
	case u.strikes(nodeNoJSON):
		return world.Response(r, http.StatusOK, []byte("<html>502 Bad Gateway</html>")), nil
	case sends && u.strikes(nodeHash):
		return bend(r, resp, func(m map[string]json.RawMessage) {
			if _, there := m["result"]; there {
				m["result"] = json.RawMessage(`"0x00000000000000000000000000000000000000000000000000000000000000aa"`)
			}
		})
	case u.strikes(nodeBatch):
		return leaveOut(r, resp)
	}
	return resp, nil
}

func bend(r *http.Request, resp *http.Response, f func(map[string]json.RawMessage)) (*http.Response, error) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var all []map[string]json.RawMessage
	var bent []byte
	if json.Unmarshal(body, &all) == nil {
		for _, m := range all {
			f(m)
		}
		bent, err = json.Marshal(all)
	} else {
		var one map[string]json.RawMessage
		if err := json.Unmarshal(body, &one); err != nil {
			return nil, err
		}
		f(one)
		bent, err = json.Marshal(one)
	}
	return world.Response(r, http.StatusOK, bent), err
}

func leaveOut(r *http.Request, resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var all []json.RawMessage
	if json.Unmarshal(body, &all) == nil && len(all) > 1 {
		if body, err = json.Marshal(all[:len(all)/2]); err != nil {
			return nil, err
		}
	}
	return world.Response(r, http.StatusOK, body), nil
}
