// Package metrics makes Prometheus metrics of what the engine does and of what the database says.
//
// What happens is counted as it happens (Set is an observer of the engine); what is so is read when somebody scrapes, so that it
// is as true as the database. docs/metrics.md names every metric, and a test holds the page to the program.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// scrapeWithin is how long a scrape waits for what it reads. What is not read by then is left out, and coffer_scrape_failed says so.
const scrapeWithin = 5 * time.Second

// Set is a process's metrics, in a registry of their own.
type Set struct {
	registry *prometheus.Registry

	step      *prometheus.HistogramVec
	failed    *prometheus.CounterVec
	stage     *prometheus.HistogramVec
	sent      *prometheus.CounterVec
	replaced  *prometheus.CounterVec
	ended     *prometheus.CounterVec
	collector *collector
}

// The buckets: a step takes milliseconds; a stage anything from milliseconds to hours.
var (
	stepBuckets  = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	stageBuckets = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 21600}
)

// New makes a Set that reads from source when it is scraped.
func New(version string, source Source) *Set {
	s := &Set{
		registry: prometheus.NewRegistry(),
		step: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "coffer_step_duration_seconds", Help: "How long a pass of a step of the engine took.", Buckets: stepBuckets,
		}, []string{"chain", "step"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "coffer_step_failures_total", Help: "Passes that failed; each is tried again.",
		}, []string{"chain", "step"}),
		stage: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "coffer_stage_duration_seconds", Buckets: stageBuckets,
			Help: "How long a payment's transaction took to reach a stage from the one before: asked since accepted, signed since asked, sent and mined since signed, final since mined; ended since accepted.",
		}, []string{"chain", "stage"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "coffer_transactions_sent_total", Help: "Transactions given to the nodes, again included, by the best verdict of all nodes.",
		}, []string{"chain", "verdict"}),
		replaced: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "coffer_replacements_total", Help: "Further attempts asked for at a nonce, by what they are for.",
		}, []string{"chain", "purpose"}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "coffer_withdrawals_ended_total", Help: "Payments that ended, by outcome; failed ones are those that the chain reverted.",
		}, []string{"chain", "outcome"}),
	}
	s.collector = newCollector(source)
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "coffer_build_info", Help: "Always 1; the version is a label.", ConstLabels: prometheus.Labels{"version": version},
	}, func() float64 { return 1 })
	s.registry.MustRegister(s.step, s.failed, s.stage, s.sent, s.replaced, s.ended, s.collector, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

// Handler answers scrapes.
func (s *Set) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 2 * scrapeWithin}))
	return mux
}

// Step notes a pass.
func (s *Set) Step(lane, step string, took time.Duration, err error) {
	s.step.WithLabelValues(lane, step).Observe(took.Seconds())
	if err != nil {
		s.failed.WithLabelValues(lane, step).Inc()
	}
}

// Reached notes that a stage was reached.
func (s *Set) Reached(lane, stage string, after time.Duration) {
	s.stage.WithLabelValues(lane, stage).Observe(after.Seconds())
}

// Sent notes that a transaction was given to the nodes.
func (s *Set) Sent(lane, verdict string) { s.sent.WithLabelValues(lane, verdict).Inc() }

// Replaced notes a further attempt.
func (s *Set) Replaced(lane, purpose string) { s.replaced.WithLabelValues(lane, purpose).Inc() }

// Ended notes the end of a payment.
func (s *Set) Ended(lane, outcome string) { s.ended.WithLabelValues(lane, outcome).Inc() }
