package presence

import (
	"slices"
	"testing"
	"time"

	"coffer.internal/internal/store"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// row is an instance that beat so long ago and obeyed that generation.
func row(id string, silent time.Duration, generation int64) store.Instance {
	return store.Instance{ID: id, HeartbeatAt: noon.Add(-silent), Cache: store.CacheFigures{Generation: generation}}
}

func names(all []store.Instance) (out []string) {
	for _, i := range all {
		out = append(out, i.ID)
	}
	return out
}

func TestAnInstanceIsStaleAfterFifteenSecondsWithoutAHeartbeat(t *testing.T) {
	s := Status{Now: noon, Instances: []store.Instance{row("now", 0, 0), row("late", 15*time.Second-1, 0), row("gone", 15*time.Second, 0), row("ahead", -time.Second, 0)}}
	if got := names(s.Live()); !slices.Equal(got, []string{"now", "late", "ahead"}) {
		t.Errorf("live: %v", got)
	}
	if got := names(s.Gone()); !slices.Equal(got, []string{"gone"}) {
		t.Errorf("stale: %v", got)
	}
}

func TestF36AnInstanceThatDiedBeforeTheClockWasSetBackIsStale(t *testing.T) {
	s := Status{Now: noon, Instances: []store.Instance{row("died", -time.Hour, 0), row("lives", 0, 0)}}
	if live, gone := names(s.Live()), names(s.Gone()); !slices.Equal(live, []string{"lives"}) || !slices.Equal(gone, []string{"died"}) {
		t.Errorf("live: %v, stale: %v", live, gone)
	}
}

func TestWhoWasLiveWhenAskedMustAnswer(t *testing.T) {
	asked := Status{Now: noon, Generation: 7, Instances: []store.Instance{
		row("obeys", 0, 6), row("hangs", 10*time.Second, 6), row("ends", 0, 6), row("dead", time.Minute, 6),
	}}
	now := Status{Now: noon.Add(6 * time.Second), Generation: 8, Instances: []store.Instance{
		row("obeys", 0, 7), row("hangs", 10*time.Second, 6), // 16 seconds silent by now, but it was asked
		row("dead", time.Minute, 6), row("newcomer", 0, 8),
	}}
	c := judge(asked, now)
	if got := names(c.Acknowledged); !slices.Equal(got, []string{"obeys"}) {
		t.Errorf("acknowledged: %v", got)
	}
	if got := names(c.Missing); !slices.Equal(got, []string{"hangs"}) {
		t.Errorf("missing: %v", got)
	}
	if got := names(c.Stale); !slices.Equal(got, []string{"dead"}) || c.Asked() != 2 || c.Generation != 7 {
		t.Errorf("stale: %v; %+v", got, c)
	}
	for i := range now.Instances {
		now.Instances[i].Cache.Generation = 9 // somebody else raised it once more: that is obeyed as well
	}
	if c := judge(asked, now); len(c.Acknowledged) != 2 || len(c.Missing) != 0 {
		t.Errorf("a later generation: %+v", c)
	}
}
