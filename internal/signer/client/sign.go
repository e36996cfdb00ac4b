package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"coffer.internal/internal/allcpus"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// Sign has intents signed. Every answer is held against what was asked: its digest, the transaction in its bytes, and its
// hash; and its receipt against the machine's identity key. Every error wraps signing.ErrNoAnswer, a wrong answer's too: nothing of it may be stored.
func (c *Client) Sign(ctx context.Context, b signing.Batch) ([]signing.Answer, error) {
	answers := make([]signing.Answer, 0, len(b.Requests))
	for some := range slices.Chunk(b.Requests, chunk) {
		got, err := c.signSome(ctx, b.Held, some)
		if err != nil {
			return nil, noAnswer{err}
		}
		answers = append(answers, got...)
	}
	return answers, nil
}

func (c *Client) signSome(ctx context.Context, held signing.Held, requests []signing.Request) ([]signing.Answer, error) {
	key, err := c.identityKey(ctx, held.Device)
	if err != nil {
		return nil, err
	}
	req := wire.SignRequest{Intents: make([]json.RawMessage, len(requests))}
	if held.Ledger != "" {
		req.Held = &held
	}
	for i, r := range requests {
		req.Intents[i] = r.Intent.Canonical()
		if len(r.Authorizations) > 0 && req.Authorizations == nil {
			req.Authorizations = make([][]string, len(requests))
		}
		if len(r.Authorizations) > 0 {
			req.Authorizations[i] = r.Authorizations
		}
	}
	var got wire.SignAnswers
	if err := c.ask(ctx, signTimeout, http.MethodPost, wire.PathSign, req, &got); err != nil {
		return nil, err
	}
	if len(got.Answers) != len(requests) {
		return nil, c.unusable(fmt.Errorf("%d answers to %d intents", len(got.Answers), len(requests)))
	}
	answers, ledgers := make([]signing.Answer, len(requests)), make([]string, len(requests))
	err = allcpus.Try(len(requests), func(i int) (err error) {
		intent := requests[i].Intent
		ledgers[i] = intent.Ledger
		if answers[i], err = c.check(intent, got.Answers[i]); err != nil {
			return fmt.Errorf("answer to intent %s: %w", intent.Digest(), err)
		}
		return nil
	})
	if err != nil {
		return nil, c.unusable(err)
	}
	return answers, c.receipts(key, ledgers, answers)
}

// check holds one answer against its intent.
func (c *Client) check(intent signing.Intent, a wire.SignAnswer) (signing.Answer, error) {
	digest := intent.Digest()
	if a.Digest != digest.String() {
		return signing.Answer{}, fmt.Errorf("it is for %q", a.Digest)
	}
	if r := a.Refusal; r != nil {
		known := r.Kind == signing.RefusedForGood || r.Kind == signing.RefusedForNow || r.Kind == signing.RefusedAsConflict
		if !known || r.Code == "" || len(a.Raw) > 0 || a.Hash != "" {
			return signing.Answer{}, fmt.Errorf("a refusal that is none: kind %q, code %q", r.Kind, r.Code)
		}
		return signing.Answer{Digest: digest, Refusal: r, Receipt: a.Receipt}, nil
	}
	if c.verify == nil {
		return signing.Answer{}, errors.New("nothing here can verify it")
	}
	hash, err := c.verify(intent, a.Raw)
	if err != nil {
		return signing.Answer{}, err
	}
	if hash != a.Hash {
		return signing.Answer{}, fmt.Errorf("its hash is %s, not %q", hash, a.Hash)
	}
	return signing.Answer{Digest: digest, Raw: a.Raw, Hash: hash, Receipt: a.Receipt}, nil
}

// noAnswer marks an error of Sign, and reads as that error.
type noAnswer struct{ error }

func (n noAnswer) Unwrap() []error { return []error{n.error, signing.ErrNoAnswer} }
