package client

import (
	"context"
	"fmt"
	"net/http"

	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

var _ signing.Journal = (*Client)(nil)

// Entries are the answers that the machine gave to a ledger with numbers above after. Each is held against its own intent, as an answer
// of Sign is, and they must be in order.
func (c *Client) Entries(ctx context.Context, ledger string, after uint64, limit int) ([]signing.Entry, error) {
	if limit <= 0 {
		return nil, nil
	}
	key, err := c.identityKey(ctx, "")
	if err != nil {
		return nil, err
	}
	got, err := c.askJournal(ctx, wire.JournalRequest{Ledger: ledger, After: after, Limit: limit})
	if err != nil {
		return nil, err
	}
	entries, answers, ledgers := make([]signing.Entry, len(got.Entries)), make([]signing.Answer, len(got.Entries)), make([]string, len(got.Entries))
	last := after
	for i, e := range got.Entries {
		if entries[i], err = c.entry(ledger, e); err == nil && e.Receipt.Seq <= last {
			err = fmt.Errorf("it has number %d, and is behind %d", e.Receipt.Seq, last)
		}
		last = e.Receipt.Seq
		if err != nil {
			return nil, c.unusable(fmt.Errorf("entry %d of the journal above %d: %w", i, after, err))
		}
		answers[i], ledgers[i] = entries[i].Answer(), ledger
	}
	return entries, c.receipts(key, ledgers, answers)
}

// Highest is the number of the machine's last answer to a ledger.
func (c *Client) Highest(ctx context.Context, ledger string) (uint64, error) {
	got, err := c.askJournal(ctx, wire.JournalRequest{Ledger: ledger})
	return got.Highest, err
}

func (c *Client) askJournal(ctx context.Context, req wire.JournalRequest) (got wire.JournalAnswer, err error) {
	return got, c.ask(ctx, signTimeout, http.MethodPost, wire.PathJournal, req, &got)
}

// entry holds an entry against its intent.
func (c *Client) entry(ledger string, e wire.JournalEntry) (signing.Entry, error) {
	intent, err := signing.Parse(e.Intent)
	if err != nil {
		return signing.Entry{}, err
	}
	if intent.Ledger != ledger {
		return signing.Entry{}, fmt.Errorf("it is of ledger %q", intent.Ledger)
	}
	a, err := c.check(intent, e.SignAnswer)
	return signing.Entry{
		Seq: a.Receipt.Seq, Digest: a.Digest, Intent: e.Intent, Raw: a.Raw, Hash: a.Hash, Refusal: a.Refusal, At: e.At, Signature: a.Receipt.Signature,
	}, err
}
