package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"coffer.internal/internal/store"
)

func scanSettings(rs *sql.Rows, s *store.Settings) error {
	return rs.Scan(&s.ID, &s.Digest, &s.View, when{&s.AcceptedAt}, &s.AcceptedBy, when{&s.RevokedAt})
}

// Settings lists all that were ever accepted.
func (r *reader) Settings(context.Context) ([]store.Settings, error) {
	text, args := where("settings").order("id", 0)
	return rows(r, text, scanSettings, args...)
}

// SettingsOf says how it stands with one digest.
func (r *reader) SettingsOf(_ context.Context, digest string) (m store.SettingsMark, err error) {
	_, err = rows(r, queries["settings_of"], func(rs *sql.Rows, _ *struct{}) error { return rs.Scan(&m.Ever, &m.InForce) }, digest)
	return m, err
}

// LockSettings is Settings: the transaction is the lock.
func (t *tx) LockSettings(ctx context.Context) ([]store.Settings, error) { return t.Settings(ctx) }

// AcceptSettings puts settings in force.
func (t *tx) AcceptSettings(_ context.Context, s store.Settings) error {
	_, err := t.exec(queries["settings_accept"], s.Digest, s.View, text(t.now), s.AcceptedBy)
	return err
}

// RevokeSettings revokes settings.
func (t *tx) RevokeSettings(_ context.Context, id int64) error {
	return t.one(fmt.Sprintf("revoke settings %d", id), queries["settings_revoke"], id, text(t.now))
}
