package withdrawal_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres"
	"coffer.internal/internal/store/postgres/pgtest"
	"coffer.internal/internal/store/postgres/pgtest/pgtables"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/signing"
	"coffer.internal/withdrawal"
)

// device is what the ledger knows of the machine's receipts.
func (w *world) device() (d store.Device) {
	w.Helper()
	st, err := w.machine.Status(w.Context())
	w.must(err)
	w.must(w.db.View(w.Context(), func(r store.Reader) (err error) {
		d, err = r.Device(w.Context(), st.Device)
		return err
	}))
	return d
}

func (w *world) openAlarms() (kinds []string) {
	w.Helper()
	w.must(w.db.View(w.Context(), func(r store.Reader) error {
		as, err := r.Alarms(w.Context(), store.AlarmFilter{Open: true})
		for _, a := range as {
			kinds = append(kinds, a.Kind)
			if a.Kind == string(withdrawal.AlarmLedgerBehind) && (!a.Brake || !strings.Contains(a.ToDo, "coffer recover")) {
				w.Errorf("the alarm: %+v", a)
			}
		}
		return err
	}))
	return kinds
}

func TestEachAnswerIsKeptWithItsReceipt(t *testing.T) {
	onBoth(t, 2, func(w *world) {
		rs := w.submit("a", "b", "c")
		w.settle()
		w.wantPaidOnce(rs...)
		st, err := w.journaling.Status(w.Context())
		w.must(err)
		ledger, err := w.db.Ledger(w.Context())
		w.must(err)
		seqs := map[uint64]bool{}
		for _, r := range rs {
			at := w.attempt(r.ID)
			if at.Receipt.Device != st.Device {
				t.Errorf("%s: %+v", r.ID, at.Receipt)
			}
			answer := signing.Answer{Digest: digestOf(t, at), Raw: at.Raw, Receipt: signing.Receipt{Seq: at.Receipt.Seq, Signature: at.Receipt.Signature}}
			w.must(signing.VerifyReceipt(st.Identity, ledger, answer))
			seqs[at.Receipt.Seq] = true
		}
		if len(seqs) != 3 || !seqs[1] || !seqs[2] || !seqs[3] {
			t.Errorf("receipts %v", seqs)
		}
		w.pass("receipts")
		if d := w.device(); d.Verified != 3 || d.Held != 3 {
			t.Errorf("the ledger holds %+v", d)
		}
	})
}

func digestOf(t *testing.T, a store.Attempt) signing.Digest {
	t.Helper()
	i, err := signing.Parse(a.Intent)
	must(t, err)
	return i.Digest()
}

// An answer that got lost is found in the journal, and taken in as if it had come.
func TestAnAnswerThatGotLostIsTakenInFromTheJournal(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		rs := w.submit("a", "b")
		w.machine.dies = 1
		if err := withdrawal.Pass(w.Context(), w.engine, "bind", "sign"); !errors.Is(err, errDied) {
			t.Fatalf("pass: %v", err)
		}
		w.machine.dies = 100 // nobody gets an answer any more
		w.open()
		w.pass("receipts")
		for _, r := range rs {
			if at := w.attempt(r.ID); at.State != store.AttemptSigned || at.Receipt.Seq == 0 || len(at.Raw) == 0 {
				t.Errorf("%s is %s with receipt %d", r.ID, at.State, at.Receipt.Seq)
			}
		}
		w.settle()
		w.wantPaidOnce(rs...)
		if kinds := w.openAlarms(); kinds != nil {
			t.Errorf("alarms: %v", kinds)
		}
	})
}

