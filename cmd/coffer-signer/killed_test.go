package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"coffer.internal/internal/signer/client"
	"coffer.internal/signing"
)

const (
	ledger = "ledger-1"
	to     = "0x52908400098527886E0F7030069857D2E4169EE7"
)

// record is what a test saw of the machine, over all its lives.
type record struct {
	mu       sync.Mutex
	asked    []signing.Intent
	answers  map[signing.Digest]signing.Answer
	uses     func(signing.Intent) []string // what a signature uses up
	usedBy   map[string]string             // the hash of the transaction that did
	signed   int
	failures []string
}

// see holds answers against everything seen before.
func (r *record) see(intents []signing.Intent, answers []signing.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, a := range answers {
		i := intents[k]
		if before, ok := r.answers[a.Digest]; ok {
			if !same(before, a) {
				r.failures = append(r.failures, fmt.Sprintf("intent %s got two answers: %+v and %+v", a.Digest, before, a))
			}
			continue
		}
		r.answers[a.Digest] = a
		if a.Refusal != nil {
			continue
		}
		r.signed++
		for _, use := range r.uses(i) {
			if hash, ok := r.usedBy[use]; ok && hash != a.Hash {
				r.failures = append(r.failures, fmt.Sprintf("%s is signed for twice: %s and %s", use, hash, a.Hash))
			}
			r.usedBy[use] = a.Hash
		}
	}
}

func newRecord(uses func(signing.Intent) []string) *record {
	return &record{answers: map[signing.Digest]signing.Answer{}, uses: uses, usedBy: map[string]string{}}
}

// number is what a signature uses up on every chain: the number, and the payment id.
func number(i signing.Intent) []string {
	uses := []string{fmt.Sprintf("nonce %d of %s", i.Nonce, i.From)}
	if i.Payment != "" {
		uses = append(uses, "payment "+i.Payment)
	}
	return uses
}

func same(a, b signing.Answer) bool {
	if a.Refusal != nil && b.Refusal != nil {
		return *a.Refusal == *b.Refusal
	}
	return a.Refusal == nil && b.Refusal == nil && a.Hash == b.Hash && bytes.Equal(a.Raw, b.Raw)
}

// intent is one of few nonces, for one of few payments, of one of two amounts: rivals everywhere.
func intent(from string, base uint64) signing.Intent {
	i := signing.Intent{
		Version: signing.Version, Ledger: ledger, Purpose: signing.PurposePayment, ChainType: "evm", ChainID: 1, From: from,
		Nonce: base + rand.Uint64N(100), Payment: fmt.Sprint("p-", base+rand.Uint64N(100)),
		EVM: &signing.EVMTransfer{To: to, Amount: fmt.Sprint(1 + rand.IntN(2)), GasLimit: 21000, MaxFeePerGas: "30", MaxPriorityFeePerGas: "2"},
	}
	if rand.IntN(20) == 0 {
		i.Purpose, i.Payment, i.EVM.To, i.EVM.Amount = signing.PurposeGapFill, "", from, "0"
	}
	return i
}

// The machine is killed at random moments of many batches. What it had journaled without answering is found by asking again.
func TestF34AKilledMachineAnswersTheSame(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	p := newProcess(t)
	c := p.client()
	k, err := c.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1, Ref: "hot"})
	if err != nil {
		t.Fatal(err)
	}
	r := newRecord(number)
	p.killInTheMiddle(r, c, rounds, func(round int) signing.Intent {
		return intent(k.Address, uint64(round)*50) // half of each round's nonces are the last one's
	})
	rivals(t, r, c)
	for _, f := range r.failures {
		t.Error(f)
	}
	if again, err := c.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1, Ref: "hot"}); err != nil || again != k {
		t.Errorf("the key is another: %+v, %v", again, err)
	}
}

// killInTheMiddle kills the machine in many rounds of asking, and then asks for everything once more.
func (p *process) killInTheMiddle(r *record, c *client.Client, rounds int, next func(round int) signing.Intent) {
	p.t.Helper()
	kills, lost := 0, 0
	for ; kills < rounds || lost == 0 && kills < 10*rounds; kills++ {
		p.askUntilKilled(r, c, func() signing.Intent { return next(kills) })
		p.start()
		st, err := c.Status(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		lost = st.Signed + st.Refused - len(r.answers)
	}
	askAll(p.t, r, c)
	p.t.Logf("%d kills: %d intents asked, %d signed; %d answers journaled and lost with a kill, then given again", kills, len(r.asked), r.signed, lost)
	if lost <= 0 || r.signed == 0 {
		p.t.Error("no kill came between journaling and answering")
	}
}

// askUntilKilled has batches signed from four sides and kills the machine in the middle, after its first answer.
func (p *process) askUntilKilled(r *record, c *client.Client, next func() signing.Intent) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	var sides sync.WaitGroup
	begun := make(chan struct{}, 1)
	for range 4 {
		sides.Go(func() {
			for {
				batch := make([]signing.Intent, 1+rand.IntN(12))
				for k := range batch {
					batch[k] = next()
				}
				r.mu.Lock()
				r.asked = append(r.asked, batch...)
				r.mu.Unlock()
				answers, err := c.Sign(ctx, signing.BatchOf(batch...))
				select {
				case begun <- struct{}{}:
				default:
				}
				if err != nil {
					if !errors.Is(err, signing.ErrNoAnswer) {
						p.t.Errorf("an error that says something: %v", err)
					}
					return
				}
				r.see(batch, answers)
			}
		})
	}
	<-begun
	moment := time.NewTimer(time.Duration(rand.Int64N(int64(25 * time.Millisecond))))
	<-moment.C
	p.kill()
	sides.Wait()
}

// askAll asks everything once more: what was answered gets the same, what was lost gets its one answer.
func askAll(t *testing.T, r *record, c *client.Client) {
	t.Helper()
	for range 2 {
		answers, err := c.Sign(t.Context(), signing.BatchOf(r.asked...))
		if err != nil {
			t.Fatal(err)
		}
		r.see(r.asked, answers)
	}
}

// rivals asks for another payload at each signed nonce, and for each paid payment at a fresh nonce: all are refused.
func rivals(t *testing.T, r *record, c *client.Client) {
	t.Helper()
	var rivals []signing.Intent
	var want []string
	for _, i := range r.asked {
		if r.answers[i.Digest()].Refusal != nil {
			continue
		}
		e := *i.EVM
		e.To, e.Amount = to, "77"
		other := i
		other.EVM, other.Purpose, other.Payment = &e, signing.PurposePayment, "rival-"+i.Digest().String()
		rivals, want = append(rivals, other), append(want, "nonce_bound")
		if i.Payment != "" {
			moved := i
			moved.Nonce += 1_000_000
			rivals, want = append(rivals, moved), append(want, "payment_bound")
		}
	}
	answers, err := c.Sign(t.Context(), signing.BatchOf(rivals...))
	if err != nil {
		t.Fatal(err)
	}
	for k, a := range answers {
		if a.Refusal == nil || a.Refusal.Code != want[k] || a.Refusal.Kind != signing.RefusedAsConflict {
			t.Errorf("a rival at %d for %s got %+v, not %s", rivals[k].Nonce, rivals[k].Payment, a.Refusal, want[k])
		}
	}
}
