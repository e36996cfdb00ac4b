// Package storefault says what an error of the database means to an operator: which kind of fault it is, and what to do.
//
// It is the one place where the sentinels of internal/store become faults; everything above a store.DB uses it.
package storefault

import (
	"context"
	"errors"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// meanings are tried in order: an error that wraps several is the first of them. What may have happened comes before
// what surely did not.
var meanings = []struct {
	is   error
	kind error
	code string
	hint string
}{
	{store.ErrOutcomeUnknown, fault.Unreachable, "outcome_unknown",
		"run it again with the same arguments: what is there already is found, not done twice"},
	{store.ErrMode, fault.NotAllowed, "mode_too_open",
		"take the rights of others away: chmod 600 on the database file, chmod 700 on its folder"},
	{store.ErrForbidden, fault.NotAllowed, "database_forbids",
		"connect as a role that may: `coffer migrate --roles` shows what each may do (docs/install.md)"},
	{store.ErrSchemaNewer, fault.Refused, "schema_newer",
		"use the newer coffer that migrated this database; `coffer version` shows which one this is"},
	{store.ErrNoSchema, nil, "no_schema",
		"`coffer init` makes a new database; `coffer migrate --apply` brings an older one up to date"},
	{store.ErrNotEmpty, fault.Refused, "not_empty",
		"name a new database with --db or COFFER_DB, and make its tables with `coffer migrate --apply`"},
	{store.ErrHeld, fault.Refused, "held",
		"another coffer process has it: let that one end first, or leave the work to it"},
	{store.ErrConflict, fault.Conflict, "conflict",
		"nothing was changed: run it again"},
	{store.ErrUnreachable, fault.Unreachable, "database_unreachable",
		"check that it runs, or that its folder may be written and has room, and that database in coffer.toml, COFFER_DB or --db names it"},
	{store.ErrStale, fault.Conflict, "stale",
		"somebody else changed it in the meantime: look at it, then run it again"},
	{store.ErrExists, fault.Conflict, "exists",
		"somebody else made it in the meantime: look at it, then run it again"},
}

// Of makes a fault of an error that came out of a database while doing something ("list the wallets"). Nil stays nil, and an
// error that has a fault in it already stays as it is. A context that ended stays recognizable. The cause is always kept.
func Of(err error, doing string) error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	for _, m := range meanings {
		if errors.Is(err, m.is) {
			return fault.Wrap(err, m.kind, m.code, m.hint, "%s", doing)
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, nil, "interrupted", "run it again with the same arguments", "%s", doing)
	}
	return fault.Wrap(err, nil, "database_failed", "", "%s", doing)
}
