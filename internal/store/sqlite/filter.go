package sqlite

import "strings"

// filter is a query that grows by conditions.
type filter struct {
	text strings.Builder
	args []any
}

// where begins with a named query, which ends where conditions may follow, and its first arguments.
func where(query string, args ...any) *filter {
	f := &filter{args: args}
	f.text.WriteString(queries[query])
	return f
}

// and adds a condition when it is wanted; its one ? is the argument.
func (f *filter) and(wanted bool, condition string, arg any) *filter {
	if wanted {
		f.text.WriteString("\n  AND " + condition)
		f.args = append(f.args, arg)
	}
	return f
}

// plain adds a condition without an argument.
func (f *filter) plain(wanted bool, condition string) *filter {
	if wanted {
		f.text.WriteString("\n  AND " + condition)
	}
	return f
}

// order ends the query. A limit of 0 is none.
func (f *filter) order(by string, limit int) (string, []any) {
	f.text.WriteString("\nORDER BY " + by)
	if limit > 0 {
		f.text.WriteString("\nLIMIT ?")
		f.args = append(f.args, limit)
	}
	return f.text.String(), f.args
}

// among is the condition that a column's value is in a list.
func among(column string) string { return column + " IN (SELECT value FROM json_each(?))" }
