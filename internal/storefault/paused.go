package storefault

import (
	"fmt"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// CodePaused is the code of what is not done because the ledger was restored and nobody has accepted that yet.
const CodePaused = "paused_after_restore"

// Paused is the fault of whatever has to wait for the acceptance of a restore; nil if nothing has.
func Paused(m store.RestoreMark) error {
	if !m.Paused {
		return nil
	}
	return fault.New(fault.Unavailable, CodePaused, PausedHint(m), "%s", PausedWhy(m))
}

// PausedWhy says so in words.
func PausedWhy(m store.RestoreMark) string {
	return fmt.Sprintf("the ledger was restored from a backup of %s and is paused: no nonce is given, nothing is asked for, signed or sent until that is accepted",
		m.TakenAt.UTC().Format(time.RFC3339))
}

// PausedHint is the next command.
func PausedHint(m store.RestoreMark) string {
	if !m.Examined {
		return "coffer restore --continue"
	}
	return "coffer restore report; then coffer restore accept --reason TEXT"
}
