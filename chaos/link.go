package main

import (
	"errors"
	"io"
	"net"
	"sync"
)

// link is the network between one daemon and the signing machine. It carries bytes that it cannot read (both ends speak TLS), and can be
// made bad.
type link struct {
	from    net.Listener
	to      string
	running sync.WaitGroup

	mu     sync.Mutex
	change *sync.Cond // of all below
	mute   bool       // answers are held back
	down   bool       // nobody gets through
	open   map[*crossing]bool
}

// crossing is one connection through a link.
type crossing struct {
	near, far net.Conn // the daemon's end, and the machine's
	cut       bool
}

// startLink starts a link on a port of its own.
func startLink(to string) (*link, error) {
	from, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &link{from: from, to: to, open: map[*crossing]bool{}}
	l.change = sync.NewCond(&l.mu)
	l.running.Go(l.serve)
	return l, nil
}

func (l *link) address() string { return l.from.Addr().String() }

func (l *link) serve() {
	for {
		near, err := l.from.Accept()
		if err != nil {
			return // it is closed
		}
		far, err := net.Dial("tcp", l.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		c := &crossing{near: near, far: far}
		l.mu.Lock()
		if l.down {
			c.close()
		} else {
			l.open[c] = true
			l.running.Go(func() { l.carry(c, c.far, c.near, func() bool { return true }) })
			l.running.Go(func() { l.carry(c, c.near, c.far, func() bool { return l.heard(c) }) })
		}
		l.mu.Unlock()
	}
}

// carry brings what comes from one end to the other, as far as it may.
func (l *link) carry(c *crossing, to io.Writer, from io.Reader, may func() bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && may() {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			l.mu.Lock()
			l.end(c)
			l.mu.Unlock()
			return
		}
	}
}

// heard waits while answers are held back. It is false if the connection was cut meanwhile: the answer is lost.
func (l *link) heard(c *crossing) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.mute && !c.cut {
		l.change.Wait()
	}
	return !c.cut
}

// end ends a connection. The caller holds mu.
func (l *link) end(c *crossing) {
	c.cut = true
	c.close()
	delete(l.open, c)
	l.change.Broadcast()
}

func (c *crossing) close() { _ = errors.Join(c.near.Close(), c.far.Close()) }

// silence holds the machine's answers back, or lets them go.
func (l *link) silence(yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mute = yes
	l.change.Broadcast()
}

// cut ends all connections with what is held back on them, and lets no new one through until it is mended.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for c := range l.open {
		l.end(c)
	}
}

// mend lets everything through again.
func (l *link) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mute, l.down = false, false
	l.change.Broadcast()
}

func (l *link) close() {
	_ = l.from.Close()
	l.cut()
	l.running.Wait()
}
