package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"coffer.internal/internal/store"
)

// Instances lists the long-lived processes, oldest first.
func (r *reader) Instances(context.Context) ([]store.Instance, error) {
	return rows(r, queries["instances"], func(rs *sql.Rows, i *store.Instance) error {
		var oldest int64
		err := rs.Scan(&i.ID, &i.Kind, &i.Host, &i.PID, &i.Version, when{&i.StartedAt}, when{&i.HeartbeatAt},
			&i.Cache.Generation, &i.Cache.Hits, &i.Cache.Misses, &i.Cache.Entries, &oldest)
		i.Cache.OldestAge = time.Duration(oldest) * time.Millisecond
		return err
	})
}

// Generation is that of all caches.
func (r *reader) Generation(context.Context) (int64, error) {
	return r.generation(queries["generation"])
}

// RaiseGeneration raises it. Nobody is told: here every process looks every so often.
func (t *tx) RaiseGeneration(context.Context) (int64, error) {
	return t.generation(queries["generation_raise"], text(t.now))
}

func (r *reader) generation(query string, args ...any) (int64, error) {
	all, err := rows(r, query, func(rs *sql.Rows, g *int64) error { return rs.Scan(g) }, args...)
	if err == nil && len(all) != 1 {
		err = r.fail(errors.New("the row of the caches' generation is gone"))
	}
	if err != nil {
		return 0, err
	}
	return all[0], nil
}

// Beat writes what a process says of itself.
func (t *tx) Beat(_ context.Context, i store.Instance) error {
	c := i.Cache
	_, err := t.exec(queries["instance_beat"], i.ID, i.Kind, i.Host, i.PID, i.Version, text(t.now),
		c.Generation, c.Hits, c.Misses, c.Entries, c.OldestAge.Milliseconds())
	return err
}

// EndInstance takes a process's row away.
func (t *tx) EndInstance(_ context.Context, id string) error {
	_, err := t.exec(queries["instance_end"], id)
	return err
}

// DropInstances takes away the rows of processes that said nothing for so long.
func (t *tx) DropInstances(_ context.Context, silent time.Duration) error {
	_, err := t.exec(queries["instances_drop"], text(t.now.Add(-silent)))
	return err
}