// A database that lost what was asked for shows by its receipts, before anything is bound, asked for or signed.
func TestF26ALedgerOlderThanItsSigningMachineAsksForNothing(t *testing.T) {
	onOld(t, 1, func(w *world, old func()) {
		w.submit("a")
		w.settle()
		old()
		w.submit("b")
		asked := 0
		w.machine.asked = func(all []signing.Intent) { asked += len(all) }
		err := withdrawal.Pass(w.Context(), w.engine, "bind")
		if fault.Code(err) != "ledger_behind_signer" || !errors.Is(err, signing.ErrNoAnswer) || !strings.Contains(fault.Hint(err), "coffer recover") {
			t.Fatalf("%v, hint %q", err, fault.Hint(err))
		}
		for _, step := range []string{"sign", "mend"} {
			_ = withdrawal.Pass(w.Context(), w.engine, step)
		}
		if got := w.story("b"); got.Withdrawal.State != store.WithdrawalQueued || len(got.Attempts) > 0 || got.Withdrawal.Nonce != nil {
			t.Errorf("b is %s with nonce %v and %d attempts", got.Withdrawal.State, got.Withdrawal.Nonce, len(got.Attempts))
		}
		w.must(withdrawal.PassOnly(w.Context(), w.engine, "guard"))
		if kinds := w.openAlarms(); len(kinds) != 1 || kinds[0] != "ledger_behind_signer" {
			t.Errorf("alarms: %v", kinds)
		}
		if asked > 0 {
			t.Errorf("%d intents were asked for", asked)
		}
	})
}

// The gate is before every way in, for a process that has just started and compared nothing yet: a Go program that pays by itself too.
func TestF26AnOldLedgerAsksForNothingByAnyWay(t *testing.T) {
	onOld(t, 1, func(w *world, old func()) {
		w.submit("a")
		w.settle()
		old()
		w.submit("b")
		r := w.reserve(w.wallets[0], "own", 1)
		asked := 0
		w.machine.asked = func(all []signing.Intent) { asked += len(all) }
		for way, ask := range map[string]func() error{
			"a program pays": func() error {
				_, err := w.engine.Pay(w.Context(), r, 0, withdrawal.PayRequest{To: w.recipient(), Amount: "5", BaseUnits: true})
				return err
			},
			"the engine binds": func() error { return withdrawal.PassOnly(w.Context(), w.engine, "lease", "bind") },
		} {
			w.open() // another process
			if err := ask(); fault.Code(err) != "ledger_behind_signer" {
				t.Errorf("%s: %v", way, err)
			}
		}
		if got := w.story("b"); len(got.Attempts) > 0 || got.Withdrawal.Nonce != nil || asked > 0 {
			t.Errorf("b has nonce %v and %d attempts; %d intents were asked for", got.Withdrawal.Nonce, len(got.Attempts), asked)
		}
	})
}

// onOld runs a test on both databases; old puts the database back to what it was when the world was made, with another engine on it.
func onOld(t *testing.T, wallets int, test func(w *world, old func())) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "coffer.db")
		open := func() store.DB {
			db, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now})
			must(t, err)
			return db
		}
		w := newWorld(t, open(), wallets)
		w.must(w.db.Close())
		copied := copyFiles(t, filepath.Dir(path))
		w.reopen(open())
		test(w, func() {
			w.must(w.db.Close())
			copied()
			w.reopen(open())
		})
	})
	t.Run("postgres", func(t *testing.T) {
		dsn := pgtables.DSN(t)
		open := func(dsn string) store.DB {
			db, err := postgres.Open(context.Background(), dsn, postgres.Options{PoolSize: 4})
			must(t, err)
			return db
		}
		w := newWorld(t, open(dsn), wallets)
		w.must(w.db.Close())
		backup := pgtest.Copy(t, dsn)
		w.reopen(open(dsn))
		test(w, func() {
			w.must(w.db.Close())
			w.reopen(open(backup))
		})
	})
}

// reopen goes on with another handle, as a process that starts does.
func (w *world) reopen(db store.DB) {
	w.db.DB = db
	w.open()
}

// copyFiles keeps the files of a folder; put puts them back, and takes away what is not among them.
func copyFiles(t *testing.T, dir string) (put func()) {
	t.Helper()
	kept := map[string][]byte{}
	files, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		must(t, err)
		kept[f.Name()] = b
	}
	return func() {
		now, err := os.ReadDir(dir)
		must(t, err)
		for _, f := range now {
			must(t, os.Remove(filepath.Join(dir, f.Name())))
		}
		for name, b := range kept {
			must(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
		}
	}
}
