package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/params"
	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"coffer.internal/internal/chain/evm/gethnode"
)

// guideWorld is the machine that the guide is followed on.
type guideWorld struct {
	t    *testing.T
	dir  string
	env  []string
	dsn  string // empty: SQLite in the home
	db   *sql.DB
	rows map[int64]string // wallets as they were after the last step
	at   map[int64]string // and their updated_at
	last int64            // the last audit row seen
	name map[string]string
}

// The wallets of the guide, in the order in which they are made.
var guideWallets = []string{"HOT", "SAFE", "HOT2", "BSC", "BTC", "SOL", "COLD", "VAULT"}

const (
	safe = "0x52908400098527886E0F7030069857D2E4169EE7"
	cold = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
)

func newGuideWorld(t *testing.T, page guidePage, dsn string) *guideWorld {
	dir := t.TempDir()
	w := &guideWorld{t: t, dir: dir, dsn: dsn, rows: map[int64]string{}, at: map[int64]string{}, name: map[string]string{}}
	w.env = append(os.Environ(), "HOME="+dir, "COFFER_HOME="+filepath.Join(dir, "home"), "COFFER_SIGNER_HOME="+filepath.Join(dir, "signer"),
		"COFFER_DB="+dsn, "COFFER_SIGNER=", "TZ=UTC", "COFFER_TEST_MAIN=1")
	for name, text := range page.files {
		w.write(name, text)
	}
	w.write("passphrase", "correct horse battery staple\n")
	return w
}

