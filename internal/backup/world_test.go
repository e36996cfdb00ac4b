package backup_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"coffer.internal/internal/auditlog"
	"coffer.internal/internal/backup"
	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres"
	"coffer.internal/internal/store/postgres/pgtest"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/internal/store/storetest"
)

// database makes empty databases of one kind.
type database struct {
	name string
	open func(t *testing.T) store.DB
}

var (
	onSQLite = database{"sqlite", func(t *testing.T) store.DB {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "coffer.db"), sqlite.Options{Now: time.Now, Actor: "me@here 1"})
		return migrated(t, db, err)
	}}
	onPostgres = database{"postgres", func(t *testing.T) store.DB {
		db, err := postgres.Open(context.Background(), pgtest.DSN(t), postgres.Options{PoolSize: 4, Actor: "me@here 1"})
		return migrated(t, db, err)
	}}
	databases = []database{onSQLite, onPostgres}
)

func migrated(t *testing.T, db store.DB, err error) store.DB {
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

// world is a ledger with a bit of everything, whose audit log is sealed but for its last rows.
type world struct {
	*testing.T
	db       store.DB
	private  ed25519.PrivateKey
	identity *age.X25519Identity
	config   []byte
}

func newWorld(t *testing.T, on database) *world {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		T: t, db: on.open(t), private: ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32))), identity: identity,
		config: []byte("database = \"postgres://coffer:secret@db/coffer\"\n"),
	}
	storetest.Furnish(t, w.db)
	sealer := &auditlog.Sealer{DB: w.db, Signer: w.signer(), Log: slog.New(slog.DiscardHandler)}
	if err := sealer.All(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.record("last") // not sealed
	return w
}

func (w *world) record(subjects ...string) {
	w.Helper()
	rows := make([]store.AuditRow, len(subjects))
	for i, subject := range subjects {
		rows[i] = store.AuditRow{Actor: "me", Action: "a", Subject: subject, Result: store.ResultDone}
	}
	err := w.db.Update(w.Context(), func(tx store.Tx) error { return tx.Record(w.Context(), rows) })
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) ledger() string { w.Helper(); return ledgerOf(w.T, w.db) }

func ledgerOf(t *testing.T, db store.DB) string {
	t.Helper()
	id, err := db.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (w *world) signer() note.Signer {
	w.Helper()
	s, err := auditlog.NewSigner(w.ledger(), w.private)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

func (w *world) key() note.Verifier { w.Helper(); return verifier(w.T, w.ledger(), w.private) }

func verifier(t *testing.T, ledger string, private ed25519.PrivateKey) note.Verifier {
	t.Helper()
	text, err := auditlog.VerifierKey(ledger, private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	v, err := auditlog.ParseVerifier(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// back writes a backup of a database, which may be another one than the world's.
func (w *world) back(db store.DB) ([]byte, backup.Manifest) {
	w.Helper()
	var file bytes.Buffer
	m, err := backup.Write(w.Context(), &file, backup.Options{
		DB: db, Signer: w.signer(), Recipients: []age.Recipient{w.identity.Recipient()}, Config: w.config, Host: "here", Version: "v1",
	})
	if err != nil {
		w.Fatal(err)
	}
	return file.Bytes(), m
}

// source is a backup as its owner reads it.
func (w *world) source(file []byte) backup.Source {
	w.Helper()
	return backup.Source{Open: opener(file), Identities: []age.Identity{w.identity}, Keys: []note.Verifier{w.key()}}
}

func opener(file []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file)), nil }
}

// lines is every row of a ledger as text.
func lines(t *testing.T, db store.DB) string {
	t.Helper()
	var b strings.Builder
	err := db.View(t.Context(), func(r store.Reader) error {
		for _, table := range store.Tables() {
			err := r.ReadTable(t.Context(), table, func(row []any) error {
				_, err := fmt.Fprintf(&b, "%s %q\n", table.Name, row)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMain(m *testing.M) { os.Exit(m.Run()) }
