package withdrawal

import (
	"time"

	"coffer.internal/internal/store"
)

// Observer is told what the engine does, for figures. Its methods are called from many goroutines, and must be quick. A lane is
// a chain, as in evm:1.
type Observer interface {
	// Step: a pass of a step took so long, and maybe failed.
	Step(lane, step string, took time.Duration, err error)
	// Reached: so long after the stage before it, a payment or its transaction reached a stage (the constants below).
	Reached(lane, stage string, after time.Duration)
	// Sent: a transaction was given to the nodes, with what came of it (the verdicts of package chain).
	Sent(lane, verdict string)
	// Replaced: a further attempt was asked for at a nonce: payment, cancel or gap_fill.
	Replaced(lane, purpose string)
	// Ended: a payment ended: paid, failed, refused or cancelled.
	Ended(lane, outcome string)
}

// The stages of Observer.Reached.
const (
	StageAsked  = "asked"  // since it was accepted
	StageSigned = "signed" // since it was asked for
	StageSent   = "sent"   // since it was signed: taken by a node, or maybe
	StageMined  = "mined"  // since it was signed
	StageFinal  = "final"  // since it was mined
	StageEnded  = "ended"  // since it was accepted: the whole way
)

// unobserved is an observer that looks away.
type unobserved struct{}

func (unobserved) Step(string, string, time.Duration, error) {}
func (unobserved) Reached(string, string, time.Duration)     {}
func (unobserved) Sent(string, string)                       {}
func (unobserved) Replaced(string, string)                   {}
func (unobserved) Ended(string, string)                      {}

// reached tells that something is at a stage now. What has no beginning, because a step in between was not seen, is not told.
func (l *lane) reached(stage string, since time.Time) {
	if !since.IsZero() {
		l.observer.Reached(l.name, stage, max(0, l.now().Sub(since)))
	}
}

// observeMoves tells what attempts came to.
func (l *lane) observeMoves(moves []store.AttemptMove, of map[int64]store.Attempt) {
	for _, m := range moves {
		switch a := of[m.ID]; {
		case m.From == m.To:
		case m.To == store.AttemptSigned:
			l.reached(StageSigned, a.AskedAt)
		case m.To == store.AttemptSent && m.From == store.AttemptSigned:
			l.reached(StageSent, a.SignedAt)
		case m.To == store.AttemptMined && m.From != store.AttemptMined:
			l.reached(StageMined, a.SignedAt)
		case m.To == store.AttemptFinal:
			l.reached(StageFinal, a.MinedAt)
		}
	}
}

// observeEnds tells which payments ended.
func (l *lane) observeEnds(moves []store.WithdrawalMove, of map[string]store.Withdrawal) {
	for _, m := range moves {
		if m.To == store.WithdrawalEnded {
			l.observer.Ended(l.name, m.Outcome)
			l.reached(StageEnded, of[m.Payment].CreatedAt)
		}
	}
}

func byID(as []store.Attempt) map[int64]store.Attempt {
	by := make(map[int64]store.Attempt, len(as))
	for _, a := range as {
		by[a.ID] = a
	}
	return by
}
