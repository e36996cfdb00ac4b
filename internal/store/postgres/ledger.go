package postgres

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

// ledgerID is the ledger's own id, once it was read: it never changes.
type ledgerID struct {
	mu sync.Mutex
	id string
}

func (l *ledgerID) get() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id
}

func (l *ledgerID) set(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.id = id
}

// Ledger is the ledger's own id.
func (d *DB) Ledger(ctx context.Context) (string, error) {
	if id := d.ledger.get(); id != "" {
		return id, nil
	}
	var ids []string
	err := d.View(ctx, func(r store.Reader) (err error) {
		ids, err = rows(r.(*reader), queries["ledger"], func(rs pgx.Rows, id *string) error { return rs.Scan(id) })
		return err
	})
	if err != nil {
		return "", err
	}
	if len(ids) == 0 {
		return "", fmt.Errorf("the ledger has no id yet: %w", store.ErrNoSchema)
	}
	d.ledger.set(ids[0])
	return ids[0], nil
}
