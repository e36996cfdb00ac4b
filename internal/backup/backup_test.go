package backup_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha512"
	"errors"
	"fmt"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/mod/sumdb/note"

	"coffer.internal/internal/auditlog"
	"coffer.internal/internal/backup"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// From each database into each: every row, byte for byte, and back.
func TestALedgerMovesBetweenDatabasesUnchanged(t *testing.T) {
	for _, from := range databases {
		for _, to := range databases {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				w := newWorld(t, from)
				file, m := w.back(w.db)
				var config []byte
				other := to.open(t)
				got, err := backup.Load(t.Context(), other, w.source(file), func(b []byte) error { config = b; return nil })
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(m, got); diff != "" {
					t.Errorf("the manifest read is another one than was written (-want +got):\n%s", diff)
				}
				if !bytes.Equal(config, w.config) {
					t.Errorf("coffer.toml: %q", config)
				}
				if diff := cmp.Diff(lines(t, w.db), lines(t, other)); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
				if ledgerOf(t, other) != w.ledger() {
					t.Errorf("it is ledger %s, not %s", ledgerOf(t, other), w.ledger())
				}
				again, m2 := w.back(other)
				if diff := cmp.Diff(m, m2, cmpopts.IgnoreFields(backup.Manifest{}, "TakenAt", "Digest")); diff != "" {
					t.Errorf("a backup of it has another manifest (-want +got):\n%s", diff)
				}
				third := from.open(t)
				if _, err := backup.Load(t.Context(), third, w.source(again), nil); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(lines(t, w.db), lines(t, third)); diff != "" {
					t.Errorf("rows after the way back (-want +got):\n%s", diff)
				}
				for _, db := range []store.DB{other, third} {
					r, err := backup.Check(t.Context(), db, m, w.key())
					if err != nil || len(r.Findings) > 0 || len(found(r.Audit)) > 0 || r.Audit.Entries != m.Audit.Size || r.Audit.Unsealed != 1 || r.Audit.Against < 2 {
						t.Errorf("Check: %+v, %v", r, err)
					}
				}
			})
		}
	}
}

// A history that runs on: it moves to the other database, goes on there, and comes back. At each station an auditor's checkpoints, those of
// before too, find everything as it was sealed, and the ledger agrees with itself.
func TestAHistoryRunsOnFromOneDatabaseToTheOtherAndBack(t *testing.T) {
	w := newWorld(t, onSQLite)
	for station, to := range []database{onPostgres, onSQLite, onPostgres} {
		before := lines(t, w.db)
		file, m := w.back(w.db)
		db := to.open(t)
		if _, err := backup.Load(t.Context(), db, w.source(file), nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, lines(t, db)); diff != "" {
			t.Errorf("station %d (-want +got):\n%s", station, diff)
		}
		w.db = db
		r, err := backup.Check(t.Context(), db, m, w.key())
		if err != nil || len(r.Findings) > 0 {
			t.Errorf("station %d: %v, %v", station, r.Findings, err)
		}
		w.pay(fmt.Sprint("paid-at-", station))
		w.record(fmt.Sprint("station ", station))
		w.seal()
		v, err := auditlog.Verify(t.Context(), db, w.kept, w.key())
		if err != nil || len(found(v)) > 0 || v.Unsealed > 0 || v.Entries != w.kept[len(w.kept)-1].Size || len(w.kept) != station+2 {
			t.Errorf("station %d: %+v, %v", station, v, err)
		}
	}
}

