package attack

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/nonce"
	"coffer.internal/signing"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// daemon is coffer as it is, on a database that the thief writes into.
type daemon struct {
	*testing.T
	th     *thief
	file   string
	db     *sqlite.DB
	id     string // of the ledger
	hot    wallet.Wallet
	desk   *withdrawal.Desk
	engine *withdrawal.Engine
	close  func()
	codes  map[string]bool // of what its passes ended with
}

// newDaemon makes a ledger with one hot wallet, which becomes the one that the thief robs.
func newDaemon(th *thief) *daemon {
	th.Helper()
	d := &daemon{T: th.T, th: th, file: filepath.Join(th.TempDir(), "coffer.db"), codes: map[string]bool{}}
	d.open()
	_, err := d.db.Migrate(th.Context())
	must(d.T, err)
	d.hot, _, err = wallet.NewRegistry(d.db, th.m.client, "honest").CreateHot(th.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: chainID})
	must(d.T, err)
	d.id, err = d.db.Ledger(th.Context())
	must(d.T, err)
	th.from = d.hot.Address
	th.endow(th.from)
	return d
}

// open starts the daemon on the database as it is.
func (d *daemon) open() {
	db, err := sqlite.Open(d.Context(), d.file, sqlite.Options{Now: time.Now})
	must(d.T, err)
	chain, err := evm.New(evm.Options{ChainID: chainID, RPC: []string{d.th.node.URL()}, Confirmations: 1})
	must(d.T, err)
	ledger := nonce.New(nonce.Options{DB: db, TTL: time.Hour, Actor: "honest"})
	chains := []withdrawal.ChainSetup{{
		Type: "evm", ID: chainID, Chain: chain, MaxUnmined: 16, Poll: 10 * time.Millisecond, Native: withdrawal.Asset{Symbol: "ETH", Decimals: 18},
	}}
	d.db = db
	d.engine = withdrawal.NewEngine(withdrawal.EngineOptions{DB: db, Ledger: ledger, Machine: d.th.m.client, Journal: d.th.m.client, Chains: chains, Actor: "honest", Holder: "honest"})
	d.desk = withdrawal.NewDesk(withdrawal.DeskOptions{DB: db, Chains: chains, Actor: "honest", Signer: d.th.m.client})
	closed := false
	d.close = func() {
		if closed {
			return
		}
		closed = true
		d.desk.Close()
		ledger.Close()
		chain.Close()
		must(d.T, db.Close())
	}
	d.Cleanup(func() { d.close() })
}

// passes has the daemon do whatever it does, and blocks be made, until nothing more can come of it.
func (d *daemon) passes() {
	d.Helper()
	for range 5 {
		for _, s := range d.engine.Steps() {
			for again, n := true, 0; again && n < 20; n++ {
				var err error
				if again, err = s.Pass(d.Context()); err != nil {
					d.Logf("%s: %v", s.Name, err)
					d.codes[fault.Code(err)] = true
					again = false
				}
			}
		}
		d.th.mine()
	}
}

// authorization is what the exchange signs for a payment of the ledger.
func (d *daemon) authorization(id, to string) signing.Authorization {
	a := d.th.authorization(d.th.pay(""))
	a.Ledger, a.Payment, a.To = d.id, id, to
	return a
}

// submit hands in a payment of 1 ether as the exchange does.
func (d *daemon) submit(id, to string) {
	d.Helper()
	_, _, err := d.desk.Submit(d.Context(), withdrawal.Request{
		ID: id, ChainID: chainID, To: to, Amount: ether(1).String(), BaseUnits: true,
		Authorizations: tokens(d.authorization(id, to), d.th.keys.service, d.th.keys.risk),
	})
	must(d.T, err)
}

// write is what the thief writes into the database.
func (d *daemon) write(statement string, values ...any) {
	d.Helper()
	db, err := sql.Open("sqlite", "file:"+d.file+"?_pragma=busy_timeout(5000)&_pragma=foreign_keys(0)")
	must(d.T, err)
	defer func() { must(d.T, db.Close()) }()
	_, err = db.ExecContext(d.Context(), statement, values...)
	must(d.T, err)
}

// refusals wants the machine to have refused an attempt with a code.
func (d *daemon) refusals(code string) {
	d.Helper()
	attempts := 0
	err := d.db.View(d.Context(), func(r store.Reader) error {
		all, err := r.Attempts(d.Context(), store.AttemptFilter{States: []string{store.AttemptRefused}})
		for _, a := range all {
			d.Logf("refused: %s", a.Note)
			if hasCode(a.Note, code) {
				attempts++
			}
		}
		return err
	})
	must(d.T, err)
	if attempts == 0 {
		d.Errorf("no attempt is refused with %s", code)
	}
}

// stopped wants the daemon to have stopped by itself, with a code.
func (d *daemon) stopped(code string) {
	d.Helper()
	if !d.codes[code] {
		d.Errorf("the daemon did not stop with %s: %v", code, d.codes)
	}
}

// copyTo copies the database, the daemon being stopped.
func (d *daemon) copyTo(file string) {
	d.Helper()
	b, err := os.ReadFile(d.file)
	must(d.T, err)
	must(d.T, os.WriteFile(file, b, 0o600))
}

// insertWithdrawal is a withdrawal that nobody handed in.
func (d *daemon) insertWithdrawal(id, to string) {
	d.Helper()
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	d.write(`INSERT INTO requests (id, kind, content, row_count, created_at) VALUES (?, 'withdrawal', ?, 1, ?)`, id, fmt.Sprintf("%q", id), now)
	d.write(`INSERT INTO withdrawals (payment, request, chain_type, chain_id, to_address, asset, contract, amount, state, created_at, updated_at)
		VALUES (?, ?, 'evm', ?, ?, 'ETH', '', ?, 'queued', ?, ?)`, id, id, chainID, to, ether(1).String(), now, now)
}
