package store

import (
	"context"
	"time"
)

// Settings are what a coffer.toml said when an officer signed for it. Those that are not revoked are in force: at most one row of a digest. No
// row is ever deleted or made good again: what was revoked and is accepted anew has another row.
type Settings struct {
	ID         int64
	Digest     string // SHA-256 of the content, hex
	View       string // the content as it may be shown, a line for each key
	AcceptedAt time.Time
	AcceptedBy string    // who signed
	RevokedAt  time.Time // zero: in force
}

// SettingsMark is what has to be known of a coffer.toml before it is gone by.
type SettingsMark struct {
	Ever    bool // some settings were accepted in this ledger, those that are revoked included
	InForce bool // these are
}

// SettingsReader is the part of Reader that is about settings.
type SettingsReader interface {
	// Settings lists all that were ever accepted, by id, those that are revoked too.
	Settings(ctx context.Context) ([]Settings, error)
	// SettingsOf says how it stands with one digest, in one cheap look.
	SettingsOf(ctx context.Context, digest string) (SettingsMark, error)
}

// SettingsWriter is the part of Tx that is about settings.
type SettingsWriter interface {
	// LockSettings is Settings, and nobody else accepts or revokes any before the transaction ends.
	LockSettings(ctx context.Context) ([]Settings, error)
	// AcceptSettings puts settings in force. ErrExists if they are. AcceptedAt is the store's clock's.
	AcceptSettings(ctx context.Context, s Settings) error
	// RevokeSettings revokes the ones with that id. ErrStale if they are revoked, or not there.
	RevokeSettings(ctx context.Context, id int64) error
}
