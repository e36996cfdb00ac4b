package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

var _ store.Inbox = (*tx)(nil)

// TakeInbox takes new rows.
func (t *tx) TakeInbox(_ context.Context, limit int) ([]store.InboxRow, error) {
	return rows(&t.reader, queries["inbox_take"], func(rs pgx.Rows, r *store.InboxRow) error {
		var tokens string
		err := rs.Scan(&r.Seq, &r.Request, &r.ChainID, &r.To, &r.Amount, &r.Asset, &tokens, &r.Renewal, &r.By, when{&r.At})
		r.Tokens = strings.Fields(tokens)
		return err
	}, limit)
}

// DecideInbox writes what became of rows.
func (t *tx) DecideInbox(_ context.Context, decided []store.InboxDecision) error {
	if len(decided) == 0 {
		return nil
	}
	return t.run(exactly(len(decided), "decide inbox rows", queries["inbox_decide"],
		column(decided, func(d store.InboxDecision) int64 { return d.Seq }),
		column(decided, func(d store.InboxDecision) string { return d.Refusal })))
}
