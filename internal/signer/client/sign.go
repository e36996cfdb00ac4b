package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// Sign has intents signed. Every answer is held against what was asked: its digest, the transaction in its bytes, and its
// hash. Every error wraps signing.ErrNoAnswer, a wrong answer's too: nothing of it may be stored.
func (c *Client) Sign(ctx context.Context, intents []signing.Intent) ([]signing.Answer, error) {
	answers := make([]signing.Answer, 0, len(intents))
	for some := range slices.Chunk(intents, chunk) {
		got, err := c.signSome(ctx, some)
		if err != nil {
			return nil, noAnswer{err}
		}
		answers = append(answers, got...)
	}
	return answers, nil
}

func (c *Client) signSome(ctx context.Context, intents []signing.Intent) ([]signing.Answer, error) {
	req := wire.SignRequest{Intents: make([]json.RawMessage, len(intents))}
	for i, intent := range intents {
		req.Intents[i] = intent.Canonical()
	}
	var got wire.SignAnswers
	if err := c.ask(ctx, signTimeout, http.MethodPost, wire.PathSign, req, &got); err != nil {
		return nil, err
	}
	if len(got.Answers) != len(intents) {
		return nil, c.unusable(fmt.Errorf("%d answers to %d intents", len(got.Answers), len(intents)))
	}
	answers := make([]signing.Answer, len(intents))
	for i, intent := range intents {
		var err error
		if answers[i], err = c.check(intent, got.Answers[i]); err != nil {
			return nil, c.unusable(fmt.Errorf("answer to intent %s: %w", intent.Digest(), err))
		}
	}
	return answers, nil
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
		return signing.Answer{Digest: digest, Refusal: r}, nil
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
	return signing.Answer{Digest: digest, Raw: a.Raw, Hash: hash}, nil
}

// noAnswer marks an error of Sign, and reads as that error.
type noAnswer struct{ error }

func (n noAnswer) Unwrap() []error { return []error{n.error, signing.ErrNoAnswer} }
