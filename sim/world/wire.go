package world

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

func nodeName(i int) string { return fmt.Sprintf("node%d.sim", i) }

// URL is where a client finds the node, through RoundTrip.
func (n *Node) URL() string { return "http://" + n.Name }

var _ http.RoundTripper = (*World)(nil)

// RoundTrip carries an HTTP request to the node that it names and answers at once.
func (w *World) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	for _, n := range w.Nodes {
		if n.Name == r.URL.Host {
			return Response(r, http.StatusOK, n.serve(body)), nil
		}
	}
	return nil, fmt.Errorf("no such host: %s", r.URL.Host)
}

// Response is an HTTP response with a body.
func Response(r *http.Request, status int, body []byte) *http.Response {
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)), Request: r,
	}
}

// call is a JSON-RPC request.
type call struct {
	ID     json.RawMessage   `json:"id"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
}

// answer is a JSON-RPC response.
type answer struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *rpcError       `json:"error,omitempty"`
}

// none is a result that is null.
type none struct{}

func (none) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// rpcError is a node's "no".
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func refuse(code int, format string, args ...any) *rpcError {
	return &rpcError{code, fmt.Sprintf(format, args...)}
}

// serve answers one call or a batch of them.
func (n *Node) serve(body []byte) []byte {
	var out any
	if body = bytes.TrimSpace(body); len(body) > 0 && body[0] == '[' {
		var calls []call
		if err := json.Unmarshal(body, &calls); err != nil {
			out = answer{Version: "2.0", Error: refuse(-32700, "parse error")}
		} else {
			answers := make([]answer, len(calls))
			for i, c := range calls {
				answers[i] = n.answer(c)
			}
			out = answers
		}
	} else {
		var c call
		if err := json.Unmarshal(body, &c); err != nil {
			out = answer{Version: "2.0", Error: refuse(-32700, "parse error")}
		} else {
			out = n.answer(c)
		}
	}
	encoded, err := json.Marshal(out)
	if err != nil {
		panic("world: an answer that is no JSON: " + err.Error())
	}
	return encoded
}

func (n *Node) answer(c call) answer {
	result, err := n.ask(c)
	if err != nil {
		return answer{Version: "2.0", ID: c.ID, Error: err}
	}
	if n.Answer != nil {
		result = n.Answer(c.Method, c.Params, result)
	}
	if result == nil {
		result = none{}
	}
	return answer{Version: "2.0", ID: c.ID, Result: result}
}
