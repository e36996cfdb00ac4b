package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// silent is an input at which nobody writes until it is closed.
type silent struct{ asked, closed chan struct{} }

func (s silent) Read([]byte) (int, error) {
	close(s.asked)
	<-s.closed
	return 0, io.EOF
}

func TestCtrlCEndsAReadOfStandardInput(t *testing.T) {
	in := silent{make(chan struct{}), make(chan struct{})}
	defer close(in.closed)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := untilDone(ctx, in).Read(make([]byte, 10))
		ended <- err
	}()
	<-in.asked
	stop()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for whoever writes")
	}
}

func TestStandardInputIsReadWhole(t *testing.T) {
	want := strings.Repeat("0123456789", 10_000)
	got, err := io.ReadAll(untilDone(t.Context(), strings.NewReader(want)))
	if err != nil || string(got) != want {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
