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
