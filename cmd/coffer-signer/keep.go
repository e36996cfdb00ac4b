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
) (done Answer, err error) {
	home, err := a.home()
	if err != nil {
		return done, err
	}
	free, err := signer.Hold(home)
	if fault.Code(err) == "already_serving" {
		err = throughServer(ctx, home, path, req, &done)
		return done, err
	}
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, free()) }()
	j, err := journal.OpenAlone(home, journal.Options{})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	of, err := a.officers(home, j)
	if err != nil {
		return done, err
	}
	return do(signer.Keeping{Journal: j, Officers: of, By: signer.UserName(os.Geteuid()), Now: time.Now(), Version: version}, ctx, req)
}

// keepOpened is keep for what needs the machine's keys: when nobody serves, the vault is opened for it.
func keepOpened[Request, Answer any](
	ctx context.Context, a *app, pass *passphrase, path string, req Request, do func(signer.Keeping, context.Context, Request) (Answer, error),
) (done Answer, err error) {
	home, err := a.home()
	if err != nil {
		return done, err
	}
	free, err := signer.Hold(home)
	if fault.Code(err) == "already_serving" {
		err = throughServer(ctx, home, path, req, &done)
		return done, err
	}
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, free()) }()
	if err := keepMemoryPrivate(); err != nil { // before anything secret is in it
		return done, err
	}
	machine, err := open(home, pass)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, machine.Close()) }()
	k, err := machine.Keeping(signer.UserName(os.Geteuid()), time.Now())
	if err != nil {
		return done, err
	}
	return do(k, ctx, req)
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
