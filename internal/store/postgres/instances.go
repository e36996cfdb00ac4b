package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

// Instances lists the long-lived processes, oldest first.
func (r *reader) Instances(context.Context) ([]store.Instance, error) {
	return rows(r, queries["instances"], func(rs pgx.Rows, i *store.Instance) error {
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

// RaiseGeneration raises it; with the commit, those who listen are told.
func (t *tx) RaiseGeneration(context.Context) (int64, error) {
	return t.generation(queries["generation_raise"], channel(store.TopicCache))
}

func (r *reader) generation(query string, args ...any) (int64, error) {
	all, err := rows(r, query, func(rs pgx.Rows, g *int64) error { return rs.Scan(g) }, args...)
	if err == nil && len(all) != 1 {
		err = r.fail(errors.New("the row of the caches' generation is gone"))
	}
	if err != nil {
		return 0, err
	}
	return all[0], nil
}

// Beat writes what a process says of itself. It waits for the next statement or the commit, like the two below.
func (t *tx) Beat(_ context.Context, i store.Instance) error {
	c := i.Cache
	t.later("instance_beat", i.ID, i.Kind, i.Host, i.PID, i.Version, c.Generation, c.Hits, c.Misses, c.Entries, c.OldestAge.Milliseconds())
	return nil
}

// EndInstance takes a process's row away.
func (t *tx) EndInstance(_ context.Context, id string) error {
	t.later("instance_end", id)
	return nil
}

// DropInstances takes away the rows of processes that said nothing for so long.
func (t *tx) DropInstances(_ context.Context, silent time.Duration) error {
	t.later("instances_drop", silent.Seconds())
	return nil
}

// later queues a write whose result nobody asks for.
func (t *tx) later(query string, args ...any) {
	t.queue = append(t.queue, step{text: queries[query], args: args})
}
