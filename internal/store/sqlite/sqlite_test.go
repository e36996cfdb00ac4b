package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/internal/store/storetest"
)

func open(ctx context.Context, path string) (store.DB, error) {
	return sqlite.Open(ctx, path, sqlite.Options{Now: time.Now, Actor: "me@here 1"})
}

func TestMain(m *testing.M) { os.Exit(storetest.Main(m, open)) }

func TestContract(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		New:  func(t *testing.T) string { return filepath.Join(t.TempDir(), "coffer.db") },
		Open: open,
		Exec: func(ctx context.Context, path, statement string) (err error) {
			db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(30000)")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			_, err = db.ExecContext(ctx, statement)
			return err
		},
	})
}

func migrated(t *testing.T, path string) store.DB {
	t.Helper()
	db, err := open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestTheFileIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "coffer.db")
	db := migrated(t, path)
	if _, err := db.Ledger(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", p, info, err)
		}
	}
}

func TestAFileOpenToOthersIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "coffer.db")
	migrated(t, path)
	for _, open := range []struct {
		what string
		mode os.FileMode
	}{{path, 0o644}, {path, 0o660}, {filepath.Dir(path), 0o777}} {
		old, err := os.Stat(open.what)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(open.what, open.mode); err != nil {
			t.Fatal(err)
		}
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now, Actor: "me@here 1"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Ledger(t.Context()); !errors.Is(err, store.ErrMode) || !strings.Contains(err.Error(), open.what) {
			t.Errorf("%s with mode %o: %v", open.what, open.mode, err)
		}
		if err := os.Chmod(open.what, old.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadingMakesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "coffer.db")
	db, err := open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Ledger(t.Context()); !errors.Is(err, store.ErrNoSchema) {
		t.Errorf("Ledger = %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}

// Every commit that was answered is on disk: WAL with synchronous=FULL, on the connection that writes.
func TestTheWriterIsDurable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "coffer #1?%.db") // what a URL would misread
	db := migrated(t, path)
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	settings, err := sqlite.Settings(t.Context(), db.(*sqlite.DB))
	if err != nil || settings != "journal_mode=wal synchronous=2 foreign_keys=1" {
		t.Errorf("settings: %s, %v", settings, err)
	}
}

// badDisk puts a file that can only be read where the process has the database's log open for writing.
func badDisk(t *testing.T, log string) (mend func()) {
	t.Helper()
	readable, err := syscall.Open(log, syscall.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	own := map[int]int{} // file descriptor → its own file, kept
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range fds {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd == readable {
			continue
		}
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err != nil || to != log {
			continue
		}
		if own[fd], err = syscall.Dup(fd); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Dup3(readable, fd, 0); err != nil {
			t.Fatal(err)
		}
	}
	if len(own) == 0 {
		t.Fatalf("nobody has %s open", log)
	}
	return func() {
		for fd, kept := range own {
			if err := errors.Join(syscall.Dup3(kept, fd, 0), syscall.Close(kept)); err != nil {
				t.Error(err)
			}
		}
		_ = syscall.Close(readable)
	}
}

func TestF33ADiskThatFailsUnderTheCommitLeavesItsOutcomeUnknown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "coffer.db")
	db := migrated(t, path)
	add := func(address string) error {
		return db.Update(t.Context(), func(tx store.Tx) error {
			_, err := tx.AddWallet(t.Context(), store.Wallet{Address: address, ChainType: "evm", ChainID: 1, WalletType: "hot", Active: true})
			return err
		})
	}
	if err := add("0xa"); err != nil {
		t.Fatal(err)
	}
	mend := badDisk(t, path+"-wal")
	if err := add("0xb"); !errors.Is(err, store.ErrOutcomeUnknown) {
		t.Errorf("Update = %v", err)
	}
	mend()
	if err := add("0xc"); err != nil {
		t.Errorf("it does not go on when the disk is back: %v", err)
	}
}
