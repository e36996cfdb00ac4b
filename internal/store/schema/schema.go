// Package schema compares the migrations that this program knows with those that a database has. The adapters bring the files
// and the versions applied; what follows from them is the same for every database.
package schema

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"coffer.internal/internal/store"
)

// Known lists the migrations of a folder migrations/, in order.
func Known(files fs.FS) ([]store.Migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var all []store.Migration
	for _, name := range names {
		v, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		_, title, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".sql"), "_")
		all = append(all, store.Migration{Version: v, Name: title})
	}
	return all, nil
}

// Mark notes beside the known migrations which of them are applied, by version. One that is applied and not known is
// store.ErrSchemaNewer.
func Mark(known []store.Migration, applied map[int64]time.Time) ([]store.Migration, error) {
	unknown := maps.Clone(applied)
	for i := range known {
		known[i].At, known[i].Applied = applied[known[i].Version]
		delete(unknown, known[i].Version)
	}
	for v := range unknown {
		return known, fmt.Errorf("migration %d: %w", v, store.ErrSchemaNewer)
	}
	return known, nil
}

// Check wants exactly the known migrations to be applied: one that is missing is store.ErrNoSchema.
func Check(known []store.Migration, applied map[int64]time.Time) error {
	marked, err := Mark(known, applied)
	for _, m := range marked {
		if !m.Applied {
			return fmt.Errorf("migration %d is not applied: %w", m.Version, store.ErrNoSchema)
		}
	}
	return err
}

// Added are the migrations that are applied after and were not before.
func Added(before, after []store.Migration) (done []store.Migration) {
	for i, m := range after {
		if m.Applied && !before[i].Applied {
			done = append(done, m)
		}
	}
	return done
}
