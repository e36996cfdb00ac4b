package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/journal"
)

// keep does an act of the machine's own user: on the journal itself, or through the process that has it open.
func keep[Request, Answer any](
	ctx context.Context, a *app, path string, req Request, do func(signer.Keeping, context.Context, Request) (Answer, error),
) (Answer, error) {
	return keepBy(ctx, a, a.openJournal, path, req, do)
}

// keepOpened is keep for what needs the machine's keys: when nobody serves, the vault is opened for it.
func keepOpened[Request, Answer any](
	ctx context.Context, a *app, pass *passphrase, path string, req Request, do func(signer.Keeping, context.Context, Request) (Answer, error),
) (Answer, error) {
	return keepBy(ctx, a, func(home string) (signer.Keeping, func() error, error) { return openKeeping(home, pass) }, path, req, do)
}

// opener opens as much of a home that nobody serves as an act needs.
type opener func(home string) (k signer.Keeping, closing func() error, err error)

func keepBy[Request, Answer any](
	ctx context.Context, a *app, open opener, path string, req Request, do func(signer.Keeping, context.Context, Request) (Answer, error),
) (done Answer, err error) {
	err = a.atHome(
		func(home string) error { return throughServer(ctx, home, path, req, &done) },
		func(home string) (err error) {
			k, closing, err := open(home)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, closing()) }()
			done, err = do(k, ctx, req)
			return err
		})
	return done, err
}

// atHome holds the machine's home and does something there alone; or, if a process serves it, the other thing.
func (a *app) atHome(served, alone func(home string) error) (err error) {
	home, err := a.home()
	if err != nil {
		return err
	}
	free, err := signer.Hold(home)
	if fault.Code(err) == "already_serving" {
		return served(home)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, free()) }()
	return alone(home)
}

// openJournal opens the journal of a home, and nothing that is secret.
func (a *app) openJournal(home string) (signer.Keeping, func() error, error) {
	j, err := journal.OpenAlone(home, journal.Options{})
	if err != nil {
		return signer.Keeping{}, nil, err
	}
	of, err := a.officers(home, j)
	if err != nil {
		return signer.Keeping{}, nil, errors.Join(err, j.Close())
	}
	return signer.Keeping{Journal: j, Officers: of, By: signer.UserName(os.Geteuid()), Now: time.Now(), Version: version}, j.Close, nil
}

// openKeeping opens the whole machine of a home.
func openKeeping(home string, pass *passphrase) (signer.Keeping, func() error, error) {
	if err := keepMemoryPrivate(); err != nil { // before anything secret is in it
		return signer.Keeping{}, nil, err
	}
	machine, err := open(home, pass)
	if err != nil {
		return signer.Keeping{}, nil, err
	}
	k, err := machine.Keeping(signer.UserName(os.Geteuid()), time.Now())
	if err != nil {
		return signer.Keeping{}, nil, errors.Join(err, machine.Close())
	}
	return k, machine.Close, nil
}

// throughServer asks the process that serves a home.
func throughServer(ctx context.Context, home, path string, req, done any) error {
	err := client.Keep(ctx, signer.AdminSocket(home), path, req, done)
	if fault.Code(err) == "signer_unreachable" {
		err = fault.Wrap(err, fault.Unreachable, "admin_unreachable", "say it again; if it stays so, stop `coffer-signer serve` first",
			"a process serves %s, but cannot be asked for this", home)
	}
	return err
}

func approvalFlag(c *cobra.Command, approvals *[]string) {
	c.Flags().StringArrayVar(approvals, "approval", nil, "an officer's approval, as `coffer-signer approve` prints it; once for each")
}
