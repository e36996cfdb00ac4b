package auditlog_test

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/note"

	"coffer.internal/internal/auditlog"
	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres"
	"coffer.internal/internal/store/postgres/pgtest/pgtables"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/internal/store/storetest"
)

const ledger = "00112233445566778899aabbccddeeff"

// world is a database whose audit rows are sealed, and what was written down of it elsewhere.
type world struct {
	*testing.T
	db     store.DB
	exec   func(statement string) // with an intruder's rights
	key    ed25519.PrivateKey
	public note.Verifier
	kept   []auditlog.Checkpoint
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(*world)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "coffer.db")
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now})
		test(newWorld(t, db, err, func(statement string) error {
			raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
			if err != nil {
				return err
			}
			defer raw.Close()
			_, err = raw.Exec(statement)
			return err
		}))
	})
	t.Run("postgres", func(t *testing.T) {
		url := pgtables.DSN(t)
		db, err := postgres.Open(context.Background(), url, postgres.Options{PoolSize: 4})
		test(newWorld(t, db, err, func(statement string) error {
			conn, err := pgx.Connect(t.Context(), url)
			if err != nil {
				return err
			}
			defer conn.Close(context.WithoutCancel(t.Context()))
			_, err = conn.Exec(t.Context(), statement)
			return err
		}))
	})
}

func newWorld(t *testing.T, db store.DB, err error, exec func(string) error) *world {
	w := &world{T: t, db: storetest.Migrated(t, db, err), key: ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32)))}
	w.exec = func(statement string) {
		t.Helper()
		if err := exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	w.public = verifier(t, w.key)
	return w
}

func verifier(t *testing.T, key ed25519.PrivateKey) note.Verifier {
	text, err := auditlog.VerifierKey(ledger, key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	v, err := auditlog.ParseVerifier(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *world) sealer(key ed25519.PrivateKey, publish func(auditlog.Checkpoint) error) *auditlog.Sealer {
	s, err := auditlog.NewSigner(ledger, key)
	if err != nil {
		w.Fatal(err)
	}
	return &auditlog.Sealer{DB: w.db, Signer: s, Log: slog.New(slog.DiscardHandler), Publish: publish}
}

// write records rows, and seals them as one.
func (w *world) write(n int, reason string) {
	w.Helper()
	rows := make([]store.AuditRow, n)
	for i := range rows {
		rows[i] = store.AuditRow{
			Actor: "me@here 1", Action: "wallet.create", Subject: fmt.Sprint(i), After: `<hot> & "new"`, Result: store.ResultDone, Reason: reason,
		}
	}
	if err := w.db.Update(w.Context(), func(tx store.Tx) error { return tx.Record(w.Context(), rows) }); err != nil {
		w.Fatal(err)
	}
}

func (w *world) seal() {
	w.Helper()
	err := w.sealer(w.key, func(c auditlog.Checkpoint) error {
		w.kept = append(w.kept, c)
		return nil
	}).All(w.Context())
	if err != nil {
		w.Fatal(err)
	}
}

// history is what most tests begin with: entries in eight checkpoints of five.
func (w *world) history() {
	w.Helper()
	for i := range 8 {
		w.write(5, fmt.Sprint("batch ", i))
		w.seal()
	}
}

func (w *world) verify() auditlog.Verdict {
	w.Helper()
	v, err := auditlog.Verify(w.Context(), w.db, w.kept, w.public)
	if err != nil {
		w.Fatal(err)
	}
	return v
}

// rowAt is the id of the audit row of an entry.
func (w *world) rowAt(entry int64) (id int64) {
	w.Helper()
	err := w.db.View(w.Context(), func(r store.Reader) error {
		es, err := r.AuditEntries(w.Context(), entry, 1)
		if err == nil {
			id = es[0].RowID
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return id
}

// disarm takes away what keeps coffer itself from changing rows: an intruder has more rights.
func (w *world) disarm() {
	w.Helper()
	postgres := strings.HasSuffix(w.Name(), "postgres") || strings.Contains(w.Name(), "/postgres/")
	for table, triggers := range map[string][]string{
		"audit_log":         {"audit_log_no_update", "audit_log_no_delete", "audit_log_waits"},
		"audit_entries":     {"audit_entries_no_update", "audit_entries_no_delete"},
		"audit_nodes":       {"audit_nodes_no_update", "audit_nodes_no_delete"},
		"audit_checkpoints": {"audit_checkpoints_no_update", "audit_checkpoints_no_delete"},
	} {
		if postgres {
			w.exec("ALTER TABLE " + table + " DISABLE TRIGGER USER")
			continue
		}
		for _, name := range triggers {
			w.exec("DROP TRIGGER " + name)
		}
	}
}

func TestMain(m *testing.M) { os.Exit(m.Run()) }
