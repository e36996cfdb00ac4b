package main

import (
	"time"

	"github.com/spf13/cobra"

	"coffer.internal"
)

func (a *app) cacheStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cache-status",
		Short: "Show every running process and how its memory cache does",
		Long: `Shows each long-lived process (coffer run, withdraw --file, a Go program that attends), on whatever machine:
how often its cache knew a wallet (HITS) and how often the database was asked (MISSES), how many entries it has
(SIZE), how old the oldest was at the last heartbeat (AGE), and the GENERATION it obeyed last. A process whose
last heartbeat is 15 seconds old is stale: it was killed, it hangs, or it cannot reach the database; its row is
dropped after a day. The cache holds no nonces, so it is never a reason for a wrong one.`,
		Example: `  coffer cache-status
  coffer cache-status --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(s *coffer.System) error {
				st, err := s.CacheStatus(cmd.Context())
				if err != nil {
					return err
				}
				return a.showCacheStatus(st)
			})
		},
	}
}

func (a *app) showCacheStatus(st coffer.CacheStatus) error {
	if a.json {
		return a.document(map[string]any{
			"now": stamp(st.Now), "generation": st.Generation, "instances": viewInstances(st, st.Instances),
		})
	}
	if len(st.Live()) == 0 {
		a.note("no process is running, so there is no cache; start one with: coffer run")
	}
	if len(st.Instances) == 0 {
		return nil
	}
	rows := make([][]string, len(st.Instances))
	for i, in := range st.Instances {
		c := in.Cache
		age := "-"
		if c.Entries > 0 {
			age = tenths(c.OldestAge)
		}
		rows[i] = []string{
			in.ID, in.Kind, in.Host, number(in.PID), state(st, in), number(c.Hits), number(c.Misses), number(c.Entries), age,
			number(c.Generation), tenths(st.Now.Sub(in.HeartbeatAt)) + " ago",
		}
	}
	table(a.stdout, []string{"INSTANCE", "KIND", "HOST", "PID", "STATE", "HITS", "MISSES", "SIZE", "AGE", "GENERATION", "HEARTBEAT"}, rows)
	a.note("the generation is %d", st.Generation)
	return nil
}

// tenths shows a short time in tenths of seconds.
func tenths(d time.Duration) string { return max(d, 0).Round(100 * time.Millisecond).String() }

func state(st coffer.CacheStatus, i coffer.Instance) string {
	if st.Stale(i) {
		return "stale"
	}
	return "live"
}

// instanceView is a long-lived process in --json.
type instanceView struct {
	ID          string  `json:"id"`
	Kind        string  `json:"kind"`
	Host        string  `json:"host"`
	PID         int     `json:"pid"`
	Version     string  `json:"version"`
	State       string  `json:"state"`
	StartedAt   *string `json:"started_at"`
	HeartbeatAt *string `json:"heartbeat_at"`
	Generation  int64   `json:"generation"`
	Hits        int64   `json:"hits"`
	Misses      int64   `json:"misses"`
	Size        int     `json:"size"`
	OldestAgeMS *int64  `json:"oldest_age_ms"`
}

func viewInstances(st coffer.CacheStatus, all []coffer.Instance) []instanceView {
	views := make([]instanceView, len(all))
	for i, in := range all {
		c := in.Cache
		views[i] = instanceView{
			ID: in.ID, Kind: in.Kind, Host: in.Host, PID: in.PID, Version: in.Version, State: state(st, in),
			StartedAt: stamp(in.StartedAt), HeartbeatAt: stamp(in.HeartbeatAt),
			Generation: c.Generation, Hits: c.Hits, Misses: c.Misses, Size: c.Entries,
		}
		if c.Entries > 0 {
			age := c.OldestAge.Milliseconds()
			views[i].OldestAgeMS = &age
		}
	}
	return views
}
