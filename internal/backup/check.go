package backup

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"coffer.internal/internal/auditlog"
	"coffer.internal/internal/store"
)

// mostFindings is how many of a kind are named.
const mostFindings = 20

// Report is what a ledger that was filled with a backup looks like.
type Report struct {
	Audit    auditlog.Verdict // against the backup's own checkpoint, and those in it
	Findings []string         // what contradicts itself; empty: nothing does
}

// Check looks whether a ledger that was filled with a backup is one: its audit log is as it was sealed, no nonce lies at or above its
// wallet's cursor, no payment has live attempts at two nonces, and what is counted is what is there. keys are those of the audit log.
func Check(ctx context.Context, db store.DB, m Manifest, keys ...note.Verifier) (r Report, err error) {
	var held []auditlog.Checkpoint
	if m.Audit.Checkpoint != "" && len(keys) > 0 {
		c, err := auditlog.OpenCheckpoint([]byte(m.Audit.Checkpoint), keys...)
		if err != nil {
			return r, err
		}
		held = append(held, c)
	}
	if r.Audit, err = auditlog.Verify(ctx, db, held, keys...); err != nil {
		return r, err
	}
	if len(keys) == 0 { // whose signatures these are was not asked
		r.Audit.Findings = slices.DeleteFunc(r.Audit.Findings, func(f auditlog.Finding) bool { return f.Kind == auditlog.Unsigned })
	}
	err = db.View(ctx, func(rd store.Reader) error {
		c := &consistency{reader: rd, cursors: map[int64]uint64{}, reserved: map[int64]int64{}, live: map[string]place{}}
		for _, step := range []func(context.Context) error{c.wallets, c.nonces, c.counts, c.attempts} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		r.Findings = c.findings
		return nil
	})
	return r, err
}

// place is a wallet's nonce.
type place struct {
	wallet int64
	nonce  uint64
}

// consistency is one look at a ledger.
type consistency struct {
	reader   store.Reader
	cursors  map[int64]uint64
	reserved map[int64]int64
	live     map[string]place // by payment: where it has an attempt that is neither refused nor superseded
	findings []string
}

func (c *consistency) find(format string, args ...any) {
	if len(c.findings) < mostFindings {
		c.findings = append(c.findings, fmt.Sprintf(format, args...))
	}
}

func (c *consistency) wallets(ctx context.Context) error {
	ws, err := c.reader.Wallets(ctx, store.WalletFilter{})
	for _, w := range ws {
		c.cursors[w.ID] = w.Nonce
	}
	return err
}

// read reads a table; value gives a row's value of a column.
func (c *consistency) read(ctx context.Context, name string, fn func(value func(column string) any)) error {
	for _, t := range store.Tables() {
		if t.Name != name {
			continue
		}
		return c.reader.ReadTable(ctx, t, func(row []any) error {
			fn(func(column string) any { return row[t.Column(column)] })
			return nil
		})
	}
	return fmt.Errorf("there is no table %s", name)
}

func (c *consistency) nonces(ctx context.Context) error {
	return c.read(ctx, "nonces", func(value func(string) any) {
		wallet, nonce := value("wallet_id").(int64), uint64(value("nonce").(int64))
		if cursor, ok := c.cursors[wallet]; !ok || nonce >= cursor {
			c.find("nonce %d of wallet %d is not below the wallet's cursor %d", nonce, wallet, cursor)
		}
		if value("state") == store.NonceReserved {
			c.reserved[wallet]++
		}
	})
}

func (c *consistency) counts(ctx context.Context) error {
	return c.read(ctx, "wallet_counts", func(value func(string) any) {
		wallet, counted := value("wallet_id").(int64), value("reserved").(int64)
		if counted != c.reserved[wallet] {
			c.find("wallet %d counts %d reserved nonces, and has %d", wallet, counted, c.reserved[wallet])
		}
	})
}

func (c *consistency) attempts(ctx context.Context) error {
	return c.read(ctx, "attempts", func(value func(string) any) {
		payment, ok := value("payment").(string)
		if state := value("state"); !ok || state == store.AttemptRefused || state == store.AttemptSuperseded {
			return
		}
		here := place{value("wallet_id").(int64), uint64(value("nonce").(int64))}
		if there, ok := c.live[payment]; ok && there != here {
			c.find("payment %s has live attempts at nonce %d of wallet %d and at nonce %d of wallet %d", payment, there.nonce, there.wallet, here.nonce, here.wallet)
		}
		c.live[payment] = here
	})
}
