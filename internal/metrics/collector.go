package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Source reads what is so now. What it returns beside an error is as far as it came.
type Source interface {
	Figures(ctx context.Context) (Figures, error)
}

// Figures are what is so at one moment.
type Figures struct {
	Now     time.Time
	Queue   []Queue
	Wallets []Wallet
	Alarms  []Alarm
	Nodes   []Node
	Cache   Cache
	// Unsealed is how many audit rows wait to be sealed, and OldestUnsealed since when the first does; zero: none.
	Unsealed       int
	OldestUnsealed time.Time
	// LastBackup is when a daemon wrote one last; zero: never.
	LastBackup time.Time
	// SignerUp: the signing machine answers. Locked and frozen say something only then.
	SignerUp, SignerLocked, SignerFrozen bool
}

// Queue is how many withdrawals of a chain stand in a state, and when the oldest was accepted.
type Queue struct {
	Chain, State string
	Count        int
	Oldest       time.Time
}

// Wallet is a hot wallet of the ledger.
type Wallet struct {
	Chain, Address                             string
	Active, Braked, Leased, Mine               bool
	Cursor                                     uint64
	Free, Reserved, Unmined, InFlight, GapsLen int
	Waits                                      time.Time // when its lowest nonce in no block was signed; zero: none is
}

// Alarm counts the open alarms of a kind.
type Alarm struct {
	Chain, Kind string
	Brake       bool
	Count       int
}

// Node is what the guard saw last of a node.
type Node struct {
	Chain, Name string
	Up          bool
	Head        uint64
	HeadAt      time.Time
	Lag         uint64 // blocks behind the highest head
}

// Cache is this process's cache of wallet rows.
type Cache struct {
	Hits, Misses uint64
	Size         int
}

type collector struct {
	source Source

	queue, queueAge                                                                     *prometheus.Desc
	cursor, free, reserved, unmined, inFlight, gaps, waits, active, brake, leased, mine *prometheus.Desc
	alarms, nodeUp, nodeHead, nodeAge, nodeLag                                          *prometheus.Desc
	unsealed, unsealedAge, backupAge                                                    *prometheus.Desc
	hits, misses, size, signerUp, signerLocked, signerFrozen, took, failed              *prometheus.Desc
}

func newCollector(source Source) *collector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	wallet := []string{"chain", "wallet"}
	return &collector{
		source:       source,
		queue:        d("coffer_withdrawals", "Withdrawals that have not ended, by state.", "chain", "state"),
		queueAge:     d("coffer_withdrawals_oldest_age_seconds", "How long ago the oldest of them was accepted.", "chain", "state"),
		cursor:       d("coffer_wallet_cursor", "The next nonce to hand out.", wallet...),
		free:         d("coffer_wallet_free_nonces", "Nonces below the cursor that belong to nobody.", wallet...),
		reserved:     d("coffer_wallet_reserved_nonces", "Nonces that are reserved and not asked for.", wallet...),
		unmined:      d("coffer_wallet_unmined_nonces", "Nonces that were asked for and are in no block.", wallet...),
		inFlight:     d("coffer_wallet_in_flight_nonces", "Nonces that were asked for and are not final.", wallet...),
		gaps:         d("coffer_wallet_gaps", "Unsigned nonces below a signed one, at most 100.", wallet...),
		waits:        d("coffer_wallet_lowest_unconfirmed_age_seconds", "How long ago the lowest nonce that is in no block was signed; 0 if there is none.", wallet...),
		active:       d("coffer_wallet_active", "1 if the wallet is active.", wallet...),
		brake:        d("coffer_wallet_braked", "1 if the wallet gets no new payment because of an alarm.", wallet...),
		leased:       d("coffer_wallet_leased", "1 if some daemon drives the wallet.", wallet...),
		mine:         d("coffer_wallet_lease_held", "1 if this process drives the wallet.", wallet...),
		alarms:       d("coffer_alarms", "Open alarms by kind.", "chain", "kind", "brake"),
		nodeUp:       d("coffer_node_up", "1 if the node gave a clean answer when the guard asked it last.", "chain", "node"),
		nodeHead:     d("coffer_node_head_height", "The height of the node's latest block.", "chain", "node"),
		nodeAge:      d("coffer_node_head_age_seconds", "How old the node's latest block is, by its own time.", "chain", "node"),
		nodeLag:      d("coffer_node_lag_blocks", "How many blocks the node is behind the highest.", "chain", "node"),
		unsealed:     d("coffer_audit_unsealed_rows", "Audit rows that wait to be sealed."),
		unsealedAge:  d("coffer_audit_unsealed_oldest_age_seconds", "How long ago the oldest of them was written; 0 if there is none."),
		backupAge:    d("coffer_backup_age_seconds", "How long ago a daemon wrote a backup last; missing if none ever did."),
		hits:         d("coffer_cache_hits_total", "Wallet rows that this process's cache had."),
		misses:       d("coffer_cache_misses_total", "Wallet rows that it had to read."),
		size:         d("coffer_cache_entries", "Entries of this process's cache."),
		signerUp:     d("coffer_signer_up", "1 if the signing machine answers."),
		signerLocked: d("coffer_signer_locked", "1 if it answers that it is locked."),
		signerFrozen: d("coffer_signer_frozen", "1 if it answers that it is frozen."),
		took:         d("coffer_scrape_duration_seconds", "How long reading these figures took."),
		failed:       d("coffer_scrape_failed", "1 if some figures could not be read, and are missing here."),
	}
}

