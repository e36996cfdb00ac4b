package main

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/requestlog"
	"coffer.internal/internal/signer/vault"
)

func (a *app) serveCommand() *cobra.Command {
	var pass passphrase
	var where listenFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Open the vault and sign what coffer asks for, until it is stopped",
		Long: `Opens the vault with the passphrase and answers on a unix socket, until SIGINT or SIGTERM. Whoever may connect
to the socket may have payments signed: it is open to its owner alone, or with --socket-mode 0660 to a group.
With --listen HOST:PORT it answers over a network, to those to whom coffer-signer cert gave a certificate.

Every request is written down in requests.log before it is answered (coffer-signer log). --metrics tells Prometheus
on this machine. It connects to nobody by itself.

It signs what the policy in force permits (docs/policy.md), which is fixed while it serves: to change it, stop it,
` + "`coffer-signer policy install FILE`" + `, and serve again. Without the policy that was installed last it does not start.

One process serves a home. A socket that a dead one left behind is replaced.`,
		Example: `  coffer-signer serve --passphrase-file passphrase
  coffer-signer serve --passphrase-fd 3 3<passphrase \
    --listen unix:/run/coffer/signer.sock --socket-mode 0660 --socket-group coffer
  coffer-signer serve --passphrase-file passphrase --listen 10.0.0.5:8443 --metrics 127.0.0.1:9465`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.doors(where)
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), &pass, d)
		},
	}
	pass.flags(c)
	a.guards.flags(c)
	where.flags(c)
	return c
}

func (a *app) serve(ctx context.Context, pass *passphrase, d doors) (err error) {
	if err := keepMemoryPrivate(); err != nil { // before anything secret is in it
		return err
	}
	signer.CollectSeldom()
	home, err := a.home()
	if err != nil {
		return err
	}
	release, err := signer.Hold(home)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := d.prepare(home); err != nil { // before the passphrase is asked for
		return err
	}
	requests, err := requestlog.Open(home, requestlog.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, requests.Close()) }()
	machine, err := open(home, pass)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, machine.Close()) }()
	if err := a.guards.begin(ctx, machine); err != nil {
		return err
	}
	admin, err := a.listenForAdmin(home)
	if err != nil {
		return err
	}
	if err := d.open(); err != nil { // last: whoever sees these finds the machine whole
		return errors.Join(err, closeAny(admin))
	}
	return a.answer(ctx, machine, requests, d, admin)
}

// listenForAdmin listens in the machine's home for its own user. A home whose path is too long for a socket goes without: a release
// then needs the process to be stopped.
func (a *app) listenForAdmin(home string) (net.Listener, error) {
	l, err := signer.Socket{Path: signer.AdminSocket(home), Mode: 0o600}.Listen()
	if fault.Code(err) == "long_socket" {
		a.logger().Warn("no administrative socket: what only its own user may do (release, freeze, backup …) needs this process to be stopped", "error", err)
		return nil, nil
	}
	return l, err
}

// answer serves at all doors until ctx ends, or one of them fails. admin may be nil.
func (a *app) answer(ctx context.Context, machine *signer.Machine, requests *requestlog.Log, d doors, admin net.Listener) error {
	log := a.logger()
	st, err := machine.Status(ctx)
	if err == nil {
		err = requests.Append(requestlog.Line{Code: "started", Detail: st.Device + " " + version})
	}
	if err != nil {
		return errors.Join(err, d.close(), closeAny(admin))
	}
	of, err := machine.Officers()
	if err != nil {
		return errors.Join(err, d.close(), closeAny(admin))
	}
	log.Info("serving", "at", d.names(), "device", st.Device, "keys", st.Keys, "signed", st.Signed, "version", st.Version)
	if st.Frozen != "" {
		log.Warn("frozen: nothing is signed", "why", st.Frozen)
	}
	options := signer.ServerOptions{Requests: requests, Meter: signer.NewMeter(), Rates: d.rates}
	server := signer.NewServer(machine, log, options)
	all, serving := errgroup.WithContext(ctx)
	d.serve(serving, all, server)
	a.guards.run(serving, all, a, machine)
	if d.watched != nil {
		all.Go(func() error {
			return signer.NewMetrics(machine, options.Meter, requests, version, log).Serve(serving, d.watched)
		})
	}
	if admin != nil {
		all.Go(func() error {
			return signer.NewAdmin(machine, of, log, time.Now).Writing(requests).Serve(serving, admin)
		})
	}
	synced, stop := context.WithCancel(context.WithoutCancel(ctx)) // it goes on until the last answer is given
	syncing := make(chan error, 1)
	go func() { syncing <- requests.Run(synced) }()
	err = all.Wait()
	err = errors.Join(err, requests.Append(requestlog.Line{Code: "stopped"}))
	stop()
	err = errors.Join(err, <-syncing)
	log.Info("stopped")
	return err
}

// closeAny closes a listener, if there is one.
func closeAny(l net.Listener) error {
	if l == nil {
		return nil
	}
	return l.Close()
}

// open puts the machine of a home together.
func open(home string, pass *passphrase) (*signer.Machine, error) {
	v, err := openVault(home, pass)
	if err != nil {
		return nil, err
	}
	j, err := signer.OpenJournal(home, v, journal.Options{})
	if err != nil {
		v.Close()
		return nil, err
	}
	return signer.New(v, j, version), nil
}

func openVault(home string, pass *passphrase) (*vault.Vault, error) {
	p, err := pass.read()
	if err != nil {
		return nil, err
	}
	defer clear(p)
	return vault.Open(home, p, vault.Options{})
}
