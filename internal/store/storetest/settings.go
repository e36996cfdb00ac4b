package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

// settings are some that can be told by one letter.
func settings(letter string) store.Settings {
	return store.Settings{Digest: strings.Repeat(letter, 64), View: "pool_size = 1\nservice = \"" + letter + "\"", AcceptedBy: "ann"}
}

func (w *world) accept(all ...store.Settings) {
	w.Helper()
	for _, s := range all {
		w.update(func(tx store.Tx) error { return tx.AcceptSettings(w.ctx, s) })
	}
}

func (w *world) accepted() []store.Settings {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Settings, error) { return r.Settings(w.ctx) })
}

func (w *world) settingsOf(digest string) store.SettingsMark {
	w.Helper()
	return read(w, func(r store.Reader) (store.SettingsMark, error) { return r.SettingsOf(w.ctx, digest) })
}

func (w *world) revokeSettings(id int64) {
	w.Helper()
	w.update(func(tx store.Tx) error { return tx.RevokeSettings(w.ctx, id) })
}

func testSettings(t *testing.T, h Harness) {
	a, b := settings("a"), settings("b")
	tests(t, h, map[string]func(*world){
		"those that are accepted are listed and in force, with the store's time": func(w *world) {
			w.same("before", store.SettingsMark{}, w.settingsOf(a.Digest))
			w.accept(a, b)
			got := w.accepted()
			w.same("settings", []store.Settings{a, b}, got, cmpopts.IgnoreFields(store.Settings{}, "ID", "AcceptedAt"))
			for _, s := range got {
				if s.ID == 0 || s.AcceptedAt.IsZero() || s.AcceptedAt.Location() != time.UTC {
					w.Errorf("settings: %+v", s)
				}
				w.same("mark", store.SettingsMark{Ever: true, InForce: true}, w.settingsOf(s.Digest))
			}
			w.same("others", store.SettingsMark{Ever: true}, w.settingsOf(settings("c").Digest))
		},

		"they are in force once, and until they are revoked, which happens once": func(w *world) {
			accept := func(tx store.Tx) error { return tx.AcceptSettings(w.ctx, a) }
			w.accept(a, b)
			w.updateFails(accept, store.ErrExists)
			id := w.accepted()[0].ID
			revoke := func(id int64) func(store.Tx) error {
				return func(tx store.Tx) error { return tx.RevokeSettings(w.ctx, id) }
			}
			w.update(revoke(id))
			w.same("revoked", store.SettingsMark{Ever: true}, w.settingsOf(a.Digest))
			w.same("the other", store.SettingsMark{Ever: true, InForce: true}, w.settingsOf(b.Digest))
			w.updateFails(revoke(id), store.ErrStale)
			w.updateFails(revoke(4711), store.ErrStale)
			w.update(accept)
			w.same("anew", store.SettingsMark{Ever: true, InForce: true}, w.settingsOf(a.Digest))
			if got := w.accepted(); len(got) != 3 || got[0].RevokedAt.IsZero() || got[2].ID <= got[1].ID || !got[2].RevokedAt.IsZero() {
				w.Errorf("settings: %+v", got)
			}
		},

		"nobody changes, deletes or restores a row of settings": func(w *world) {
			w.accept(a, b)
			w.revokeSettings(w.accepted()[1].ID)
			before := w.accepted()
			for _, statement := range []string{
				"UPDATE settings SET revoked_at = NULL WHERE accepted_by = 'ann'",
				"UPDATE settings SET view = '', revoked_at = accepted_at",
				"UPDATE settings SET digest = '" + settings("c").Digest + "', revoked_at = accepted_at",
				"DELETE FROM settings",
			} {
				if err := w.exec(statement); err == nil {
					w.Errorf("%s was done", statement)
				}
			}
			w.same("settings", before, w.accepted())
		},

		"whoever locks settings sees what the last holder of the lock left": func(w *world) {
			w.accept(a, b)
			ids := w.accepted()
			done := w.race(2, func(i int) error {
				return w.db.Update(w.ctx, func(tx store.Tx) error {
					now, err := tx.LockSettings(w.ctx)
					if err != nil {
						return err
					}
					for _, s := range now {
						if !s.RevokedAt.IsZero() {
							return fmt.Errorf("%.8s is revoked: %w", s.Digest, store.ErrStale)
						}
					}
					return tx.RevokeSettings(w.ctx, ids[i].ID)
				})
			})
			w.same("how many were revoked", 1, done)
		},
	})
}