// Describe names no metric in advance: which there are depends on what is there.
func (c *collector) Describe(ch chan<- *prometheus.Desc) { ch <- c.failed }

// Collect reads and sends.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	began := time.Now()
	f, err := c.source.Figures(ctx)
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	age := func(since time.Time) float64 {
		if since.IsZero() {
			return 0
		}
		return max(0, f.Now.Sub(since).Seconds())
	}
	for _, q := range f.Queue {
		gauge(c.queue, float64(q.Count), q.Chain, q.State)
		gauge(c.queueAge, age(q.Oldest), q.Chain, q.State)
	}
	for _, w := range f.Wallets {
		for _, one := range []struct {
			desc  *prometheus.Desc
			value float64
		}{
			{c.cursor, float64(w.Cursor)}, {c.free, float64(w.Free)}, {c.reserved, float64(w.Reserved)}, {c.unmined, float64(w.Unmined)},
			{c.inFlight, float64(w.InFlight)}, {c.gaps, float64(w.GapsLen)}, {c.waits, age(w.Waits)}, {c.active, bit(w.Active)},
			{c.brake, bit(w.Braked)}, {c.leased, bit(w.Leased)}, {c.mine, bit(w.Mine)},
		} {
			gauge(one.desc, one.value, w.Chain, w.Address)
		}
	}
	for _, a := range f.Alarms {
		gauge(c.alarms, float64(a.Count), a.Chain, a.Kind, map[bool]string{true: "true", false: "false"}[a.Brake])
	}
	for _, n := range f.Nodes {
		gauge(c.nodeUp, bit(n.Up), n.Chain, n.Name)
		if n.Up {
			gauge(c.nodeHead, float64(n.Head), n.Chain, n.Name)
			gauge(c.nodeAge, age(n.HeadAt), n.Chain, n.Name)
			gauge(c.nodeLag, float64(n.Lag), n.Chain, n.Name)
		}
	}
	gauge(c.unsealed, float64(f.Unsealed))
	gauge(c.unsealedAge, age(f.OldestUnsealed))
	if !f.LastBackup.IsZero() {
		gauge(c.backupAge, age(f.LastBackup))
	}
	ch <- prometheus.MustNewConstMetric(c.hits, prometheus.CounterValue, float64(f.Cache.Hits))
	ch <- prometheus.MustNewConstMetric(c.misses, prometheus.CounterValue, float64(f.Cache.Misses))
	gauge(c.size, float64(f.Cache.Size))
	gauge(c.signerUp, bit(f.SignerUp))
	gauge(c.signerLocked, bit(f.SignerLocked))
	gauge(c.signerFrozen, bit(f.SignerFrozen))
	gauge(c.took, time.Since(began).Seconds())
	gauge(c.failed, bit(err != nil))
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