func (w *guideWorld) write(name, text string) {
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// run runs a line as a shell would: $HOT and $SAFE are filled in, & leaves it running.
func (w *guideWorld) run(line string, asJSON bool) (out string, exit int) {
	line, background := strings.CutSuffix(line, " &")
	words := strings.Fields(os.Expand(line, func(name string) string {
		if name == "SAFE" {
			return safe
		}
		return w.address(name)
	}))
	program := signerBinary
	if words[0] == "coffer" {
		program = os.Args[0]
		if asJSON {
			words = append(words, "--json")
		}
	}
	cmd := exec.Command(program, words[1:]...)
	cmd.Dir, cmd.Env = w.dir, w.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if background {
		w.start(cmd)
		return "", 0
	}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		err = nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if asJSON {
		return stdout.String(), cmd.ProcessState.ExitCode()
	}
	return stdout.String() + stderr.String(), cmd.ProcessState.ExitCode()
}

// start leaves a program running until the test ends, and waits until it is there.
func (w *guideWorld) start(cmd *exec.Cmd) {
	log, err := os.Create(filepath.Join(w.dir, filepath.Base(cmd.Path)+".log"))
	if err != nil {
		w.t.Fatal(err)
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
	if cmd.Path == signerBinary {
		w.until("the signing machine listens", func() bool {
			c, err := net.Dial("unix", filepath.Join(w.dir, "home", "signer.sock"))
			if err == nil {
				_ = c.Close()
			}
			return err == nil
		})
		return
	}
	w.until("the daemon is in instances", func() bool {
		var n int
		return w.db.QueryRow("SELECT count(*) FROM instances").Scan(&n) == nil && n == 1
	})
}

func (w *guideWorld) until(what string, ready func() bool) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for !ready() {
		select {
		case <-tick.C:
		case <-deadline.C:
			w.t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// startNode runs a real node of chain 1 in which HOT has money, and SAFE and COLD have sent transactions; coffer.toml names it.
func (w *guideWorld) startNode() {
	node, err := gethnode.Start(gethnode.Options{
		ChainID: 1,
		Alloc:   map[common.Address]*big.Int{common.HexToAddress(w.address("HOT")): new(big.Int).Mul(big.NewInt(10), big.NewInt(params.Ether))},
		Nonces:  map[common.Address]uint64{common.HexToAddress(safe): 120, common.HexToAddress(cold): 7},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	node.Commit() // the first block is as old as Ethereum, and would be an alarm
	ctx, stop := context.WithCancel(context.Background())
	mined := make(chan struct{})
	go func() {
		defer close(mined)
		node.MineIf(ctx, 50*time.Millisecond, w.nothingOnItsWay)
	}()
	w.t.Cleanup(func() {
		stop()
		<-mined
		node.Close()
	})
	w.write("home/coffer.toml", fmt.Sprintf("[chain.evm.1]\nrpc = [%q]\nconfirmations = 2\npoll = \"20ms\"\nhead_max_age = \"0s\"\n", node.URL())) // it makes 20 blocks a second, each a second later than the one before
}

// nothingOnItsWay says that no payment is on its way to the node: one that is in a block before the daemon has noted that it was sent is never
// noted as sent.
func (w *guideWorld) nothingOnItsWay() bool {
	var underWay int
	err := w.db.QueryRow("SELECT count(*) FROM attempts WHERE state IN ('asked', 'signed')").Scan(&underWay)
	return err == nil && underWay == 0
}

func (w *guideWorld) openDatabase() {
	driver, dsn := "pgx", w.dsn
	if dsn == "" {
		driver, dsn = "sqlite", filepath.Join(w.dir, "home", "coffer.db")
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = db.Close() })
	w.db = db
}

// compare holds what a step wrote against what it must have written.
func (w *guideWorld) compare(s guideStep) {
	w.t.Helper()
	if diff := cmp.Diff(s.wallets, w.changedWallets()); diff != "" {
		w.t.Errorf("$ %s\nwallets (-want +got):\n%s", s.command, diff)
	}
	if diff := cmp.Diff(s.audit, w.newAudit()); diff != "" {
		w.t.Errorf("$ %s\naudit rows (-want +got):\n%s", s.command, diff)
	}
}

// changedWallets are the wallets that are not as they were after the step before.
func (w *guideWorld) changedWallets() (changed []string) {
	rows := w.query(`SELECT id, address, device, path, chain_type, chain_id, wallet_type, nonce, is_active, created_at, updated_at
		FROM internal_wallets ORDER BY id`)
	defer rows.Close()
	for rows.Next() {
		var id, chainID, nonce, active int64
		var address, chainType, walletType string
		var device, path sql.NullString
		var created, updated any
		w.check(rows.Scan(&id, &address, &device, &path, &chainType, &chainID, &walletType, &nonce, &active, &created, &updated))
		if int(id) <= len(guideWallets) {
			w.name[address] = guideWallets[id-1]
		}
		key := "elsewhere"
		if device.Valid && path.Valid {
			key = "signer"
		}
		row := fmt.Sprintf("%s %d %s %s %d %s %s", chainType, chainID, w.name[address], walletType, nonce, activity(active), key)
		at := fmt.Sprint(updated)
		if (row != w.rows[id]) != (at != w.at[id]) {
			w.t.Errorf("updated_at went from %s to %s while the row went from %q to %q", w.at[id], at, w.rows[id], row)
		}
		if row != w.rows[id] {
			changed = append(changed, row)
		}
		w.rows[id], w.at[id] = row, at
	}
	w.check(rows.Err())
	return changed
}

func activity(active int64) string {
	if active == 1 {
		return "active"
	}
	return "inactive"
}

// newAudit are the audit rows since the step before. Those of a payment come from two processes, and how often it is looked at is
// the chain's affair: they are sorted, each once.
func (w *guideWorld) newAudit() (audit []string) {
	rows := w.query(fmt.Sprintf("SELECT id, actor, action, result, subject FROM audit_log WHERE id > %d ORDER BY id", w.last))
	defer rows.Close()
	for rows.Next() {
		var actor, action, result, subject string
		w.check(rows.Scan(&w.last, &actor, &action, &result, &subject))
		if actor == "" {
			w.t.Errorf("nobody is named for %s", action)
		}
		audit = append(audit, action+" "+result+" "+w.named(subject))
	}
	w.check(rows.Err())
	if slices.ContainsFunc(audit, func(a string) bool { return strings.HasPrefix(a, "withdrawal.") }) {
		slices.Sort(audit)
		audit = slices.Compact(audit)
	}
	return audit
}

func (w *guideWorld) query(q string) *sql.Rows {
	w.t.Helper()
	if w.db == nil {
		w.t.Fatal("the database is not open")
	}
	rows, err := w.db.Query(q)
	w.check(err)
	return rows
}

func (w *guideWorld) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// address is that of a wallet by its name.
func (w *guideWorld) address(name string) string {
	for address, n := range w.name {
		if n == name {
			return address
		}
	}
	w.t.Fatalf("no wallet %s yet", name)
	return ""
}

// named puts names in the place of addresses.
func (w *guideWorld) named(text string) string {
	for address, name := range w.name {
		text = strings.ReplaceAll(text, address, name)
	}
	return text
}

var (
	scrubTimes = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	scrubHash  = regexp.MustCompile(`\b(0x)?[0-9a-f]{64}\b`)
	scrubKeys  = regexp.MustCompile(`SHA256:[A-Za-z0-9+/=]+`)
	scrubActor = regexp.MustCompile(`"(actor|host|instance|id|home|database|url|at|error|signature)": "[^"]*"`)
	// What is told of one moment stands in the order of the databases' clocks.
	scrubStory = regexp.MustCompile(`(?s)"story": \[.*?\n  \]`)
	scrubMoved = regexp.MustCompile(`"(pid|block_number|fee|max_fee_per_gas|max_priority_fee_per_gas|hits|misses|size|age_seconds|oldest_age_ms|generation)": ("?[0-9.]+"?|null)`)
)

// scrub takes out of a document what differs by nature: times, generated keys, who and where.
func (w *guideWorld) scrub(text string) string {
	text = scrubTimes.ReplaceAllString(w.named(text), "TIME")
	text = scrubHash.ReplaceAllString(text, "HASH")
	text = scrubKeys.ReplaceAllString(text, "KEY")
	text = scrubActor.ReplaceAllString(text, `"$1": "…"`)
	text = scrubStory.ReplaceAllString(text, `"story": "…"`)
	text = scrubMoved.ReplaceAllString(text, `"$1": 0`)
	return strings.ReplaceAll(text, w.dir, "DIR")
}
