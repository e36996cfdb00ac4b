package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"coffer.internal/signing"
	"coffer.internal/sim/recount"
)

// shakyMachine is the signing machine as one daemon has it.
type shakyMachine struct {
	signing.Machine
	user *user
	book *signings
}

// signings is what the machine ever signed or refused, kept beside its own journal.
type signings struct {
	refused map[signing.Digest]*signing.Refusal // refused for now by a rule that the real machine does not have yet
	signed  map[signing.Digest]signing.Intent
	hashes  map[signing.Digest]common.Hash
	highest map[common.Address]uint64
	at      map[recount.Slot][]signing.Intent
	counted []time.Time // when payments were signed first at a nonce, by the machine's clock: what its limits count
}

func newSignings() *signings {
	return &signings{
		refused: map[signing.Digest]*signing.Refusal{}, signed: map[signing.Digest]signing.Intent{},
		hashes: map[signing.Digest]common.Hash{}, highest: map[common.Address]uint64{}, at: map[recount.Slot][]signing.Intent{},
	}
}

func (m *shakyMachine) Sign(ctx context.Context, b signing.Batch) ([]signing.Answer, error) {
	u := m.user
	u.before("sign")
	u.waits()
	if u.strikes(signerBefore) {
		return nil, fmt.Errorf("%w: the connection broke", signing.ErrNoAnswer)
	}
	answers := make([]signing.Answer, len(b.Requests))
	for i, r := range b.Requests {
		intent := r.Intent
		d := intent.Digest()
		_, known := m.book.signed[d]
		if r := m.book.refused[d]; r != nil {
			answers[i] = signing.Answer{Digest: d, Refusal: r}
			continue
		}
		if !known && intent.Purpose == signing.PurposePayment && (u.strikes(signerPasses) || u.town.refusesInScene(intent)) {
			m.book.refused[d] = &signing.Refusal{Kind: signing.RefusedForNow, Code: "limit", Reason: "the day's limit is reached"}
			answers[i] = signing.Answer{Digest: d, Refusal: m.book.refused[d]}
			u.say("signer refuses %s at nonce %d for now", intent.Payment, intent.Nonce)
			continue
		}
		one, err := m.Machine.Sign(ctx, signing.Batch{Held: b.Held, Requests: b.Requests[i : i+1]})
		if err != nil {
			return nil, err
		}
		answers[i] = one[0]
		m.book.note(u, intent, one[0])
	}
	u.after("sign")
	u.waits()
	if u.strikes(signerAfter) {
		return nil, fmt.Errorf("%w: the connection broke", signing.ErrNoAnswer)
	}
	return answers, nil
}

func (b *signings) note(u *user, intent signing.Intent, a signing.Answer) {
	if a.Refusal != nil {
		if a.Refusal.Code == "hour_count" {
			u.town.hits[limitReached]++ // no fault: what waits for hours because of it waits as it should
		}
		u.say("signer refuses %s at nonce %d: %s: %s", intent.Payment, intent.Nonce, a.Refusal.Kind, a.Refusal.Reason)
		return
	}
	if _, known := b.signed[a.Digest]; known {
		return
	}
	b.signed[a.Digest] = intent
	b.hashes[a.Digest] = common.HexToHash(a.Hash)
	from := common.HexToAddress(intent.From)
	b.highest[from] = max(b.highest[from], intent.Nonce)
	slot := recount.Slot{Wallet: from, Nonce: intent.Nonce}
	if len(b.at[slot]) == 0 && intent.Purpose == signing.PurposePayment {
		b.counted = append(b.counted, u.town.clock)
	}
	b.at[slot] = append(b.at[slot], intent)
	u.say("signed %s %q at %s nonce %d: %s", intent.Purpose, intent.Payment, short(from), intent.Nonce, a.Hash)
}

func short(a common.Address) string { return a.Hex()[:8] }
