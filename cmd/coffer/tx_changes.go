package main

import (
	"context"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/withdrawal"
)

// changes prints what became of payments after a cursor, one JSON document a line, each written at once.
type changes struct {
	since  string
	follow bool
	chain  *int64
}

func (a *app) showChanges(ctx context.Context, s *coffer.System, c changes) error {
	show := func(ch withdrawal.Change) error {
		if c.chain != nil && *c.chain != ch.ChainID {
			return nil
		}
		return a.line(ch)
	}
	if c.follow {
		return s.Withdrawals.Follow(ctx, c.since, show, func(err error) {
			if err != nil {
				a.note("the database does not answer, going on when it does: %s", oneLine(err.Error()))
			} else {
				a.note("the database answers again")
			}
		})
	}
	for cursor := c.since; ; {
		page, err := s.Withdrawals.Changes(ctx, cursor, 0)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, ch := range page {
			if err := show(ch); err != nil {
				return err
			}
		}
		cursor = page[len(page)-1].Cursor
	}
}

// check refuses what does not go together with a stream of changes.
func (c changes) check(changed func(string) bool) error {
	for _, flag := range []string{"state", "limit"} {
		if changed(flag) {
			return fault.New(fault.Usage, "usage", "coffer tx list --help", "--%s does not go together with --since and --follow", flag)
		}
	}
	return nil
}
