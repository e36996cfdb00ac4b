package sqlite

import (
	"context"
	"fmt"
	"strings"

	"coffer.internal/internal/store"
)

// Interpret is interpret, for its table test.
var Interpret = interpret

// Settings reads the writer's settings back.
func Settings(ctx context.Context, d *DB) (string, error) {
	var all []string
	err := d.Update(ctx, func(t store.Tx) error {
		for _, name := range []string{"journal_mode", "synchronous", "foreign_keys"} {
			var value string
			if err := t.(*tx).s.conn.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value); err != nil {
				return err
			}
			all = append(all, fmt.Sprintf("%s=%s", name, value))
		}
		return nil
	})
	return strings.Join(all, " "), err
}
