package alerting

import (
	"time"

	"coffer.internal/internal/store"
)

const (
	// repeatEvery is how often an Alertmanager is told again of what fires.
	repeatEvery = time.Minute
	// lookBack is how long ago an alarm may have ended for a process that has just begun to tell of it.
	lookBack = time.Hour
	// mostAtOnce is how many alerts one message has at most. The rest goes with the next one.
	mostAtOnce = 500

	firstWait, longestWait = time.Second, time.Minute
)

// told is what one receiver knows, and when it may be tried again. It has no effects.
type told struct {
	repeat  bool           // what fires is told again every so often
	ended   map[int64]bool // by alarm id: whether it was told that it ended; missing: it was told nothing
	whole   time.Time      // when it was last told of all that fires
	reached time.Time      // when it last took something, or there was nothing to tell
	failed  int            // how often in a row it did not
	next    time.Time      // not before then
}

func newTold(repeat bool) *told { return &told{repeat: repeat, ended: map[int64]bool{}} }

// since is from when on the ends of alarms are of interest: what ended while the receiver could not be reached is told still.
func (t *told) since(now time.Time) time.Time {
	since := now.Add(-lookBack)
	if !t.reached.IsZero() && t.reached.Before(since) {
		since = t.reached.Add(-time.Minute) // an end may be committed a little later than its time
	}
	return since
}

// due are the alarms that it is to be told of now, news first, and how many more there are; none, if there is nothing new and
// nothing to repeat, or if it has to wait. What fires comes along with any news.
func (t *told) due(now time.Time, as []store.Alarm) (due []store.Alarm, rest int) {
	if now.Before(t.next) {
		return nil, 0
	}
	var news, known []store.Alarm
	for _, a := range as {
		over := !a.EndedAt.IsZero()
		switch saidOver, said := t.ended[a.ID]; {
		case !said || over && !saidOver:
			news = append(news, a)
		case !over:
			known = append(known, a)
		}
	}
	repeat := t.repeat && len(known) > 0 && now.Sub(t.whole) >= repeatEvery
	if len(news) == 0 && !repeat {
		t.reached = now
		return nil, 0
	}
	all := append(news, known...)
	n := min(len(all), mostAtOnce)
	return all[:n], len(all) - n
}

// took notes that it was told of these.
func (t *told) took(now time.Time, sent, current []store.Alarm) {
	for _, a := range sent {
		t.ended[a.ID] = !a.EndedAt.IsZero()
	}
	there := make(map[int64]bool, len(current))
	for _, a := range current {
		there[a.ID] = true
	}
	for id := range t.ended {
		if !there[id] {
			delete(t.ended, id)
		}
	}
	t.failed, t.next, t.whole, t.reached = 0, time.Time{}, now, now
}

// refused notes that it did not take it: each time in a row it is left alone for longer.
func (t *told) refused(now time.Time) (wait time.Duration) {
	wait = min(firstWait<<min(t.failed, 10), longestWait)
	t.failed++
	t.next = now.Add(wait)
	return wait
}
