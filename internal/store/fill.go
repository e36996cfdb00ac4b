package store

import (
	"context"
	"fmt"
	"slices"
)

// Filler is what an adapter offers for Fill, in one transaction.
type Filler interface {
	TableReader
	// Disarm locks the tables against other writers, and has no trigger run until Arm.
	Disarm(ctx context.Context, tables []Table) error
	// Any says whether a table has a row.
	Any(ctx context.Context, t Table) (bool, error)
	// Empty takes all rows out of a table.
	Empty(ctx context.Context, t Table) error
	// Insert adds rows with the values they have, also in the column that the database numbers.
	Insert(ctx context.Context, t Table, rows [][]any) error
	// Arm undoes Disarm, and lets the database's own numbers go on above the highest.
	Arm(ctx context.Context, tables []Table) error
}

// mostKept is how many audit rows a ledger that counts as empty may have: what was refused before it was filled.
const mostKept = 10_000

// everFilled are the tables that an empty ledger has rows in: Migrate makes its id, and what is refused is recorded.
var everFilled = []string{"ledger", "audit_log", "audit_unsealed"}

// Fill is what TableWriter.Fill does, by the means of an adapter.
func Fill(ctx context.Context, f Filler, fill func(Put) error) error {
	tables := Tables()
	if err := f.Disarm(ctx, tables); err != nil {
		return err
	}
	k, err := findKept(ctx, f, tables)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if !slices.Contains(everFilled, t.Name) {
			continue
		}
		if err := f.Empty(ctx, t); err != nil {
			return err
		}
	}
	err = fill(func(t Table, rows [][]any) error {
		k.above(t, rows)
		return f.Insert(ctx, t, rows)
	})
	if err != nil {
		return err
	}
	if err := k.putBack(ctx, f); err != nil {
		return err
	}
	return f.Arm(ctx, tables)
}

// kept are the audit rows that were there before.
type kept struct {
	log, unsealed Table
	rows          [][]any
	highest       int64 // id of the audit rows that were put
}

// findKept reads the audit rows that are there, and wants everything else to be empty.
func findKept(ctx context.Context, f Filler, tables []Table) (*kept, error) {
	k := &kept{}
	for _, t := range tables {
		if slices.Contains(everFilled, t.Name) {
			continue
		}
		if some, err := f.Any(ctx, t); err != nil {
			return nil, err
		} else if some {
			return nil, notEmpty(t)
		}
	}
	for _, t := range tables {
		switch t.Name {
		case "audit_log":
			k.log = t
		case "audit_unsealed":
			k.unsealed = t
		}
	}
	return k, f.ReadTable(ctx, k.log, func(row []any) error {
		if k.rows = append(k.rows, slices.Clone(row)); len(k.rows) > mostKept {
			return notEmpty(k.log)
		}
		return nil
	})
}

func notEmpty(t Table) error { return fmt.Errorf("table %s has rows: %w", t.Name, ErrNotEmpty) }

// above notes the ids of audit rows that are put.
func (k *kept) above(t Table, rows [][]any) {
	if t.Name != k.log.Name {
		return
	}
	id := t.Column(t.Serial)
	for _, row := range rows {
		if n, ok := row[id].(int64); ok {
			k.highest = max(k.highest, n)
		}
	}
}

// putBack writes the rows that were there after those that were put.
func (k *kept) putBack(ctx context.Context, f Filler) error {
	if len(k.rows) == 0 {
		return nil
	}
	id := k.log.Column(k.log.Serial)
	waits := make([][]any, len(k.rows))
	for i, row := range k.rows {
		k.highest++
		row[id] = k.highest
		waits[i] = []any{k.highest}
	}
	if err := f.Insert(ctx, k.log, k.rows); err != nil {
		return err
	}
	return f.Insert(ctx, k.unsealed, waits)
}
