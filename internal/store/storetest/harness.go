// Package storetest holds a database adapter to the contract of package store. An adapter's test is a Harness, a call of
// Run, and a TestMain that calls Main.
//
//	func TestMain(m *testing.M) { os.Exit(storetest.Main(m, open)) }
//	func TestContract(t *testing.T) { storetest.Run(t, storetest.Harness{New: fresh, Open: open, Exec: exec}) }
//
// Nothing here depends on a clock that can be set: what has to have expired did so before it was written.
package storetest

import (
	"context"
	"testing"

	"coffer.internal/internal/store"
)

// Open opens the database of a name that Harness.New returned. It neither makes nor migrates one.
type Open func(ctx context.Context, name string) (store.DB, error)

// Harness is how an adapter's test makes databases.
type Harness struct {
	// New makes an empty database without schema and returns its name: a path, a connection string. It is gone when the
	// test ends.
	New func(t *testing.T) string
	// Tables is New for the tests that are not about the schema: the tables may be there already, but for the ledger's id. Nil: New.
	Tables func(t *testing.T) string
	// Open must be the one given to Main: child processes open the same database.
	Open Open
	// Exec runs one SQL statement past the adapter, with the rights that coffer itself has.
	Exec func(ctx context.Context, name, statement string) error
}

// Migrated makes the tables of a database that was just opened, for the tests of others, and closes it when the test ends.
func Migrated(t *testing.T, db store.DB, err error) store.DB {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// Run runs the whole suite, each test on a database of its own.
func Run(t *testing.T, h Harness) {
	for _, s := range []struct {
		name string
		test func(*testing.T, Harness)
	}{
		{"Schema", testSchema},
		{"Update", testUpdate},
		{"View", testView},
		{"Hold", testHold},
		{"Wallets", testWallets},
		{"LockForReserve", testLockForReserve},
		{"Reserve", testReserve},
		{"Nonces", testNonces},
		{"Externals", testExternals},
		{"Reconcile", testReconcile},
		{"Elsewhere", testElsewhere},
		{"Leases", testLeases},
		{"Alarms", testAlarms},
		{"Brakes", testBrakes},
		{"Wishes", testWishes},
		{"Withdrawals", testWithdrawals},
		{"Authorizations", testAuthorizations},
		{"Ask", testAsk},
		{"Again", testAgain},
		{"Fillable", testFillable},
		{"MoveAttempts", testMoveAttempts},
		{"Attempts", testAttempts},
		{"Receipts", testReceipts},
		{"Restores", testRestores},
		{"Loads", testLoads},
		{"Fronts", testFronts},
		{"Operators", testOperators},
		{"Settings", testSettings},
		{"Proposals", testProposals},
		{"Statements", testStatements},
		{"Audit", testAudit},
		{"AuditTree", testAuditTree},
		{"Events", testEvents},
		{"Fill", testFill},
		{"Instances", testInstances},
		{"Processes", testProcesses},
	} {
		t.Run(s.name, func(t *testing.T) { s.test(t, h) })
	}
}

// tests runs each function on a database of its own; the name is the sentence it proves.
func tests(t *testing.T, h Harness, cases map[string]func(*world)) {
	for name, test := range cases {
		t.Run(name, func(t *testing.T) { test(newWorld(t, h)) })
	}
}
