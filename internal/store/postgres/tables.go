package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

// ownColumns are the columns that only this database has, and what a row that is filled in has in them. A transaction's id means nothing
// in another cluster: all events that are filled in are of the transaction that does so, in the order of their ids.
var ownColumns = map[string]map[string]string{"events": {"xid": "pg_current_xact_id()"}}

// arrays are the types that the columns of many rows are sent as.
var arrays = map[store.ColumnKind]string{
	store.ColumnInt: "bigint[]", store.ColumnText: "text[]", store.ColumnBytes: "bytea[]", store.ColumnTime: "timestamptz[]", store.ColumnBool: "boolean[]",
}

// ReadTable gives every row of a table, in the order of its key. They come from the server as they are read.
func (r *reader) ReadTable(_ context.Context, t store.Table, fn func(row []any) error) error {
	if err := r.ctx.Err(); err != nil {
		return r.fail(err)
	}
	var stopped error
	read := step{text: "SELECT " + t.Names() + " FROM " + t.Name + " ORDER BY " + strings.Join(t.Key, ", "), rows: func(rs pgx.Rows) error {
		for rs.Next() {
			row, err := rs.Values()
			if err != nil {
				return fmt.Errorf("read a row of %s: %w", t.Name, err)
			}
			for i, c := range t.Columns {
				if row[i], err = fromColumn(c.Kind, row[i]); err != nil {
					return fmt.Errorf("read a row of %s: %s: %w", t.Name, c.Name, err)
				}
			}
			if stopped = fn(row); stopped != nil {
				return stopped
			}
		}
		return nil
	}}
	_, err := send(r.ctx, r.conn, r.pending(step{text: queries["unhurried"]}, read))
	if stopped != nil {
		return stopped
	}
	return r.fail(interpret(err))
}

// fromColumn is a value as package store has it.
func fromColumn(kind store.ColumnKind, v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case int16:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case time.Time:
		return v.UTC(), nil
	case int64, string, []byte, bool:
		return v, nil
	}
	return nil, fmt.Errorf("%T is no %s", v, kind)
}

// Fill makes this ledger another one.
func (t *tx) Fill(ctx context.Context, fill func(store.Put) error) error {
	if err := store.Fill(ctx, filler{t}, fill); err != nil {
		return t.fail(err)
	}
	t.filled = true
	return nil
}

// filler fills the tables of one transaction.
type filler struct{ *tx }

// Disarm stops the triggers, which locks the tables against all who write, and takes back what the owner gave up.
func (f filler) Disarm(_ context.Context, tables []store.Table) error {
	steps := append([]step{{text: queries["unhurried"]}}, f.triggers(tables, "DISABLE")...)
	return f.run(append(steps, step{text: queries["fill_allow"]})...)
}

// Arm undoes that, and lets the numbers go on above the highest.
func (f filler) Arm(_ context.Context, tables []store.Table) error {
	steps := append(f.triggers(tables, "ENABLE"), step{text: queries["fill_forbid"]})
	for _, t := range tables {
		if t.Serial != "" {
			steps = append(steps, step{text: fmt.Sprintf(queries["fill_serial"], t.Name, t.Serial)})
		}
	}
	return f.run(steps...)
}

func (f filler) triggers(tables []store.Table, do string) []step {
	steps := make([]step, len(tables))
	for i, t := range tables {
		steps[i] = step{text: "ALTER TABLE " + t.Name + " " + do + " TRIGGER USER"}
	}
	return steps
}

// Any says whether a table has a row.
func (f filler) Any(_ context.Context, t store.Table) (bool, error) {
	some, err := rows(&f.reader, "SELECT EXISTS (SELECT FROM "+t.Name+")", func(rs pgx.Rows, b *bool) error { return rs.Scan(b) })
	return len(some) > 0 && some[0], err
}

// Empty takes all rows out of a table.
func (f filler) Empty(_ context.Context, t store.Table) error {
	return f.run(step{text: "DELETE FROM " + t.Name})
}

// Insert adds rows.
func (f filler) Insert(_ context.Context, t store.Table, all [][]any) error {
	if len(all) == 0 {
		return nil
	}
	names, from, args := t.Names(), make([]string, len(t.Columns)), make([]any, len(t.Columns))
	for i, c := range t.Columns {
		from[i] = fmt.Sprintf("$%d::%s", i+1, arrays[c.Kind])
		column, err := columnOf(c, all, i)
		if err != nil {
			return f.fail(fmt.Errorf("table %s: %w", t.Name, err))
		}
		args[i] = column
	}
	own := ""
	for name, value := range ownColumns[t.Name] {
		names, own = names+", "+name, own+", "+value
	}
	text := fmt.Sprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT u.*%s FROM unnest(%s) u", t.Name, names, own, strings.Join(from, ", "))
	if err := f.run(step{text: text, args: args}); err != nil {
		return fmt.Errorf("add rows to %s: %w", t.Name, err)
	}
	return nil
}

// columnOf is one column of many rows.
func columnOf(c store.Column, all [][]any, i int) (any, error) {
	switch c.Kind {
	case store.ColumnInt:
		return nullable[int64](c, all, i)
	case store.ColumnTime:
		return nullable[time.Time](c, all, i)
	case store.ColumnBool:
		return nullable[bool](c, all, i)
	case store.ColumnBytes:
		out := make([][]byte, len(all))
		for n, row := range all {
			if b, ok := row[i].([]byte); ok || row[i] == nil {
				out[n] = b
				continue
			}
			return nil, fmt.Errorf("%s: %T is no %s", c.Name, row[i], c.Kind)
		}
		return out, nil
	}
	texts, err := nullable[string](c, all, i)
	for _, s := range texts {
		if s != nil && (strings.ContainsRune(*s, 0) || !utf8.ValidString(*s)) {
			return nil, fmt.Errorf("%s: %.80q: %w: PostgreSQL keeps no text with a zero byte or that is not UTF-8", c.Name, *s, store.ErrNoPlace)
		}
	}
	return texts, err
}

func nullable[T any](c store.Column, all [][]any, i int) ([]*T, error) {
	out := make([]*T, len(all))
	for n, row := range all {
		if row[i] == nil {
			continue
		}
		v, ok := row[i].(T)
		if !ok {
			return nil, fmt.Errorf("%s: %T is no %s", c.Name, row[i], c.Kind)
		}
		out[n] = &v
	}
	return out, nil
}
