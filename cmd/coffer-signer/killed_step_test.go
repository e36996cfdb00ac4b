package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/client"
	"coffer.internal/signing"
)

var kills = flag.Int("kills", 60, "how often TestF34AMachineKilledAtAnyStepOfASignature kills the machine")

// limitedText permits so many payments of 1 wei in an hour.
const limitedText = `version = 1
[[rule]]
name = "limited"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:1"]
assets = ["coin"]
authorized_by = "nobody"
[rule.each_key]
hour = %d
hour_count = %d
`

// The machine is killed at a random step of one signature, again and again: before it has read the request, while it signs, while it
// journals, and while it answers. For each nonce two payments are asked for at the same time. In the end one of them is signed for each
// nonce, whatever was asked again is answered as before, and exactly as much is signed as the policy's limit allows, so nothing that was
// signed is missing from what is counted. More kills: go test ./cmd/coffer-signer -run AtAnyStep -args -kills 1000
func TestF34AMachineKilledAtAnyStepOfASignature(t *testing.T) {
	p := newProcess(t)
	p.kill()
	limit := max(1, *kills*2/3)
	installForTest(t, p.home, "x", fmt.Sprintf(limitedText, limit, limit))
	p.start()
	c := p.client()
	k, err := c.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1, Ref: "hot"})
	if err != nil {
		t.Fatal(err)
	}
	s := &steps{process: p, client: c, from: k.Address, record: newRecord(number), usual: 20 * time.Millisecond}
	for round := range *kills {
		s.round(uint64(round))
		if round%100 == 99 {
			t.Logf("%d kills, %d signed", round+1, s.record.signed)
		}
	}
	askAll(t, s.record, c)
	for _, f := range s.record.failures {
		t.Error(f)
	}
	t.Logf("%d kills: %d before anything was journaled, %d between journal and answer, %d after an answer; %d signed, and the limit is %d",
		*kills, s.nothing, s.lost, s.answered, s.record.signed, limit)
	if s.record.signed != limit {
		t.Errorf("%d payments are signed, and the limit is %d", s.record.signed, limit)
	}
	if s.nothing == 0 || s.answered == 0 || s.lost == 0 && *kills >= 300 { // between journal and answer is a moment that one kill in thirty meets
		t.Error("some step was never hit")
	}
}

// steps is a machine that is killed in the middle of single signatures.
type steps struct {
	*process
	client *client.Client
	from   string
	record *record
	usual  time.Duration // how long an answer takes

	nothing, lost, answered int // at which step the kills came
}

// round asks for two payments at one nonce, kills the machine on the way, and asks again.
func (s *steps) round(nonce uint64) {
	s.t.Helper()
	before := s.journaled()
	rivals := []signing.Intent{s.payment(nonce, "a"), s.payment(nonce, "b")}
	s.record.asked = append(s.record.asked, rivals...)
	answers := make([][]signing.Answer, len(rivals))
	var asking sync.WaitGroup
	began := time.Now()
	for n, i := range rivals {
		asking.Go(func() {
			var err error
			if answers[n], err = s.client.Sign(s.t.Context(), signing.BatchOf(i)); err != nil && !errors.Is(err, signing.ErrNoAnswer) {
				s.t.Errorf("an error that says something: %v", err)
			}
		})
	}
	moment := time.NewTimer(time.Duration(rand.Int64N(int64(s.usual * 3 / 2))))
	<-moment.C
	s.kill()
	asking.Wait()
	took := time.Since(began)
	got := 0
	for n, a := range answers {
		if a != nil {
			s.record.see(rivals[n:n+1], a)
			got++
		}
	}
	s.start()
	switch journaled := s.journaled() - before; {
	case got == len(rivals):
		s.answered++
		s.usual = (s.usual*7 + min(took, 4*s.usual)) / 8
	case journaled > got:
		s.lost++
	default:
		s.nothing++
		s.usual = s.usual * 33 / 32 // it is slower than was thought
	}
	again, err := s.client.Sign(s.t.Context(), signing.BatchOf(rivals...))
	if err != nil {
		s.t.Fatal(err)
	}
	s.record.see(rivals, again)
}

// journaled is how many answers the machine has journaled. On a busy computer it may take longer than the client waits.
func (s *steps) journaled() int {
	s.t.Helper()
	st, err := s.client.Status(s.t.Context())
	for tries := 0; errors.Is(err, fault.Unreachable) && tries < 30; tries++ {
		st, err = s.client.Status(s.t.Context())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return st.Signed + st.Refused
}

func (s *steps) payment(nonce uint64, id string) signing.Intent {
	return signing.Intent{
		Version: signing.Version, Ledger: ledger, Purpose: signing.PurposePayment, ChainType: "evm", ChainID: 1, From: s.from, Nonce: nonce,
		Payment: fmt.Sprint(id, "-", nonce),
		EVM:     &signing.EVMTransfer{To: to, Amount: "1", GasLimit: 21000, MaxFeePerGas: "30", MaxPriorityFeePerGas: "2"},
	}
}
