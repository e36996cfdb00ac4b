package main

import (
	"context"

	"github.com/rogpeppe/go-internal/testscript"

	"coffer.internal"
	"coffer.internal/internal/config"
)

// ledgerOf sets $LEDGER to the id of the ledger of the script's database.
//
//	ledger
func ledgerOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: ledger")
	}
	ctx := context.Background()
	c, err := config.Load(ts.Getenv("COFFER_HOME"), ts.Getenv, config.Flags{})
	ts.Check(err)
	db, err := coffer.OpenDatabase(ctx, c, coffer.Options{})
	ts.Check(err)
	id, err := db.Ledger(ctx)
	ts.Check(err)
	ts.Setenv("LEDGER", id)
	ts.Check(db.Close())
}
