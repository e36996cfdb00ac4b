package auditlog_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"coffer.internal/internal/auditlog"
	"coffer.internal/internal/store"
)

var (
	manyEntries     = flag.Int("entries", 0, "verify a log of so many entries and print how long it took, as in 1000000; 0: skip")
	manyCheckpoints = flag.Int("checkpoints", 86_400, "how many checkpoints that log has at least: one a second for a day")
)

// verifyWithin is what an auditor waits for a million entries, on two CPUs.
const verifyWithin = 10 * time.Second

// TestAMillionEntriesVerifyInSeconds is for a quiet machine:
//
//	go test ./internal/auditlog -run Million -v -timeout 30m -args -entries 1000000
func TestAMillionEntriesVerifyInSeconds(t *testing.T) {
	if *manyEntries == 0 {
		t.Skip("say -args -entries 1000000")
	}
	onBoth(t, func(w *world) {
		began := time.Now()
		w.writeMany(*manyEntries)
		w.seal()
		w.signMany(*manyCheckpoints)
		w.Logf("filled in %s", time.Since(began).Round(time.Second))
		began = time.Now()
		v := w.verify()
		took := time.Since(began)
		w.Logf("%d entries and %d checkpoints verify in %s", v.Entries, v.Against, took.Round(10*time.Millisecond))
		if len(v.Findings) > 0 || v.Entries < int64(*manyEntries) || v.Unsealed > 0 {
			w.Errorf("%+v", v)
		}
		if allowed := verifyWithin * time.Duration(max(*manyEntries, 1000)) / 1_000_000; took > allowed {
			w.Errorf("it took %s, and %s is what it may take", took, allowed)
		}
	})
}

// writeMany writes rows as long as most are, past coffer, a hundred thousand at a time.
func (w *world) writeMany(n int) {
	w.Helper()
	postgres := strings.Contains(w.Name(), "/postgres")
	for from := 0; from < n; from += 100_000 {
		last := min(from+100_000, n)
		if postgres {
			w.exec(fmt.Sprintf(`WITH added AS (
				INSERT INTO audit_log (at, actor, action, subject, before, after, result, reason)
				SELECT clock_timestamp(), 'payd@pay-1.exchange.example 4711', 'withdrawal.accept', 'w-' || i, '',
					'pay 1.25 USDT (0xdAC17F958D2ee523a2206206994597C13D831ec7), 1250000 base units, on evm:1 to 0x52908400098527886E0F7030069857D2E4169EE7', 'done', ''
				FROM generate_series(%d, %d) i RETURNING id)
				INSERT INTO audit_unsealed SELECT id FROM added`, from, last-1))
			continue
		}
		w.exec(fmt.Sprintf(`WITH RECURSIVE s (i) AS (SELECT %d UNION ALL SELECT i + 1 FROM s WHERE i < %d)
			INSERT INTO audit_log (at, actor, action, subject, before, after, result, reason)
			SELECT '2026-11-28T06:00:00.123456Z', 'payd@pay-1.exchange.example 4711', 'withdrawal.accept', 'w-' || i, '',
				'pay 1.25 USDT (0xdAC17F958D2ee523a2206206994597C13D831ec7), 1250000 base units, on evm:1 to 0x52908400098527886E0F7030069857D2E4169EE7', 'done', ''
			FROM s`, from, last-1))
	}
}

// signMany signs checkpoints of sizes spread over the log, as a sealer does each second.
func (w *world) signMany(n int) {
	w.Helper()
	signer, err := auditlog.NewSigner(ledger, w.key)
	if err != nil {
		w.Fatal(err)
	}
	size := w.size()
	step := max(size/int64(max(n, 1)), 1)
	var values []string
	flush := func() {
		if len(values) > 0 {
			w.exec("INSERT INTO audit_checkpoints (size, at, note) VALUES " + strings.Join(values, ", ") + " ON CONFLICT DO NOTHING")
			values = nil
		}
	}
	err = w.db.View(w.Context(), func(r store.Reader) error {
		nodes := auditlog.Nodes(w.Context(), r)
		for at := step; at < size; at += step {
			root, err := tlog.TreeHash(at, nodes)
			if err != nil {
				return err
			}
			text, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), at, root)}, signer)
			if err != nil {
				return err
			}
			values = append(values, fmt.Sprintf("(%d, '2026-11-28T06:00:00.123456Z', '%s')", at, text))
			if len(values) == 500 {
				flush()
			}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	flush()
}
