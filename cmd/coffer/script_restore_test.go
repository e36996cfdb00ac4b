package main

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"coffer.internal/internal/store/postgres/pgtest"
)

// A ledger is restored on the other kind of database, and on its own again; the daemons are processes that are killed, the chain is a real node.
func TestABackupIsRestoredOnTheOtherDatabase(t *testing.T) {
	t.Run("from SQLite", func(t *testing.T) {
		p := scripts("testdata/restore")
		setup := p.Setup
		p.Setup = func(env *testscript.Env) error {
			env.Setenv("OTHER_DB", pgtest.DSN(t))
			env.Setenv("THIRD_DB", "sqlite:"+filepath.Join(env.WorkDir, "third.db"))
			env.Setenv("FOURTH_DB", "sqlite:"+filepath.Join(env.WorkDir, "fourth.db"))
			return setup(env)
		}
		testscript.Run(t, p)
	})
	t.Run("from PostgreSQL", func(t *testing.T) {
		p := scriptsOnPostgres(t, "testdata/restore")
		setup := p.Setup
		p.Setup = func(env *testscript.Env) error {
			env.Setenv("OTHER_DB", "sqlite:"+filepath.Join(env.WorkDir, "other.db"))
			env.Setenv("THIRD_DB", pgtest.DSN(t))
			env.Setenv("FOURTH_DB", pgtest.DSN(t))
			return setup(env)
		}
		testscript.Run(t, p)
	})
}
