package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/signertest"
	"coffer.internal/signing"
)

const (
	ledger  = "00000000000000000000000000000001"
	chainID = 1337
	wallets = 8
)

// policyText has a rule of each kind that costs something: an authorization, caps, and limits of key and of all keys.
const policyText = `version = 1
[[authorizer]]
name = "withdrawals"
role = "service"
key = "%s"
[[rule]]
name = "withdraw"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:1337"]
assets = ["coin"]
authorized_by = { service = 1 }
payment = "10_000_000_000_000_000_000"
max_fee = "100_000_000_000_000_000"
max_fee_per_gas = 1_000_000_000_000
[rule.each_key]
hour = "1_000_000_000_000_000_000_000_000"
day = "10_000_000_000_000_000_000_000_000"
hour_count = 100_000_000
fee_day = "1_000_000_000_000_000_000_000"
[rule.all_keys]
hour = "1_000_000_000_000_000_000_000_000"
day = "10_000_000_000_000_000_000_000_000"
`

// machine is a whole signing machine with what it is asked for.
type machine struct {
	*signertest.Served
	service ed25519.PrivateKey
	keys    []signing.Key
	next    uint64 // nonce of each wallet
}

// newMachine makes a machine in a folder on a real disk, and serves it.
func newMachine(ctx context.Context, dir string) (_ *machine, err error) {
	if err := onDisk(dir); err != nil {
		return nil, err
	}
	dir, err = os.MkdirTemp(dir, "coffer-bench-signer-")
	if err != nil {
		return nil, err
	}
	m, err := start(filepath.Join(dir, "s"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	for i := range wallets {
		k, err := m.Machine.NewKey(ctx, signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: chainID, Ref: fmt.Sprint(i)})
		if err != nil {
			m.close()
			return nil, err
		}
		m.keys = append(m.keys, k)
	}
	return m, nil
}

func start(home string) (*machine, error) {
	m := &machine{}
	var err error
	if _, m.service, err = ed25519.GenerateKey(nil); err != nil {
		return nil, err
	}
	key := "ed25519:" + base64.StdEncoding.EncodeToString(m.service.Public().(ed25519.PublicKey))
	p, err := policy.Parse(fmt.Appendf(nil, policyText, key))
	if err != nil {
		return nil, err
	}
	if err := signertest.MakeHome(home); err != nil {
		return nil, err
	}
	m.Served, err = signertest.Serve(home, signertest.Options{Policy: p, Rates: unlimited, Verify: (*evm.Chain)(nil).Verify})
	return m, err
}

func (m *machine) close() {
	_ = m.Stop()
	_ = os.RemoveAll(filepath.Dir(m.Home)) // nothing of value
}

// commits ends the machine, and says how many commits its journal has had, and how many payments are signed.
func (m *machine) commits() (commits, signed int, err error) {
	st, err := m.Machine.Status(context.Background())
	if err == nil {
		err = m.Stop()
	}
	if err != nil {
		return 0, 0, err
	}
	db, err := bolt.Open(filepath.Join(m.Home, journal.FileName), 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		return 0, 0, err
	}
	err = db.View(func(tx *bolt.Tx) error { commits = int(tx.ID()); return nil }) // each commit has the next number
	return commits, st.Signed, errors.Join(err, db.Close())
}

// tmpfs is the magic number of a file system in memory (statfs(2)).
const tmpfs = 0x01021994

func onDisk(dir string) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return err
	}
	if st.Type == tmpfs {
		return fmt.Errorf("%s is in memory: its syncs cost nothing; give -dir", dir)
	}
	return nil
}

func (m *machine) settings() string {
	return strings.Join([]string{runtime.Version(), fmt.Sprintf("%d cores", runtime.GOMAXPROCS(0)), "secp256k1 by " + library, "journal in " + filepath.Dir(filepath.Dir(m.Home))}, ", ")
}
