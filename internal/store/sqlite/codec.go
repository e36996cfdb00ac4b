package sqlite

import (
	"encoding/json"
	"fmt"
	"time"
)

// layout is how a time stands in the database: UTC, microseconds, of one width, so that times compare as text.
const layout = "2006-01-02T15:04:05.000000Z"

func text(t time.Time) string { return t.UTC().Format(layout) }

// textOrNull writes the zero time as NULL.
func textOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return text(t)
}

// emptyIsNull writes an empty string as NULL.
func emptyIsNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// when scans a time; NULL is the zero time.
type when struct{ *time.Time }

// Scan reads the text, or the time that the driver makes of a DATETIME column.
func (w when) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*w.Time = time.Time{}
		return nil
	case time.Time:
		*w.Time = v.UTC()
		return nil
	case string:
		t, err := time.Parse(layout, v)
		*w.Time = t
		return err
	default:
		return fmt.Errorf("%T is no time", v)
	}
}

// orEmpty scans a string; NULL is the empty one.
type orEmpty struct{ *string }

// Scan reads text or NULL.
func (o orEmpty) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*o.string = ""
	case string:
		*o.string = v
	default:
		return fmt.Errorf("%T is no text", v)
	}
	return nil
}

// list is a statement's argument of many values: a JSON array, which the statement reads with json_each. Integers below 2^53
// and text come through unchanged.
func list(values any) string {
	b, err := json.Marshal(values)
	if err != nil {
		panic("sqlite: a list holds integers, text and nulls only: " + err.Error())
	}
	if string(b) == "null" {
		return "[]"
	}
	return string(b)
}
