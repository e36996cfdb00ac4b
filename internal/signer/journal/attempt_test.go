package journal

import (
	"testing"
	"time"

	"coffer.internal/signing"
)

// later is a further attempt at a payment, otherwise than usual.
func later(nonce uint64, id string, attempt uint32, change func(*signing.SolanaTransfer)) Proposal {
	p := solana(nonce, id, attempt)
	change(p.Intent.Solana)
	return proposed(p.Intent)
}

func TestALaterAttemptOnSolanaIsSignedWhenTheFormerIsTenMinutesOld(t *testing.T) {
	w := newWorldAt(t, noon)
	first := w.record(solana(0, "a", 1), solana(0, "a", 2), solana(1, "a", 1), solana(0, "b", 1), solana(1, "b", 1))
	if got, want := briefs(first), " signed attempt_too_early payment_bound nonce_bound signed"; got != want {
		t.Fatalf("got %s\nwant%s", got, want)
	}
	if r := first[1].Refusal; r.Kind != signing.RefusedForNow {
		t.Errorf("%+v", r)
	}
	second := later(0, "a", 2, func(s *signing.SolanaTransfer) { s.LastValidBlockHeight = 2001 }) // the refused digest stays refused
	w.now = noon.Add(attemptWait - time.Second)
	early := later(0, "a", 2, func(s *signing.SolanaTransfer) { s.LastValidBlockHeight = 2002 })
	if got := briefs(w.record(early)); got != " attempt_too_early" {
		t.Errorf("a second before:%s", got)
	}
	w.now = noon.Add(attemptWait)
	got := briefs(w.record(
		solana(0, "a", 2), // refused above
		second,
		later(0, "a", 2, func(s *signing.SolanaTransfer) { s.LastValidBlockHeight = 2003 }), // attempt 2 is signed
		later(0, "a", 1, func(s *signing.SolanaTransfer) { s.LastValidBlockHeight = 9000 }), // and attempt 1 is over
		solana(0, "a", 3), // too early again
		solana(0, "a", 4),
		solana(1, "a", 3),
		second,
	))
	if want := " attempt_too_early signed nonce_bound payment_bound attempt_too_early payment_bound payment_bound signed"; got != want {
		t.Errorf("got %s\nwant%s", got, want)
	}
	w.reopen()
	w.now = w.now.Add(attemptWait)
	third := later(0, "a", 3, func(s *signing.SolanaTransfer) { s.LastValidBlockHeight = 3001 })
	if got := briefs(w.record(third, third)); got != " signed signed" {
		t.Errorf("the third:%s", got)
	}
}

func TestALaterAttemptOnSolanaThatCouldPayTwiceOrAnotherIsAConflict(t *testing.T) {
	for name, p := range map[string]Proposal{
		"another recipient":        later(0, "a", 2, func(s *signing.SolanaTransfer) { s.To = "another" }),
		"another amount":           later(0, "a", 2, func(s *signing.SolanaTransfer) { s.Amount = "2" }),
		"another token":            later(0, "a", 2, func(s *signing.SolanaTransfer) { s.Mint = "mint" }),
		"other decimals":           later(0, "a", 2, func(s *signing.SolanaTransfer) { s.Decimals = 6 }),
		"another program":          later(0, "a", 2, func(s *signing.SolanaTransfer) { s.TokenProgram = "program" }),
		"the same blockhash":       later(0, "a", 2, func(s *signing.SolanaTransfer) { s.RecentBlockhash = "hash 1" }),
		"no younger blockhash":     later(0, "a", 2, func(s *signing.SolanaTransfer) { s.LastValidBlockHeight = 1000 }),
		"an attempt after nothing": solana(0, "new", 2),
	} {
		w := newWorldAt(t, noon)
		w.record(solana(0, "a", 1))
		w.now = noon.Add(time.Hour)
		a := w.record(p)[0]
		if brief(a) != "second_attempt" || a.Refusal.Kind != signing.RefusedAsConflict {
			t.Errorf("%s: %+v", name, a.Refusal)
		}
	}
}

func TestALaterAttemptAfterOneOfUnknownTimeIsAConflict(t *testing.T) {
	w := newWorldAt(t, noon)
	w.record(solana(0, "a", 1))
	w.formerly() // a journal of version 1 says of nothing when it was signed
	w.reopen()
	w.now = noon.Add(time.Hour)
	if got := briefs(w.record(solana(0, "a", 2))); got != " second_attempt" {
		t.Errorf("got%s", got)
	}
}

func TestALaterAttemptHasTheBoundOfTheFirst(t *testing.T) {
	w := newWorldAt(t, noon)
	w.record(solana(0, "a", 1))
	w.now = noon.Add(time.Hour)
	w.record(solana(0, "a", 2))
	for _, f := range []func(*Facts) bool{
		func(f *Facts) bool { return f.PaidAt != nil && f.PaidAt.Attempt == 2 },
		func(f *Facts) bool { return f.bound != nil },
	} {
		if facts := w.facts(solana(0, "a", 3)); !f(&facts) {
			t.Errorf("%+v", facts)
		}
	}
}
