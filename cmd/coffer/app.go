package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"coffer.internal"
	"coffer.internal/internal/config"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// app is what every command works with: its streams and the flags that all commands have.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string

	json        bool
	db          string
	signer      string
	operator    string // which one, if the keys are those of several
	operatorKey string // file of the key that signs; empty: an ssh-agent does
}

// load reads the configuration: flags beat the environment, that beats coffer.toml.
func (a *app) load() (coffer.Config, error) {
	home, err := config.Home(a.getenv)
	if err != nil {
		return coffer.Config{}, err
	}
	return config.Load(home, a.getenv, config.Flags{DB: a.db, Signer: a.signer})
}

// with opens a system, hands it to do, and closes it.
func (a *app) with(ctx context.Context, do func(*coffer.System) error) error {
	return a.withOptions(ctx, coffer.Options{}, do)
}

func (a *app) withOptions(ctx context.Context, o coffer.Options, do func(*coffer.System) error) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	a.operatorKey = cmp.Or(a.operatorKey, c.OperatorKey)
	s, err := coffer.Open(ctx, c, o)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

// withDatabase opens just the database, whatever its schema.
func (a *app) withDatabase(ctx context.Context, do func(coffer.Config, store.DB) error) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	db, err := coffer.OpenDatabase(ctx, c, coffer.Options{})
	if err != nil {
		return err
	}
	return errors.Join(do(c, db), db.Close())
}

// logger writes for people on a terminal and as JSON with --json; always to stderr.
func (a *app) logger() *slog.Logger {
	if a.json {
		return slog.New(slog.NewJSONHandler(a.stderr, nil))
	}
	return slog.New(slog.NewTextHandler(a.stderr, nil))
}

// fail prints an error and returns its exit code.
func (a *app) fail(err error) int {
	if a.json {
		if err := json.NewEncoder(a.stderr).Encode(map[string]any{"error": viewError(err)}); err != nil {
			return 1
		}
		return fault.Exit(err)
	}
	fmt.Fprintln(a.stderr, "coffer: "+err.Error())
	if hint := fault.Hint(err); hint != "" {
		fmt.Fprintln(a.stderr, "hint: "+hint)
	}
	return fault.Exit(err)
}