func TestTheManifestSaysWhatIsInIt(t *testing.T) {
	for _, on := range databases {
		t.Run(on.name, func(t *testing.T) {
			w := newWorld(t, on)
			_, m := w.back(w.db)
			err := w.db.View(t.Context(), func(r store.Reader) error {
				ws, err := r.Wallets(t.Context(), store.WalletFilter{})
				for i, c := range m.Wallets {
					if len(ws) != len(m.Wallets) || c.ID != ws[i].ID || c.Nonce != ws[i].Nonce || c.Address != ws[i].Address {
						t.Errorf("cursor %+v of %+v", c, ws[i])
					}
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Devices) != 1 || m.Devices[0] != (backup.Device{Device: "SHA256:machine", Receipt: 3}) {
				t.Errorf("devices: %+v", m.Devices)
			}
			c, err := auditlog.OpenCheckpoint([]byte(m.Audit.Checkpoint), w.key())
			if err != nil || c.Size != m.Audit.Size || c.Root.String() != m.Audit.Root || m.Rows("audit_log") != c.Size+1 {
				t.Errorf("audit: %+v, %+v, %v", m.Audit, c, err)
			}
			if since := time.Since(m.TakenAt); m.Ledger != w.ledger() || m.Schema < 7 || since < 0 || since > time.Minute || m.Host != "here" || m.Version != "v1" {
				t.Errorf("head: %+v", m.Head)
			}
		})
	}
}

// A file that was cut off anywhere is refused, and nothing is changed.
func TestABackupThatWasCutIsRefused(t *testing.T) {
	w := newWorld(t, onSQLite)
	file, _ := w.back(w.db)
	for _, on := range databases {
		t.Run(on.name, func(t *testing.T) {
			empty := on.open(t)
			before := lines(t, empty)
			for i := range 24 {
				cut := file[:len(file)*i/24]
				_, err := backup.Load(t.Context(), empty, w.source(cut), nil)
				if code := fault.Code(err); code != "backup_cut" || !errors.Is(err, fault.Refused) {
					t.Errorf("the first %d bytes of %d: %s: %v", len(cut), len(file), code, err)
				}
			}
			_, err := backup.Load(t.Context(), empty, w.source(file[:len(file)-1]), nil)
			if fault.Code(err) != "backup_cut" {
				t.Errorf("all but the last byte: %v", err)
			}
			if after := lines(t, empty); after != before {
				t.Errorf("it changed something:\n%s", cmp.Diff(before, after))
			}
		})
	}
}

// One bit anywhere.
func TestABackupThatWasAlteredIsRefused(t *testing.T) {
	w := newWorld(t, onSQLite)
	var many []string // more than one block of the seal
	for i := range 3000 {
		many = append(many, fmt.Sprintf("%x", sha512.Sum512([]byte{byte(i), byte(i >> 8)})))
	}
	w.record(many...)
	file, _ := w.back(w.db)
	if len(file) < 3*64<<10 {
		t.Fatalf("the file has %d bytes only", len(file))
	}
	empty := onSQLite.open(t)
	before := lines(t, empty)
	codes := map[string]int{}
	for i := range 40 {
		bad := bytes.Clone(file)
		bad[len(file)*i/40] ^= 1 << (i % 8)
		_, err := backup.Load(t.Context(), empty, w.source(bad), nil)
		if err == nil {
			t.Errorf("byte %d of %d is another one, and nobody notices", len(file)*i/40, len(file))
		}
		codes[fault.Code(err)]++
	}
	if codes["backup_altered"] < 20 || codes["failed"] > 0 || codes["database_failed"] > 0 {
		t.Errorf("refused as %v", codes)
	}
	if _, err := backup.Load(t.Context(), empty, w.source(append(bytes.Clone(file), 0)), nil); !errors.Is(err, fault.Refused) {
		t.Errorf("with a byte after its end: %v", err)
	}
	if after := lines(t, empty); after != before {
		t.Errorf("it changed something:\n%s", cmp.Diff(before, after))
	}
}

func TestABackupIsRefusedToWhoeverItIsNotFor(t *testing.T) {
	w := newWorld(t, onSQLite)
	file, m := w.back(w.db)
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	theirs := ed25519.NewKeyFromSeed(bytes.Repeat([]byte("x"), 32))
	empty := onSQLite.open(t)
	before := lines(t, empty)
	for name, c := range map[string]struct {
		change func(*backup.Source)
		want   string
	}{
		"sealed for others":        {func(s *backup.Source) { s.Identities = []age.Identity{other} }, "other_recipient"},
		"no key":                   {func(s *backup.Source) { s.Keys = nil }, "no_key"},
		"another key of it":        {func(s *backup.Source) { s.Keys = []note.Verifier{verifier(t, w.ledger(), theirs)} }, "backup_unsigned"},
		"the key of another":       {func(s *backup.Source) { s.Keys = []note.Verifier{verifier(t, ledgerOf(t, empty), w.private)} }, "other_ledger"},
		"no backup":                {func(s *backup.Source) { s.Open = opener([]byte("hello, this is a file of somebody's\n")) }, "not_a_backup"},
		"something else in a seal": {func(s *backup.Source) { s.Open = opener(seal(t, w, []byte("hello"))) }, "backup_altered"},
	} {
		s := w.source(file)
		c.change(&s)
		if _, err := backup.Load(t.Context(), empty, s, nil); fault.Code(err) != c.want {
			t.Errorf("%s: %s: %v", name, fault.Code(err), err)
		}
	}
	if _, err := w.source(file).Read(m.Schema-1, backup.Into{}); fault.Code(err) != "backup_newer" {
		t.Errorf("of a newer schema: %v", err)
	}
	if after := lines(t, empty); after != before {
		t.Errorf("it changed something:\n%s", cmp.Diff(before, after))
	}
	anyone := w.source(file)
	anyone.Keys, anyone.AnySigner = nil, true
	if got, err := anyone.Read(m.Schema, backup.Into{}); err != nil || got.SignedBy != "" {
		t.Errorf("its signature is not looked at: %+v, %v", got.SignedBy, err)
	}
	full := newWorld(t, onSQLite)
	before = lines(t, full.db)
	if _, err := backup.Load(t.Context(), full.db, w.source(file), nil); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("into a ledger that is not empty: %v", err)
	}
	if after := lines(t, full.db); after != before {
		t.Errorf("it changed something:\n%s", cmp.Diff(before, after))
	}
}

// What has to stand in a ledger from its first moment on is committed with it, or not at all.
func TestWhatBelongsToALoadIsCommittedWithIt(t *testing.T) {
	for _, on := range databases {
		t.Run(on.name, func(t *testing.T) {
			w := newWorld(t, onSQLite)
			file, m := w.back(w.db)
			db := on.open(t)
			before := lines(t, db)
			row := store.AuditRow{Actor: "me", Action: "restore", Subject: m.Digest, Result: store.ResultDone}
			broken := errors.New("the plug was pulled")
			then := func(end error) func(context.Context, store.Tx, backup.Manifest) error {
				return func(ctx context.Context, tx store.Tx, got backup.Manifest) error {
					if got.Digest != m.Digest {
						t.Errorf("manifest %s", got.Digest)
					}
					return errors.Join(tx.Record(ctx, []store.AuditRow{row}), end)
				}
			}
			if _, err := backup.LoadThen(t.Context(), db, w.source(file), nil, then(broken)); !errors.Is(err, broken) || lines(t, db) != before {
				t.Errorf("Load = %v, and it changed something", err)
			}
			if _, err := backup.LoadThen(t.Context(), db, w.source(file), nil, then(nil)); err != nil {
				t.Fatal(err)
			}
			err := db.View(t.Context(), func(r store.Reader) error {
				rows, err := r.Audit(t.Context(), store.AuditFilter{Limit: 1})
				if err == nil && (rows[0].Action != "restore" || rows[0].ID <= m.Rows("audit_log")-1) {
					t.Errorf("the last audit row: %+v", rows[0])
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func seal(t *testing.T, w *world, text []byte) []byte {
	var b bytes.Buffer
	s, err := age.Encrypt(&b, w.identity.Recipient())
	if err == nil {
		_, err = s.Write(text)
	}
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A backup is one moment of a ledger that others go on writing.
func TestABackupIsOneMoment(t *testing.T) {
	for _, on := range databases {
		t.Run(on.name, func(t *testing.T) {
			w := newWorld(t, on)
			ctx, stop := context.WithCancel(t.Context())
			wrote := make(chan int)
			go func() {
				n := 0
				for ; ctx.Err() == nil; n++ {
					if err := w.db.Update(t.Context(), func(tx store.Tx) error {
						a, err := tx.AddWallet(t.Context(), store.Wallet{Address: fmt.Sprint("0xbusy", n), ChainType: "evm", ChainID: 1, WalletType: "cold", Active: true})
						if err != nil {
							return err
						}
						return tx.Record(t.Context(), []store.AuditRow{{Actor: "me", Action: "busy", Subject: a.Address, Result: store.ResultDone}})
					}); err != nil {
						t.Error(err)
					}
				}
				wrote <- n
			}()
			_, first := w.back(w.db)
			grown := func(m backup.Manifest, table string) int64 { return m.Rows(table) - first.Rows(table) }
			last := first
			for n := 0; n < 3 || grown(last, "audit_log") == 0; n++ {
				_, last = w.back(w.db)
				n := grown(last, "internal_wallets") // each with an audit row, in one transaction
				if grown(last, "audit_log") != n || grown(last, "wallet_counts") != n || int64(len(last.Wallets)-len(first.Wallets)) != n {
					t.Errorf("%d wallets, %d audit rows, %d counts, %d cursors more", n, grown(last, "audit_log"), grown(last, "wallet_counts"), len(last.Wallets)-len(first.Wallets))
				}
			}
			stop()
			if n := <-wrote; int64(n) < grown(last, "audit_log") {
				t.Errorf("%d were written meanwhile, and %d are in the last backup", n, grown(last, "audit_log"))
			}
		})
	}
}
