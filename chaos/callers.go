package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// callers are the customers' services. Each keeps a `coffer withdraw --file -` open, hands withdrawals in at a steady pace, and
// hands in again, with the same id, whatever was not answered or could not be accepted yet.
type callers struct {
	work     chan payment // due, or due again
	mu       sync.Mutex
	accepted map[string]bool
	again    int // how often one was handed in again
	all      chan struct{}
	total    int
}

// againAfter is how long a caller waits before it hands in again.
const againAfter = 300 * time.Millisecond

func newCallers(total int) *callers {
	return &callers{work: make(chan payment, total), accepted: map[string]bool{}, all: make(chan struct{}), total: total}
}

// backlog is how many payments may be open before callers wait: what a slow machine has not paid when all is well again would else say
// more about the machine than about what was broken.
const backlog = 2000

// pace makes the payments due, evenly over a time or as fast as they end.
func (c *callers) pace(ctx context.Context, l ledger, ps []payment, over time.Duration) error {
	began, ended := time.Now(), 0
	for i, p := range ps {
		due := began.Add(over * time.Duration(i) / time.Duration(len(ps)))
		if wait := time.Until(due); wait > 0 {
			if err := pause(ctx, wait); err != nil {
				return err
			}
		}
		for i-ended >= backlog {
			if _, n, err := l.ended(ctx); err == nil { // else the database is away
				ended = n
			}
			if err := pause(ctx, againAfter); err != nil {
				return err
			}
		}
		c.work <- p
	}
	return nil
}

func (c *callers) accept(request string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted[request] = true
	if len(c.accepted) == c.total {
		close(c.all)
	}
}

// retry makes payments due again a little later.
func (c *callers) retry(ctx context.Context, ps ...payment) {
	c.mu.Lock()
	c.again += len(ps)
	c.mu.Unlock()
	if pause(ctx, againAfter) != nil {
		return
	}
	for _, p := range ps {
		c.work <- p // it has room for all
	}
}

// stream is one caller's life: a process after the other, until ctx ends.
func (c *callers) stream(ctx context.Context, k *crew, name string, command func() *exec.Cmd) error {
	for ctx.Err() == nil {
		left, err := c.one(ctx, k, name, command())
		if err != nil {
			return err
		}
		c.retry(ctx, left...)
	}
	return nil
}

// one is the life of one process: it ends when the process does, and gives what was not answered.
func (c *callers) one(ctx context.Context, k *crew, name string, cmd *exec.Cmd) (left []payment, err error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, answers := io.Pipe()
	cmd.Stdout = answers
	p, err := k.startMayEnd(name, cmd) // when the database does
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil
		}
		return nil, err
	}
	handed := map[string]payment{}
	var mu sync.Mutex
	ended := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() {
		defer close(ended)
		<-p.done
		_ = answers.Close()
	})
	both.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var got answer
			if err := json.Unmarshal(lines.Bytes(), &got); err != nil || got.Request == "" {
				k.fell(fmt.Errorf("%s answers %s: %w", name, lines.Bytes(), orElse(err, errors.New("without a request"))))
				continue
			}
			mu.Lock()
			p, ok := handed[got.Request]
			delete(handed, got.Request)
			mu.Unlock()
			switch {
			case !ok:
			case got.final():
				k.fell(fmt.Errorf("%s is refused: %s", got.Request, got.Error.Message))
			case got.Error != nil:
				both.Go(func() { c.retry(ctx, p) })
			default:
				c.accept(got.Request)
			}
		}
	})
	c.feed(ctx, in, ended, func(p payment) { mu.Lock(); handed[p.request] = p; mu.Unlock() })
	_ = in.Close()
	select {
	case <-p.done:
	case <-ctx.Done():
		p.kill()
	}
	both.Wait()
	for _, p := range handed {
		left = append(left, p)
	}
	return left, nil
}

// answer is a line of `withdraw --file --json`.
type answer struct {
	Request string `json:"request"`
	Error   *struct {
		Message string `json:"message"`
		Code    int    `json:"exit_code"`
	} `json:"error"`
}

// final says whether handing in again is of no use: the line is refused for what it is.
func (a answer) final() bool {
	const usage, notFound, refused, notAllowed = 2, 3, 4, 5
	return a.Error != nil && slices.Contains([]int{usage, notFound, refused, notAllowed}, a.Error.Code)
}

// feed writes what is due to a process until that ends.
func (c *callers) feed(ctx context.Context, in io.Writer, ended <-chan struct{}, handing func(payment)) {
	for {
		select {
		case p := <-c.work:
			handing(p)
			if line(in, request(p)) != nil {
				return
			}
		case <-ended:
			return
		case <-ctx.Done():
			return
		}
	}
}

// request is a line for `withdraw --file`.
func request(p payment) string {
	asset := ""
	if symbol := p.symbol(); symbol != nil {
		asset = fmt.Sprintf(`,"asset":%q`, *symbol)
	}
	return fmt.Sprintf(`{"request":%q,"chain_id":%d,"to":%q,"amount":"%d"%s}`, p.request, p.chain.id, p.To.Hex(), p.Amount, asset)
}
