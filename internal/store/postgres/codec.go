package postgres

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// when scans a time as UTC; NULL is the zero time.
type when struct{ *time.Time }

// ScanTimestamptz takes the time from the driver, which has it in the local zone.
func (w when) ScanTimestamptz(v pgtype.Timestamptz) error {
	*w.Time = time.Time{}
	if v.Valid {
		*w.Time = v.Time.UTC()
	}
	return nil
}

// orNull writes the zero time as NULL.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// zeroIsNull writes an id of 0 as NULL.
func zeroIsNull(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

func scanTime(rs pgx.Rows, t *time.Time) error { return rs.Scan(when{t}) }

// column is one field of all values: an argument that a statement unnests beside the other fields'.
func column[T, F any](all []T, field func(T) F) []F {
	out := make([]F, len(all))
	for i, v := range all {
		out[i] = field(v)
	}
	return out
}

// apart cuts values into runs in which no key stands twice: one statement changes a row once.
func apart[T any, K comparable](all []T, key func(T) K) [][]T {
	var runs [][]T
	seen := make(map[K]bool, len(all))
	begin := 0
	for i, v := range all {
		if k := key(v); seen[k] {
			runs = append(runs, all[begin:i])
			begin = i
			clear(seen)
			seen[k] = true
		} else {
			seen[k] = true
		}
	}
	if begin < len(all) {
		runs = append(runs, all[begin:])
	}
	return runs
}
