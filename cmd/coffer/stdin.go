package main

import (
	"context"
	"io"
)

// untilDone makes reads of standard input end when ctx does: Ctrl-C must not wait for whoever writes there. A read that is
// under way then cannot be stopped; its goroutine, the only one here that nobody waits for, ends with the process.
func untilDone(ctx context.Context, in io.Reader) io.Reader {
	return &impatient{ctx: ctx, in: in, got: make(chan piece, 1)}
}

type impatient struct {
	ctx context.Context
	in  io.Reader
	got chan piece
}

type piece struct {
	b   []byte
	err error
}

func (i *impatient) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	b := make([]byte, len(p)) // not p: whoever stops waiting takes it back
	go func() {
		n, err := i.in.Read(b)
		i.got <- piece{b[:n], err}
	}()
	select {
	case got := <-i.got:
		return copy(p, got.b), got.err
	case <-i.ctx.Done():
		return 0, i.ctx.Err()
	}
}
