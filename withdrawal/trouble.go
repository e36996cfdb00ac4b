package withdrawal

import (
	"log/slog"
	"time"
)

// trouble logs a step's errors: each new one, and one that stays once a minute.
type trouble struct {
	log  *slog.Logger
	now  func() time.Time
	text string
	told time.Time
}

const tellEvery = time.Minute

func (t *trouble) tell(err error) {
	switch {
	case err == nil && t.text == "":
	case err == nil:
		t.text = ""
		t.log.Info("it goes on")
	case err.Error() != t.text || t.now().Sub(t.told) >= tellEvery:
		t.text, t.told = err.Error(), t.now()
		t.log.Warn("no progress; it is tried again", "error", t.text)
	}
}

// asides are payments that cannot be judged now though others can, with when to try them again. Forgetting them, as a restart
// does, is harmless.
type asides map[string]time.Time

// asideFor is how long such a payment is left alone, so that it does not take the lowest nonce again and again.
const asideFor = 10 * time.Second

func (a asides) put(payment string, now time.Time) { a[payment] = now.Add(asideFor) }

// at says whether a payment is left alone now.
func (a asides) at(payment string, now time.Time) bool {
	until, there := a[payment]
	// One that ends later than any could was put aside before the clock went back (F36).
	if there && (!now.Before(until) || until.Sub(now) > asideFor) {
		delete(a, payment)
		return false
	}
	return there
}
