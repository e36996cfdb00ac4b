package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"coffer.internal/internal/store"
)

// kept are the tables that only PostgreSQL works with, and what makes them here: a ledger that came from there keeps their rows, for the
// record and for the way back. Nothing else reads or writes them.
var kept = map[string]string{"inbox": queries["keep_inbox"]}

// has says whether a table is there.
func (r *reader) has(t store.Table) (bool, error) {
	if kept[t.Name] == "" {
		return true, nil
	}
	n, err := rows(r, queries["has_table"], scanNumber, t.Name)
	return len(n) > 0, err
}

// ReadTable gives every row of a table, in the order of its key.
func (r *reader) ReadTable(_ context.Context, t store.Table, fn func(row []any) error) (err error) {
	if err := r.ctx.Err(); err != nil {
		return r.fail(err)
	}
	if there, err := r.has(t); err != nil || !there {
		return err
	}
	rs, err := r.s.conn.QueryContext(r.ctx, "SELECT "+t.Names()+" FROM "+t.Name+" ORDER BY "+strings.Join(t.Key, ", "))
	if err != nil {
		return r.fail(interpret(err))
	}
	defer func() { _ = rs.Close() }()
	row, into := make([]any, len(t.Columns)), make([]any, len(t.Columns))
	for i := range into {
		into[i] = &row[i]
	}
	for rs.Next() {
		if err := rs.Scan(into...); err != nil {
			return r.fail(fmt.Errorf("read a row of %s: %w", t.Name, err))
		}
		for i, c := range t.Columns {
			if row[i], err = fromColumn(c.Kind, row[i]); err != nil {
				return r.fail(fmt.Errorf("read a row of %s: %s: %w", t.Name, c.Name, err))
			}
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	return r.fail(interpret(rs.Err()))
}

// fromColumn is a value as package store has it. The driver makes a time of text in a DATETIME column.
func fromColumn(kind store.ColumnKind, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch kind {
	case store.ColumnInt:
		if n, ok := v.(int64); ok {
			return n, nil
		}
	case store.ColumnBool:
		if n, ok := v.(int64); ok {
			return n != 0, nil
		}
	case store.ColumnText:
		if s, ok := v.(string); ok {
			return s, nil
		}
	case store.ColumnBytes:
		if b, ok := v.([]byte); ok {
			return b, nil
		}
	case store.ColumnTime:
		var at time.Time
		err := when{&at}.Scan(v)
		return at, err
	}
	return nil, fmt.Errorf("%T is no %s", v, kind)
}

// toColumn is a value as it stands in the database.
func toColumn(v any) any {
	switch v := v.(type) {
	case time.Time:
		return text(v)
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	}
	return v
}

// Fill makes this ledger another one.
func (t *tx) Fill(ctx context.Context, fill func(store.Put) error) error {
	f := &filler{tx: t}
	if err := f.alter(queries["fill_cache"]); err != nil {
		return err
	}
	defer func() { _ = f.alter(queries["usual_cache"]) }()
	if err := store.Fill(ctx, f, fill); err != nil {
		return t.fail(err)
	}
	t.filled = true
	return nil
}

// filler fills the tables of one transaction, whose lock keeps every other writer away.
type filler struct {
	*tx
	triggers []string // what made those that are gone
}

// Disarm drops the triggers.
func (f *filler) Disarm(context.Context, []store.Table) error {
	type trigger struct{ name, text string }
	all, err := rows(&f.reader, queries["triggers"], func(rs *sql.Rows, t *trigger) error { return rs.Scan(&t.name, &t.text) })
	if err != nil {
		return err
	}
	for _, t := range all {
		if err := f.alter(`DROP TRIGGER "` + t.name + `"`); err != nil {
			return err
		}
		f.triggers = append(f.triggers, t.text)
	}
	return nil
}

// Arm makes the triggers again. The numbers of a table go on above the highest by themselves.
func (f *filler) Arm(context.Context, []store.Table) error {
	for _, text := range f.triggers {
		if err := f.alter(text); err != nil {
			return err
		}
	}
	return nil
}

// alter runs a statement that is run once.
func (f *filler) alter(text string) error {
	_, err := f.s.conn.ExecContext(context.WithoutCancel(f.ctx), text)
	return f.fail(interpret(err))
}

// Any says whether a table has a row.
func (f *filler) Any(_ context.Context, t store.Table) (bool, error) {
	if there, err := f.has(t); err != nil || !there {
		return false, err
	}
	n, err := rows(&f.reader, "SELECT EXISTS (SELECT 1 FROM "+t.Name+")", scanNumber)
	return len(n) > 0 && n[0] != 0, err
}

// Empty takes all rows out of a table.
func (f *filler) Empty(_ context.Context, t store.Table) error {
	return f.alter("DELETE FROM " + t.Name)
}

// Insert adds rows.
func (f *filler) Insert(_ context.Context, t store.Table, all [][]any) error {
	if make := kept[t.Name]; make != "" && len(all) > 0 {
		if err := f.alter(make); err != nil {
			return err
		}
	}
	for len(all) > 0 {
		n := 1
		if len(all) >= together {
			n = together
		}
		if err := f.insert(t, all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// together is how many rows one statement adds, as long as there are so many: a statement costs more than its rows.
const together = 64

func (f *filler) insert(t store.Table, all [][]any) error {
	values := "(?" + strings.Repeat(", ?", len(t.Columns)-1) + ")"
	text := "INSERT INTO " + t.Name + " (" + t.Names() + ") VALUES " + values + strings.Repeat(", "+values, len(all)-1)
	args := make([]any, 0, len(all)*len(t.Columns))
	for _, row := range all {
		for _, v := range row {
			args = append(args, toColumn(v))
		}
	}
	if _, err := f.exec(text, args...); err != nil {
		return fmt.Errorf("add rows to %s: %w", t.Name, err)
	}
	return nil
}
