package coffer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/metrics"
	"coffer.internal/internal/store"
	"coffer.internal/wallet"
)

// loopback refuses an address that anybody but this machine can reach: coffer offers no network service.
func loopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fault.New(fault.Usage, "bad_address", "write --metrics 127.0.0.1:9464", "%q is not HOST:PORT", address)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fault.New(fault.Refused, "not_loopback", "write --metrics 127.0.0.1:9464, and let an agent on this machine scrape it",
		"metrics are not served on %s: only on this machine's loopback, because coffer offers no network service", address)
}

// metered serves the metrics, if they are wanted, until leave is called, which waits for the end of it.
func (s *System) metered() (leave func(), err error) {
	if s.metrics == nil {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", s.metricsAt)
	if err != nil {
		return nil, fault.Wrap(err, nil, "metrics_not_served", "name another port, as in --metrics 127.0.0.1:9465", "serve metrics on %s", s.metricsAt)
	}
	server := &http.Server{Handler: s.metrics.Handler(), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("metrics are served no more", "error", err)
		}
	}()
	s.log.Info("metrics", "url", fmt.Sprintf("http://%s/metrics", l.Addr()))
	return func() {
		_ = server.Close() // a scrape that is cut off is made again
		<-ended
	}, nil
}

// figures reads what is so now, for a scrape.
type figures struct{ *System }

// Figures reads the database in one snapshot, then adds what the guard saw last and what the signing machine says.
func (s figures) Figures(ctx context.Context) (f metrics.Figures, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		f = metrics.Figures{}
		if f.Now, err = r.Now(ctx); err != nil {
			return err
		}
		backlog, err := r.Backlog(ctx)
		if err != nil {
			return err
		}
		for _, b := range backlog {
			f.Queue = append(f.Queue, metrics.Queue{Chain: lane(b.ChainType, b.ChainID), State: b.State, Count: b.Count, Oldest: b.Oldest})
		}
		tree, err := r.AuditTree(ctx)
		if err != nil {
			return err
		}
		f.Unsealed, f.OldestUnsealed = tree.Unsealed, tree.OldestUnsealed
		if f.LastBackup, err = lastScheduled(ctx, r); err != nil {
			return err
		}
		return s.wallets(ctx, r, &f)
	})
	for _, w := range s.engine.Watched() {
		f.Nodes = append(f.Nodes, nodes(lane(w.ChainType, w.ChainID), w.Nodes)...)
	}
	c := s.cache.Figures()
	f.Cache = metrics.Cache{Hits: uint64(c.Hits), Misses: uint64(c.Misses), Size: int(c.Entries)}
	if st, err := s.machine.Status(ctx); err == nil {
		f.SignerUp, f.SignerLocked, f.SignerFrozen = true, st.Locked, st.Frozen != ""
	}
	return f, err
}

func lane(chainType string, chainID int64) string { return fmt.Sprintf("%s:%d", chainType, chainID) }

// wallets reads the hot wallets whose keys are here, and the alarms.
func (s figures) wallets(ctx context.Context, r store.Reader, f *metrics.Figures) error {
	open, err := r.Alarms(ctx, store.AlarmFilter{Open: true})
	if err != nil {
		return err
	}
	f.Alarms = counted(open)
	hot, err := r.Wallets(ctx, store.WalletFilter{WalletType: string(wallet.Hot)})
	if err != nil {
		return err
	}
	hot = slices.DeleteFunc(hot, func(w store.Wallet) bool { return w.Device == "" })
	ids := make([]int64, len(hot))
	for i, w := range hot {
		ids[i] = w.ID
	}
	loads, err := r.Loads(ctx, ids)
	if err != nil {
		return err
	}
	leases, err := r.Leases(ctx, ids)
	if err != nil {
		return err
	}
	out, err := r.Attempts(ctx, store.AttemptFilter{WalletIDs: ids, States: []string{store.AttemptSigned, store.AttemptSent}, By: "nonce"})
	if err != nil {
		return err
	}
	for i, w := range hot {
		l := loads[i]
		f.Wallets = append(f.Wallets, metrics.Wallet{
			Chain: lane(w.ChainType, w.ChainID), Address: w.Address, Active: w.Active, Braked: l.Brake != "", Mine: s.engine.Drives(w.ID),
			Leased: slices.ContainsFunc(leases, func(x store.Lease) bool {
				return x.WalletID == w.ID && x.Holder != "" && x.ExpiresAt.After(f.Now)
			}),
			Cursor: w.Nonce, Free: l.Free, Reserved: l.Reserved, Unmined: l.Unmined, InFlight: l.InFlight, GapsLen: len(l.Gaps),
			Waits: waits(out, w.ID, l.LowestUnmined),
		})
	}
	return nil
}

// waits is when the first attempt at a wallet's lowest nonce in no block was signed.
func waits(out []store.Attempt, walletID int64, lowest *uint64) (since time.Time) {
	for _, a := range out {
		if lowest != nil && a.WalletID == walletID && a.Nonce == *lowest && (since.IsZero() || a.SignedAt.Before(since)) {
			since = a.SignedAt
		}
	}
	return since
}

func counted(open []store.Alarm) []metrics.Alarm {
	var all []metrics.Alarm
	for _, a := range open {
		chain := lane(a.ChainType, a.ChainID)
		i := slices.IndexFunc(all, func(x metrics.Alarm) bool { return x.Chain == chain && x.Kind == a.Kind && x.Brake == a.Brake })
		if i < 0 {
			i, all = len(all), append(all, metrics.Alarm{Chain: chain, Kind: a.Kind, Brake: a.Brake})
		}
		all[i].Count++
	}
	return all
}

func nodes(of string, states []chain.NodeState) []metrics.Node {
	highest := uint64(0)
	for _, n := range states {
		highest = max(highest, n.Head)
	}
	out := make([]metrics.Node, len(states))
	for i, n := range states {
		up := n.Problem == "" && !n.WrongChain
		out[i] = metrics.Node{Chain: of, Name: n.Name, Up: up, Head: n.Head, HeadAt: n.HeadAt, Lag: highest - n.Head}
	}
	return out
}
