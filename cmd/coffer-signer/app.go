package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/vault"
)

// app is what every command works with: its streams and the flags that all commands have.
type app struct {
	stdin          *os.File
	stdout, stderr io.Writer
	getenv         func(string) string

	json   bool
	guards guards        // of serve
	seal   vault.Options // of new vaults
}

// home is $COFFER_SIGNER_HOME, else ~/.coffer-signer, absolute.
func (a *app) home() (string, error) { return a.folder("COFFER_SIGNER_HOME", ".coffer-signer") }

// socket is where coffer looks for its signing machine: signer.sock in $COFFER_HOME, else in ~/.coffer.
func (a *app) socket() (string, error) {
	dir, err := a.folder("COFFER_HOME", ".coffer")
	return filepath.Join(dir, "signer.sock"), err
}

func (a *app) folder(variable, name string) (string, error) {
	dir := a.getenv(variable)
	if dir == "" {
		user := a.getenv("HOME")
		if user == "" {
			return "", fault.New(fault.Usage, "no_home", "set "+variable+" to a folder", "neither %s nor HOME is set", variable)
		}
		dir = filepath.Join(user, name)
	}
	return filepath.Abs(dir)
}

// logger writes to stderr: text for people, JSON with --json.
func (a *app) logger() *slog.Logger {
	if a.json {
		return slog.New(slog.NewJSONHandler(a.stderr, nil))
	}
	return slog.New(slog.NewTextHandler(a.stderr, nil))
}

// document prints one JSON document on stdout.
func (a *app) document(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// say prints a line for a person on stdout.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.stdout, format+"\n", args...) }

// note prints a line for a person on stderr: what is not data.
func (a *app) note(format string, args ...any) { fmt.Fprintf(a.stderr, format+"\n", args...) }

// fail prints an error and returns its exit code.
func (a *app) fail(err error) int {
	hint := fault.Hint(err)
	if a.json {
		var doc struct {
			Error struct {
				Code    string `json:"code"`
				Message string `json:"message"`
				Hint    string `json:"hint"`
			} `json:"error"`
		}
		doc.Error.Code, doc.Error.Message, doc.Error.Hint = fault.Code(err), err.Error(), hint
		if err := json.NewEncoder(a.stderr).Encode(doc); err != nil {
			return 1
		}
		return fault.Exit(err)
	}
	a.note("coffer-signer: %s", err)
	if hint != "" {
		a.note("hint: %s", hint)
	}
	return fault.Exit(err)
}
