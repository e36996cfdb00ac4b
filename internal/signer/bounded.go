package signer

import (
	"net"
	"sync"

	"coffer.internal/internal/signer/requestlog"
)

const (
	// maxLocal is how many connections a unix socket holds at a time.
	maxLocal = 1024
	// maxRemote is how many connections a network address holds at a time, and maxPerHost how many of them one host may have: whoever
	// connects and says nothing shall not keep the others out.
	maxRemote, maxPerHost = 512, 128
)

// codeNoRoom is the code of a connection that was closed at once because there were too many.
const codeNoRoom = "too_many_connections"

// boundedListener closes connections beyond its bounds at once.
type boundedListener struct {
	net.Listener
	most, perHost int
	refused       func(from string)

	mu    sync.Mutex
	open  int
	hosts map[string]int
}

// bounded bounds the connections of a listener.
func (o observer) bounded(l net.Listener, most, perHost int) net.Listener {
	return &boundedListener{Listener: l, most: most, perHost: perHost, hosts: map[string]int{}, refused: func(from string) {
		o.log.Warn("a connection too many was closed", "from", from)
		_ = o.keep(requestlog.Line{From: from, Code: codeNoRoom, Detail: "it was closed at once"}) // the log says itself what it could not write
	}}
}

// Accept waits for a connection that there is room for.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host := hostOf(c.RemoteAddr())
		if l.enter(host) {
			return &boundedConn{Conn: c, leave: sync.OnceFunc(func() { l.leave(host) })}, nil
		}
		l.refused(fromOf(c.RemoteAddr()))
		_ = c.Close()
	}
}

func (l *boundedListener) enter(host string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.most || l.hosts[host] >= l.perHost {
		return false
	}
	l.open++
	l.hosts[host]++
	return true
}

func (l *boundedListener) leave(host string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.hosts[host]--; l.hosts[host] == 0 {
		delete(l.hosts, host)
	}
}

// boundedConn makes room when it is closed, and knows what is said over it.
type boundedConn struct {
	net.Conn
	leave func()
	talk  talk
}

// Write sends some bytes.
func (c *boundedConn) Write(b []byte) (int, error) {
	c.talk.wrote(len(b))
	return c.Conn.Write(b)
}

// Close closes the connection.
func (c *boundedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// NetConn is the connection itself.
func (c *boundedConn) NetConn() net.Conn { return c.Conn }

// hostOf is what connections are counted by: the address without its port.
func hostOf(a net.Addr) string {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.IP.String()
	}
	return ""
}

// fromOf is an address as the log shows it.
func fromOf(a net.Addr) string {
	if _, ok := a.(*net.TCPAddr); ok {
		return a.String()
	}
	return "unix"
}
