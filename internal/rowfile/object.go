package rowfile

import (
	"bytes"
	"encoding/json"
	"strings"

	"coffer.internal/internal/fault"
)

// object reads the fields of a row from a JSON object, which is whole and sound already. at is the place of an offset in raw.
func (f *Format) object(raw []byte, at func(int64) place) Row {
	row := f.row(at(0).line)
	if raw[0] != '{' {
		row.Err = &Fault{Line: at(0).line, Column: at(0).column, Err: fault.New(fault.Usage, "bad_json", f.hint(),
			"a row is an object, not %s", described(raw))}
		return row
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	_, _ = dec.Token() // {
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			row.Err = err
			return row
		}
		if err := row.member(dec, key.(string), at); row.Err == nil {
			row.Err = err // and on: whoever sent the row knows it by another field
		}
	}
	if row.Err == nil {
		row.Err = row.missing()
	}
	return row
}

// member reads one value of an object, whose key was just read.
func (r *Row) member(dec *json.Decoder, key string, at func(int64) place) error {
	where := at(max(dec.InputOffset()-int64(len(key))-2, 0)) // right unless the key has escapes, which no known one needs
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return &Fault{Line: where.line, Column: where.column, Err: fault.Wrap(err, fault.Usage, "bad_json", r.format.hint(), "broken JSON")}
	}
	i := r.format.find(key)
	if i < 0 {
		return &Fault{Line: where.line, Column: where.column, Err: r.format.unknown("key", key)}
	}
	field, c := r.format.Fields[i], &r.cells[i]
	if c.line > 0 {
		return &Fault{Line: where.line, Column: where.column, Err: fault.New(fault.Usage, "duplicate_key", "leave one of them out",
			"%s stands twice in the row", named(field.Name, key))}
	}
	where = at(dec.InputOffset() - int64(len(raw)))
	c.line, c.column = where.line, where.column
	if err := c.value(field, raw); err != nil {
		return &Fault{Line: where.line, Column: where.column, Err: err}
	}
	return nil
}

// value takes a JSON value into a cell. null counts as left out.
func (c *cell) value(f Field, raw json.RawMessage) error {
	if string(raw) == "null" {
		return nil
	}
	c.set = true
	switch f.Kind {
	case Ignored:
		return nil
	case Text:
		if raw[0] != '"' {
			return fault.New(fault.Usage, "bad_json", "put it in quotes", "%s is %s and must be a string", f.Name, described(raw))
		}
		err := json.Unmarshal(raw, &c.text)
		c.set = c.text != ""
		return err
	case Texts:
		if raw[0] != '[' || json.Unmarshal(raw, &c.texts) != nil {
			return fault.New(fault.Usage, "bad_json", `write a list of strings, such as ["…"]`, "%s is %s and must be a list of strings", f.Name, described(raw))
		}
		c.set = len(c.texts) > 0
		return nil
	default:
		if raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
			return fault.New(fault.Usage, "bad_json", "write a number without quotes, such as 1", "%s is %s and must be a number", f.Name, described(raw))
		}
		return c.number(f.Kind, f.Name, string(raw))
	}
}

// described is a JSON value in words.
func described(raw []byte) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		var s string
		_ = json.Unmarshal(raw, &s)
		return "the string " + shown(s)
	case 't', 'f', 'n':
		return string(raw)
	}
	return "the number " + strings.Trim(shown(string(raw)), `"`)
}

// unknown is the fault of a name that no field has.
func (f *Format) unknown(what, name string) error {
	hint := "the fields are " + f.names()
	if strings.ContainsAny(name, ";\t|") {
		hint += "; separate the columns by commas"
	}
	return fault.New(fault.Usage, "unknown_field", hint, "unknown %s %s", what, shown(name))
}

// named is a field by its own name, and by the other one that it was given.
func named(name, given string) string {
	if name == given {
		return name
	}
	return name + " (here " + given + ")"
}
