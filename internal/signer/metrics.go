package signer

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/requestlog"
)

// Metrics tells Prometheus about a machine. The text format is written by hand: Prometheus' own library would bring eight more modules
// into the program that holds the keys.
type Metrics struct {
	machine  *Machine
	meter    *Meter
	requests *requestlog.Log
	version  string
	log      *slog.Logger
}

// NewMetrics makes what serves metrics.
func NewMetrics(m *Machine, meter *Meter, requests *requestlog.Log, version string, log *slog.Logger) *Metrics {
	return &Metrics{m, meter, requests, version, log}
}

// ParseLoopback reads where metrics are served: HOST:PORT of this machine's loopback, or nothing.
func ParseLoopback(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	at, err := ParseListen(s)
	host, _, _ := net.SplitHostPort(at.TCP)
	if ip := net.ParseIP(host); err != nil || at.TCP == "" || ip == nil || !ip.IsLoopback() {
		return "", fault.New(fault.Usage, "not_loopback", "--metrics 127.0.0.1:9465", "metrics are served on this machine's loopback alone, and %q is not there", s)
	}
	return s, nil
}

// Serve answers GET /metrics on a listener until ctx ends. It closes the listener.
func (m *Metrics) Serve(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", m.tell)
	return serve(ctx, l, m.log, &http.Server{Handler: mux})
}

func (m *Metrics) tell(w http.ResponseWriter, r *http.Request) {
	st, err := m.machine.Status(r.Context())
	if err != nil {
		m.log.Error("read the metrics", "error", err)
		http.Error(w, "the journal cannot be read", http.StatusInternalServerError)
		return
	}
	e := new(exposition)
	m.meter.write(e)
	head, bytes := m.requests.Head()
	e.gauge("coffer_signer_locked", "1: it signs nothing until it is served again.", flag(st.Locked))
	e.gauge("coffer_signer_frozen", "1: it signs nothing until officers unfreeze it.", flag(st.Frozen != ""))
	e.gauge("coffer_signer_keys", "Keys made so far.", float64(st.Keys))
	e.gauge("coffer_signer_journal_signed", "Intents signed so far, by the journal.", float64(st.Signed))
	e.gauge("coffer_signer_journal_refused", "Intents refused so far, by the journal.", float64(st.Refused))
	e.gauge("coffer_signer_log_lines", "Number of the last line of the log of requests.", float64(head.Seq))
	e.gauge("coffer_signer_log_bytes", "Length of the file that the log is written to.", float64(bytes))
	e.gauge("coffer_signer_log_failing", "1: the log cannot be written, and nothing is signed.", flag(m.requests.Failing()))
	e.family("coffer_signer_build_info", "gauge", "Always 1.")
	e.sample("coffer_signer_build_info", 1, "version", m.version, "policy", st.Policy)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(e.Bytes())
}

// exposition is Prometheus' text format (version 0.0.4).
type exposition struct{ bytes.Buffer }

func (e *exposition) family(name, kind, help string) {
	e.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

func (e *exposition) gauge(name, help string, value float64) {
	e.family(name, "gauge", help)
	e.sample(name, value)
}

// sample writes a line; labels are name and value by turns.
func (e *exposition) sample(name string, value float64, labels ...string) {
	e.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		e.WriteString(map[bool]string{true: "{", false: ","}[i == 0] + labels[i] + `="` + labelValue.Replace(labels[i+1]) + `"`)
	}
	if len(labels) > 0 {
		e.WriteByte('}')
	}
	e.WriteString(" " + number(value) + "\n")
}

var labelValue = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
