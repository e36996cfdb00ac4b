package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

func scanSettings(rs pgx.Rows, s *store.Settings) error {
	return rs.Scan(&s.ID, &s.Digest, &s.View, when{&s.AcceptedAt}, &s.AcceptedBy, when{&s.RevokedAt})
}

// Settings lists all that were ever accepted.
func (r *reader) Settings(context.Context) ([]store.Settings, error) {
	text, args := where("settings").order("id", 0)
	return rows(r, text, scanSettings, args...)
}

// SettingsOf says how it stands with one digest.
func (r *reader) SettingsOf(_ context.Context, digest string) (store.SettingsMark, error) {
	all, err := rows(r, queries["settings_of"], func(rs pgx.Rows, m *store.SettingsMark) error { return rs.Scan(&m.Ever, &m.InForce) }, digest)
	if err != nil {
		return store.SettingsMark{}, err
	}
	return all[0], nil
}

// LockSettings locks the table and reads it, in statements of their own: the second sees what the last holder left.
func (t *tx) LockSettings(context.Context) (all []store.Settings, err error) {
	text, args := where("settings").order("id", 0)
	return all, t.run(step{text: queries["settings_lock"]}, query(&all, text, scanSettings, args...))
}

// AcceptSettings puts settings in force.
func (t *tx) AcceptSettings(_ context.Context, s store.Settings) error {
	return t.run(exactly(1, "accept settings", queries["settings_accept"], s.Digest, s.View, s.AcceptedBy))
}

// RevokeSettings revokes settings.
func (t *tx) RevokeSettings(_ context.Context, id int64) error {
	return t.run(exactly(1, fmt.Sprintf("revoke settings %d", id), queries["settings_revoke"], id))
}
