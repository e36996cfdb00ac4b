package main

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/vault"
)

func (a *app) serveCommand() *cobra.Command {
	var pass passphrase
	var listen, mode, group string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Open the vault and sign what coffer asks for, until it is stopped",
		Long: `Opens the vault with the passphrase and answers on a unix socket, until SIGINT or SIGTERM. Whoever may connect
to the socket may have payments signed: it is open to its owner alone, or with --socket-mode 0660 to a group.

It signs what the policy in force permits (docs/policy.md), which is fixed while it serves: to change it, stop it,
` + "`coffer-signer policy install FILE`" + `, and serve again. Without the policy that was installed last it does not start.

One process serves a home. A socket that a dead one left behind is replaced.`,
		Example: `  coffer-signer serve --passphrase-file passphrase
  coffer-signer serve --passphrase-fd 3 3<passphrase \
    --listen unix:/run/coffer/signer.sock --socket-mode 0660 --socket-group coffer`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			socket, err := a.listenOn(listen, mode, group)
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), &pass, socket)
		},
	}
	pass.flags(c)
	a.guards.flags(c)
	c.Flags().StringVar(&listen, "listen", "", "unix:PATH (default: signer.sock in $COFFER_HOME, else in ~/.coffer)")
	c.Flags().StringVar(&mode, "socket-mode", "0600", "the socket's mode: 0600, or 0660 for a group")
	c.Flags().StringVar(&group, "socket-group", "", "the socket's group")
	return c
}

// listenOn reads the flags that say where to listen.
func (a *app) listenOn(listen, mode, group string) (s signer.Socket, err error) {
	s.Group = group
	if s.Mode, err = signer.ParseMode(mode); err != nil {
		return s, err
	}
	if listen != "" {
		s.Path, err = signer.ParseListen(listen)
		return s, err
	}
	if s.Path, err = a.socket(); err != nil {
		return s, err
	}
	return s, vault.MakeHome(filepath.Dir(s.Path)) // coffer init may come later
}

func (a *app) serve(ctx context.Context, pass *passphrase, socket signer.Socket) (err error) {
	if err := keepMemoryPrivate(); err != nil { // before anything secret is in it
		return err
	}
	home, err := a.home()
	if err != nil {
		return err
	}
	release, err := signer.Hold(home)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
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
	l, err := socket.Listen() // last: whoever sees this one finds the machine whole
	if err != nil {
		return errors.Join(err, closeAny(admin))
	}
	return a.answer(ctx, machine, l, admin, socket.Path)
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

// answer serves both sockets until ctx ends, or one of them fails. admin may be nil.
func (a *app) answer(ctx context.Context, machine *signer.Machine, l, admin net.Listener, path string) error {
	log := a.logger()
	st, err := machine.Status(ctx)
	if err != nil {
		return errors.Join(err, l.Close(), closeAny(admin))
	}
	of, err := machine.Officers()
	if err != nil {
		return errors.Join(err, l.Close(), closeAny(admin))
	}
	log.Info("serving", "socket", path, "device", st.Device, "keys", st.Keys, "signed", st.Signed, "version", st.Version)
	both, ctx := errgroup.WithContext(ctx)
	a.guards.run(ctx, both, a, machine)
	both.Go(func() error { return signer.NewServer(machine, log, signer.ServerOptions{}).Serve(ctx, l) })
	if admin != nil {
		both.Go(func() error { return signer.NewAdmin(machine, of, log, time.Now).Serve(ctx, admin) })
	}
	err = both.Wait()
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
