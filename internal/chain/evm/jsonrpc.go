package evm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

const (
	// answerBytes is the most that is read of an answer; ten full blocks are below it.
	answerBytes = 32 << 20
	// textRunes is the most that is kept of a text that a node wrote.
	textRunes = 300
	// tooManyRequests is HTTP 429, taken as the node's own error: it did not look at the request.
	tooManyRequests = http.StatusTooManyRequests
)

// request is one JSON-RPC 2.0 call.
type request struct {
	method string
	params []any
}

// reply is what came of a request: a result, the node's own error, or nothing that can be trusted.
type reply struct {
	node   string
	result json.RawMessage // "null" too is a result
	err    *rpcError
	lost   error
}

// rpcError is a node's own, clean "no".
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *rpcError) Error() string { return fmt.Sprintf("%s (%d)", e.Message, e.Code) }

// problem is why there is no result, or nil.
func (r reply) problem() error {
	switch {
	case r.lost != nil:
		return r.lost
	case r.err != nil:
		return fmt.Errorf("%s: %w", r.node, r.err)
	}
	return nil
}

// into reads the result. null is an error here.
func (r reply) into(v any) error {
	if err := r.problem(); err != nil {
		return err
	}
	if r.null() {
		return fmt.Errorf("%s answers null", r.node)
	}
	if err := json.Unmarshal(r.result, v); err != nil {
		return fmt.Errorf("%s answers %s: %w", r.node, shown(string(r.result)), err)
	}
	return nil
}

// null says that the node answered cleanly that there is no such thing.
func (r reply) null() bool { return string(r.result) == "null" }

func allLost(n int, why error) []reply {
	replies := make([]reply, n)
	for i := range replies {
		replies[i].lost = why
	}
	return replies
}

// encode writes one call as an object and several as a batch, with ids from first on.
func encode(first uint64, requests []request) ([]byte, error) {
	type call struct {
		Version string `json:"jsonrpc"`
		ID      uint64 `json:"id"`
		Method  string `json:"method"`
		Params  []any  `json:"params"`
	}
	calls := make([]call, len(requests))
	for i, r := range requests {
		calls[i] = call{"2.0", first + uint64(i), r.method, append([]any{}, r.params...)}
	}
	if len(calls) == 1 {
		return json.Marshal(calls[0])
	}
	return json.Marshal(calls)
}

// post gives the body of a node's HTTP 200. Its errors name no URL.
func (n *node) post(ctx context.Context, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the request cannot be made")
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := n.http.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL
		}
		return nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerBytes+1))
	err = errors.Join(err, resp.Body.Close())
	switch {
	case err != nil:
		return nil, err
	case len(answer) > answerBytes:
		return nil, fmt.Errorf("the answer is longer than %d bytes", answerBytes)
	case resp.StatusCode == tooManyRequests:
		return json.Marshal(response{Error: &rpcError{tooManyRequests, "too many requests"}})
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	return answer, nil
}

type response struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *rpcError       `json:"error"`
}

// decode brings the answers into the order of the requests with ids from first on. What is missing, answered twice or not
// answered with exactly one of result and error is lost. A single object without an id is an error about all of them.
func decode(name string, first uint64, n int, answer []byte) []reply {
	var responses []response
	if err := json.Unmarshal(answer, &responses); err != nil {
		var one response
		if json.Unmarshal(answer, &one) != nil {
			return allLost(n, fmt.Errorf("%s answers no JSON-RPC: %s", name, shown(string(answer))))
		}
		if n > 1 || len(one.ID) == 0 || string(one.ID) == "null" {
			return about(name, n, one)
		}
		responses = []response{one}
	}
	replies := allLost(n, fmt.Errorf("%s left it out of its answer", name))
	seen := make([]bool, n)
	for _, r := range responses {
		var id uint64
		if json.Unmarshal(r.ID, &id) != nil || id < first || id-first >= uint64(n) {
			continue // not ours: whatever it answers stays lost
		}
		if i := id - first; seen[i] {
			replies[i] = reply{node: name, lost: fmt.Errorf("%s answers twice", name)}
		} else {
			seen[i] = true
			replies[i] = r.reply(name)
		}
	}
	return replies
}

// about is one object for all requests: only an error is believed, and only one that says that nothing was looked at.
func about(name string, n int, r response) []reply {
	if r.Error == nil {
		return allLost(n, fmt.Errorf("%s answers all with one object", name))
	}
	if !limited(r.Error.Code) {
		return allLost(n, fmt.Errorf("%s: %w", name, r.reply(name).err))
	}
	replies := make([]reply, n)
	for i := range replies {
		replies[i] = r.reply(name)
	}
	return replies
}

func (r response) reply(name string) reply {
	switch {
	case r.Error != nil && len(r.Result) == 0 || r.Error != nil && string(r.Result) == "null":
		return reply{node: name, err: &rpcError{r.Error.Code, shown(r.Error.Message)}}
	case r.Error == nil && len(r.Result) > 0:
		return reply{node: name, result: r.Result}
	}
	return reply{node: name, lost: fmt.Errorf("%s answers neither with a result nor with an error", name)}
}

// shown is a node's text as it may be stored and shown: short and without control characters.
func shown(s string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s))
	if len(runes) > textRunes {
		runes = append(runes[:textRunes], '…')
	}
	return string(runes)
}
