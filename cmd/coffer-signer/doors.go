package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/certs"
	"coffer.internal/internal/signer/vault"
)

// listenFlags are the flags that say where to listen.
type listenFlags struct {
	listen      []string
	mode, group string
	metrics     string
	rates       signer.Rates
}

func (l *listenFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&l.listen, "listen", nil, "unix:PATH, or HOST:PORT for mutual TLS; repeatable (default: signer.sock in $COFFER_HOME, else in ~/.coffer)")
	f.StringVar(&l.mode, "socket-mode", "0600", "the socket's mode: 0600, or 0660 for a group")
	f.StringVar(&l.group, "socket-group", "", "the socket's group")
	f.StringVar(&l.metrics, "metrics", "", "HOST:PORT of this machine's loopback to serve Prometheus metrics at, as in 127.0.0.1:9465")
	f.IntVar(&l.rates.Requests, "max-requests", signer.DefaultRates.Requests, "how many requests per second one caller may send")
	f.IntVar(&l.rates.Intents, "max-intents", signer.DefaultRates.Intents, "how many intents per second one caller may have signed")
}

// doors are where a machine can be asked.
type doors struct {
	sockets   []signer.Socket
	addresses []string // HOST:PORT
	metrics   string   // HOST:PORT; empty: none
	rates     signer.Rates

	config *tls.Config // for the addresses
	door   *certs.Doorman

	local, remote []net.Listener
	watched       net.Listener
}

// doors reads the flags.
func (a *app) doors(l listenFlags) (d doors, err error) {
	mode, err := signer.ParseMode(l.mode)
	if err != nil {
		return d, err
	}
	if err := l.rates.Check(); err != nil {
		return d, err
	}
	d.rates = l.rates
	if d.metrics, err = signer.ParseLoopback(l.metrics); err != nil {
		return d, err
	}
	for _, s := range l.listen {
		at, err := signer.ParseListen(s)
		if err != nil {
			return d, err
		}
		if at.TCP != "" {
			d.addresses = append(d.addresses, at.TCP)
			continue
		}
		d.sockets = append(d.sockets, signer.Socket{Path: at.Socket, Mode: mode, Group: l.group})
	}
	if len(l.listen) > 0 {
		return d, nil
	}
	path, err := a.socket()
	if err != nil {
		return d, err
	}
	d.sockets = []signer.Socket{{Path: path, Mode: mode, Group: l.group}}
	return d, vault.MakeHome(filepath.Dir(path)) // coffer init may come later
}

// prepare reads the certificates, if any are needed.
func (d *doors) prepare(home string) (err error) {
	if len(d.addresses) > 0 {
		d.config, d.door, err = certs.In(home, time.Now).Serving()
	}
	return err
}

// open listens everywhere, or nowhere.
func (d *doors) open() error {
	for _, s := range d.sockets {
		l, err := s.Listen()
		if err != nil {
			return errors.Join(err, d.close())
		}
		d.local = append(d.local, l)
	}
	for _, addr := range d.addresses {
		l, err := listenTCP(addr)
		if err != nil {
			return errors.Join(err, d.close())
		}
		d.remote = append(d.remote, l)
	}
	if d.metrics == "" {
		return nil
	}
	l, err := listenTCP(d.metrics)
	if err != nil {
		return errors.Join(err, d.close())
	}
	d.watched = l
	return nil
}

func listenTCP(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fault.Wrap(err, fault.Refused, "bad_address", "an address of this machine that nobody listens at", "listen at %s", addr)
	}
	return l, nil
}

func (d *doors) all() []net.Listener {
	all := append(append([]net.Listener(nil), d.local...), d.remote...)
	if d.watched != nil {
		all = append(all, d.watched)
	}
	return all
}

func (d *doors) close() error {
	var err error
	for _, l := range d.all() {
		err = errors.Join(err, l.Close())
	}
	return err
}

// names are where it listens, as --signer takes it.
func (d *doors) names() string {
	var names []string
	for _, s := range d.sockets {
		names = append(names, "unix:"+s.Path)
	}
	for _, l := range d.remote {
		names = append(names, "https://"+l.Addr().String())
	}
	return strings.Join(names, " ")
}

// serve has a server answer at every door. Each closes its listener.
func (d *doors) serve(ctx context.Context, all *errgroup.Group, server *signer.Server) {
	for _, l := range d.local {
		all.Go(func() error { return server.Serve(ctx, l) })
	}
	for _, l := range d.remote {
		all.Go(func() error { return server.ServeTLS(ctx, l, d.config, d.door) })
	}
}
