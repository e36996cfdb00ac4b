package postgres

import (
	"strconv"
	"strings"
)

// filter is a query that grows by conditions.
type filter struct {
	text strings.Builder
	args []any
}

// where begins with a named query, which ends where conditions may follow.
func where(query string) *filter {
	f := &filter{}
	f.text.WriteString(queries[query])
	return f
}

// and adds a condition when it is wanted; its one ? is the argument.
func (f *filter) and(wanted bool, condition string, arg any) *filter {
	if wanted {
		f.args = append(f.args, arg)
		f.text.WriteString("\n  AND " + strings.Replace(condition, "?", "$"+strconv.Itoa(len(f.args)), 1))
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
		f.args = append(f.args, limit)
		f.text.WriteString("\nLIMIT $" + strconv.Itoa(len(f.args)))
	}
	return f.text.String(), f.args
}
