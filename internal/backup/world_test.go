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
	"slices"
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
	"coffer.internal/internal/store/postgres/pgtest/pgtables"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/internal/store/storetest"
)

// database makes empty databases of one kind. exec runs SQL there, as a program beside coffer does.
type database struct {
	name string
	make func(t *testing.T) (db store.DB, exec func(statement string))
}

var (
	onSQLite = database{"sqlite", func(t *testing.T) (store.DB, func(string)) {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "coffer.db"), sqlite.Options{Now: time.Now, Actor: "me@here 1"})
		return storetest.Migrated(t, db, err), func(string) {}
	}}
	onPostgres = database{"postgres", func(t *testing.T) (store.DB, func(string)) {
		url := pgtables.DSN(t)
		db, err := postgres.Open(context.Background(), url, postgres.Options{PoolSize: 4, Actor: "me@here 1"})
		return storetest.Migrated(t, db, err), func(statement string) {
			if err := pgtest.Exec(t.Context(), url, statement); err != nil {
				t.Fatal(err)
			}
		}
	}}
	databases = []database{onSQLite, onPostgres}
)

func (d database) open(t *testing.T) store.DB {
	db, _ := d.make(t)
	return db
}

// privateKey is the audit key of every world.
var privateKey = ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32)))

// world is a ledger with a bit of everything, whose audit log is sealed but for its last rows.
type world struct {
	*testing.T
	db       store.DB
	private  ed25519.PrivateKey
	identity *age.X25519Identity
	config   []byte
	kept     []auditlog.Checkpoint // that an auditor has
}

func newWorld(t *testing.T, on database) *world {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	db, exec := on.make(t)
	w := &world{
		T: t, db: db, private: privateKey, identity: identity,
		config: []byte("database = \"postgres://coffer:secret@db/coffer\"\n"),
	}
	storetest.Furnish(t, w.db)
	exec("SELECT coffer_submit('inbox-1', 31337, '0x52908400098527886E0F7030069857D2E4169EE7', '1.25')")
	w.seal()
	w.record("last") // not sealed
	return w
}

// seal seals what is not sealed, and keeps the checkpoint elsewhere.
func (w *world) seal() {
	w.Helper()
	sealer := &auditlog.Sealer{DB: w.db, Signer: w.signer(), Log: slog.New(slog.DiscardHandler), Publish: func(c auditlog.Checkpoint) error {
		w.kept = append(w.kept, c)
		return nil
	}}
	if err := sealer.All(w.Context()); err != nil {
		w.Fatal(err)
	}
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

// pay reserves the next nonce of the first wallet for a payment, as the ledger's users do.
func (w *world) pay(request string) {
	w.Helper()
	err := w.db.Update(w.Context(), func(tx store.Tx) error {
		ws, err := tx.LockWallets(w.Context(), store.WalletFilter{})
		if err != nil {
			return err
		}
		at, now := ws[0], time.Now()
		return tx.Reserve(w.Context(), store.ReservePlan{
			Requests: []store.Request{{ID: request, Kind: store.KindReservation, Content: "c", WalletID: at.ID, Count: 1}},
			Insert:   []store.Nonce{{WalletID: at.ID, Nonce: at.Nonce, State: store.NonceReserved, Request: request, Fence: 1, ExpiresAt: now.Add(time.Hour)}},
			Cursors:  []store.CursorMove{{WalletID: at.ID, From: at.Nonce, To: at.Nonce + 1}},
			Audit:    []store.AuditRow{{Actor: "me", Action: "nonce.reserve", Subject: request, Result: store.ResultDone}},
		})
	})
	if err != nil {
		w.Fatal(err)
	}
}

// found are the findings in an audit log but those that are in every furnished world: its second operator, and its settings, are there by hand.
func found(v auditlog.Verdict) []auditlog.Finding {
	byHand := []string{
		"viewer bob (SHA256:bob) was named by hand: no officer signed for it",
		"settings " + strings.Repeat("a", 64) + " were put in force by hand: no officer signed for them",
	}
	return slices.DeleteFunc(slices.Clone(v.Findings), func(f auditlog.Finding) bool { return f.Kind == auditlog.Forged && slices.Contains(byHand, f.Text) })
}
