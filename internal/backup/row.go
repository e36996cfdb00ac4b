package backup

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"coffer.internal/internal/store"
)

// layout is how a time stands in a line: as in SQLite.
const layout = "2006-01-02T15:04:05.000000Z"

// raw is text that is not UTF-8, which JSON cannot hold.
type raw struct {
	Bytes []byte `json:"bytes"`
}

// appendRow adds a row's line. Equal rows have equal lines.
func appendRow(b []byte, row []any) ([]byte, error) {
	b = append(b, '[')
	for i, v := range row {
		if i > 0 {
			b = append(b, ',')
		}
		switch v := v.(type) {
		case nil:
			b = append(b, "null"...)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case bool:
			b = strconv.AppendBool(b, v)
		case time.Time:
			b = append(v.UTC().AppendFormat(append(b, '"'), layout), '"')
		case []byte:
			b = append(base64.StdEncoding.AppendEncode(append(b, '"'), v), '"')
		case string:
			var err error
			if b, err = appendText(b, v); err != nil {
				return b, err
			}
		default:
			return b, fmt.Errorf("%T has no place in a backup", v)
		}
	}
	return append(b, ']', '\n'), nil
}

func appendText(b []byte, s string) ([]byte, error) {
	if plain(s) {
		return append(append(append(b, '"'), s...), '"'), nil
	}
	var v any = s
	if !utf8.ValidString(s) {
		v = raw{[]byte(s)}
	}
	text, err := json.Marshal(v)
	return append(b, text...), err
}

// plain says whether text stands in JSON as it is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// parseRow reads the line of a row.
func parseRow(line []byte, t store.Table) ([]any, error) {
	var row []any
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if err := dec.Decode(&row); err != nil {
		return nil, err
	}
	if len(row) != len(t.Columns) {
		return nil, fmt.Errorf("%d values for %d columns", len(row), len(t.Columns))
	}
	for i, c := range t.Columns {
		v, err := parseValue(c.Kind, row[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		row[i] = v
	}
	return row, nil
}

func parseValue(kind store.ColumnKind, v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case json.Number:
		if kind == store.ColumnInt {
			return strconv.ParseInt(v.String(), 10, 64)
		}
	case bool:
		if kind == store.ColumnBool {
			return v, nil
		}
	case string:
		switch kind {
		case store.ColumnText:
			return v, nil
		case store.ColumnBytes:
			return base64.StdEncoding.Strict().DecodeString(v)
		case store.ColumnTime:
			return time.Parse(layout, v)
		}
	case map[string]any:
		if s, ok := v["bytes"].(string); ok && kind == store.ColumnText {
			b, err := base64.StdEncoding.Strict().DecodeString(s)
			return string(b), err
		}
	}
	return nil, fmt.Errorf("%T is no %s", v, kind)
}
