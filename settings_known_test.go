package coffer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"coffer.internal"
)

var errNotInForce = errors.New("not in force")

// lookAt is a clock that stands, and looks that are counted and find what they are told.
type lookAt struct {
	coffer.SettingsKnown
	at    time.Time
	looks int
}

func newLookAt() *lookAt {
	return &lookAt{SettingsKnown: coffer.NewSettingsKnown(), at: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
}

func (l *lookAt) ask(ctx context.Context, finds, fails error) error {
	return l.Ask(ctx, func() time.Time { return l.at }, func(context.Context, error) (error, error) {
		l.looks++
		return finds, fails
	})
}

func TestSettingsAreLookedAtOnceASecond(t *testing.T) {
	l := newLookAt()
	step := func(what string, got, want error, looks int) {
		t.Helper()
		if !errors.Is(got, want) || (want == nil) != (got == nil) || l.looks != looks {
			t.Errorf("%s: %v after %d looks, want %v after %d", what, got, l.looks, want, looks)
		}
	}
	away := errors.New("the database is away")
	step("nothing is known and the database is away", l.ask(t.Context(), nil, away), away, 1)
	step("nothing is known", l.ask(t.Context(), errNotInForce, nil), errNotInForce, 2)
	l.at = l.at.Add(time.Second - 1)
	step("it is new", l.ask(t.Context(), nil, nil), errNotInForce, 2)
	l.at = l.at.Add(1)
	step("it is old", l.ask(t.Context(), nil, nil), nil, 3)
	l.Forget()
	step("it is forgotten", l.ask(t.Context(), errNotInForce, nil), errNotInForce, 4)
	l.at = l.at.Add(-time.Hour)
	step("the clock was put back", l.ask(t.Context(), nil, nil), nil, 5)
}

// hang begins a look that does not come back before end.
func (l *lookAt) hang(t *testing.T, finds error) (end func() error) {
	begun, answer, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	at := l.at
	go func() {
		done <- l.Ask(context.WithoutCancel(t.Context()), func() time.Time { return at }, func(context.Context, error) (error, error) {
			close(begun)
			<-answer
			return finds, nil
		})
	}()
	<-begun
	return func() error { close(answer); return <-done }
}

// atOnce is the answer to who does not want to wait, and would find that they are not in force.
func (l *lookAt) atOnce(t *testing.T, ctx context.Context) error {
	t.Helper()
	answer := make(chan error, 1)
	go func() { answer <- l.ask(ctx, errNotInForce, nil) }()
	select {
	case err := <-answer:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for who looks")
		return nil
	}
}

func TestWhoLooksAtSettingsWhileTheDatabaseHangsHoldsUpNobody(t *testing.T) {
	l := newLookAt()
	end := l.hang(t, nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.atOnce(t, gone); !errors.Is(err, context.Canceled) {
		t.Errorf("nothing is known, and the caller is gone: %v", err)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	l.at = l.at.Add(time.Minute)
	end = l.hang(t, errNotInForce)
	if err := l.atOnce(t, t.Context()); err != nil {
		t.Errorf("something is known: %v", err)
	}
	if err := end(); !errors.Is(err, errNotInForce) {
		t.Errorf("who looked: %v", err)
	}
}

func TestWhatChangedDuringALookIsLookedAtAgain(t *testing.T) {
	l := newLookAt()
	end := l.hang(t, errNotInForce)
	l.Forget()
	if err := end(); !errors.Is(err, errNotInForce) {
		t.Fatal(err)
	}
	if err := l.ask(t.Context(), nil, nil); err != nil || l.looks != 1 {
		t.Errorf("%v, %d looks", err, l.looks)
	}
}
