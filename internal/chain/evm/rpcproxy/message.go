package rpcproxy

import (
	"bytes"
	"encoding/json"
	"maps"
)

// message is a JSON-RPC 2.0 request or response; whatever else stands in one is kept.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

// read takes a message or a batch of them apart.
func read(body []byte) (all []message, batch bool) {
	if err := json.Unmarshal(body, &all); err == nil {
		return all, true
	}
	var one message
	if err := json.Unmarshal(body, &one); err != nil {
		return nil, false
	}
	return []message{one}, false
}

// methodsOf are the methods of a request's messages by their id.
func methodsOf(body []byte) map[string]string {
	methods := map[string]string{}
	all, _ := read(body)
	for _, m := range all {
		methods[string(m.ID)] = m.Method
	}
	return methods
}

// bend lets Lie's function have each result of an answer, and puts Fail's errors into it. Without any the answer goes out byte for byte.
func (p *Proxy) bend(methods map[string]string, answer []byte) []byte {
	p.mu.Lock()
	lie, fail := p.lie, maps.Clone(p.fail)
	p.mu.Unlock()
	all, batch := read(answer)
	if lie == nil && len(fail) == 0 || len(all) == 0 {
		return answer
	}
	for i, m := range all {
		switch method := methods[string(m.ID)]; {
		case len(fail[method]) > 0:
			all[i].Result, all[i].Error = nil, fail[method]
		case lie != nil && len(m.Result) > 0:
			all[i].Result = lie(method, m.Result)
		}
	}
	var what any = all
	if !batch {
		what = all[0]
	}
	var bent bytes.Buffer
	if err := json.NewEncoder(&bent).Encode(what); err != nil {
		return answer // f made no JSON of it
	}
	return bent.Bytes()
}
