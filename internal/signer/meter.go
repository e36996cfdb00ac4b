package signer

import (
	"maps"
	"slices"
	"sync"
	"time"

	"coffer.internal/internal/signer/requestlog"
	"coffer.internal/internal/signer/wire"
)

// signBuckets are the upper bounds of the histogram of requests for signatures.
var signBuckets = []time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 10 * time.Second,
}

// Meter counts what is asked of a machine, since the process began. A nil one counts nothing.
type Meter struct {
	mu       sync.Mutex
	requests map[pathCode]uint64
	intents  map[string]uint64 // by code
	shut     map[string]uint64 // connections that were refused, by code
	slots    []uint64          // as signBuckets, and one for what is longer
	took     time.Duration     // all requests for signatures together
}

type pathCode struct{ path, code string }

// NewMeter makes one.
func NewMeter() *Meter {
	return &Meter{requests: map[pathCode]uint64{}, intents: map[string]uint64{}, shut: map[string]uint64{}, slots: make([]uint64, len(signBuckets)+1)}
}

// request counts a request that was answered, or not.
func (m *Meter) request(l requestlog.Line) {
	if m == nil {
		return
	}
	path := l.Path
	if _, ok := endpoints[path]; !ok {
		path = "other" // whoever asks shall not choose how many there are
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[pathCode{path, l.Code}]++
	for _, in := range l.Intents {
		m.intents[in.Code]++
	}
	if path != wire.PathSign {
		return
	}
	m.took += l.Took
	at, _ := slices.BinarySearch(signBuckets, l.Took)
	m.slots[at]++
}

// refused counts a connection that was refused.
func (m *Meter) refused(code string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shut[code]++
}

// write appends what was counted.
func (m *Meter) write(e *exposition) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.family("coffer_signer_requests_total", "counter", "Requests by path and outcome.")
	for _, k := range slices.SortedFunc(maps.Keys(m.requests), func(a, b pathCode) int {
		return slices.Compare([]string{a.path, a.code}, []string{b.path, b.code})
	}) {
		e.sample("coffer_signer_requests_total", float64(m.requests[k]), "path", k.path, "code", k.code)
	}
	e.family("coffer_signer_intents_total", "counter", "Intents by outcome: signed, or the code of the refusal or of no answer.")
	for _, code := range slices.Sorted(maps.Keys(m.intents)) {
		e.sample("coffer_signer_intents_total", float64(m.intents[code]), "code", code)
	}
	e.family("coffer_signer_connections_refused_total", "counter", "Connections that were refused, by reason.")
	for _, code := range slices.Sorted(maps.Keys(m.shut)) {
		e.sample("coffer_signer_connections_refused_total", float64(m.shut[code]), "code", code)
	}
	e.family("coffer_signer_sign_duration_seconds", "histogram", "How long requests for signatures took, reading and journaling included.")
	var sum uint64
	for i, n := range m.slots {
		sum += n
		bound := "+Inf"
		if i < len(signBuckets) {
			bound = number(signBuckets[i].Seconds())
		}
		e.sample("coffer_signer_sign_duration_seconds_bucket", float64(sum), "le", bound)
	}
	e.sample("coffer_signer_sign_duration_seconds_sum", m.took.Seconds())
	e.sample("coffer_signer_sign_duration_seconds_count", float64(sum))
}
