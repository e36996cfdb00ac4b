package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/bip39"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/wallet"
)

// chainID is the simulated chain's.
const chainID = 1337

// maxWallets is how many hot wallets there are at most; a seed takes some of them.
const maxWallets = 3

// template is what every run begins with: a database with the schema and the wallets, and a signing machine's home. It is made
// once and copied, because making it takes longer than a run.
type template struct {
	dir     string
	wallets []wallet.Wallet
	keys    []*ecdsa.PrivateKey // theirs, for whoever else uses them
}

const (
	databaseFile = "coffer.db"
	passphrase   = "only a simulation"
)

// words are the signing machine's, the same in all runs: so are the wallets, and the hashes of what they sign.
var words = strings.Fields(strings.Repeat("abandon ", 23) + "art")

// scratch is where runs keep their files: in memory, where that can be had.
func scratch() string {
	const shm = "/dev/shm"
	if st, err := os.Stat(shm); err == nil && st.IsDir() {
		return shm
	}
	return os.TempDir()
}

func makeTemplate() (*template, error) {
	dir, err := os.MkdirTemp(scratch(), "coffer-sim-")
	if err != nil {
		return nil, err
	}
	t := &template{dir: dir}
	if err := t.fill(); err != nil {
		t.remove()
		return nil, err
	}
	return t, nil
}

func (t *template) fill() (err error) {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, filepath.Join(t.dir, databaseFile), sqlite.Options{Now: func() time.Time { return epoch }, Throwaway: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.Migrate(ctx); err != nil {
		return err
	}
	if err := journal.Create(t.dir); err != nil {
		return err
	}
	if _, err := vault.Create(t.dir, words, []byte(passphrase), vault.Options{WorkFactor: 1}); err != nil {
		return err
	}
	m, _, err := openMachine(t.dir, ample, func() time.Time { return epoch })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	seed, err := bip39.Seed(words, "")
	if err != nil {
		return err
	}
	r := wallet.NewRegistry(db, m, "sim")
	for i := range maxWallets {
		hot, _, err := r.CreateHot(ctx, wallet.HotRequest{ChainType: wallet.EVM, ChainID: chainID, Ref: fmt.Sprint(i)})
		if err != nil {
			return err
		}
		key, err := derive.Secp256k1(seed, hot.Path)
		if err != nil {
			return err
		}
		t.wallets, t.keys = append(t.wallets, hot), append(t.keys, key)
	}
	return nil
}

// copy makes the files of a run.
func (t *template) copy() (dir string, err error) {
	if dir, err = os.MkdirTemp(scratch(), "coffer-sim-run-"); err != nil {
		return "", err
	}
	for _, name := range []string{databaseFile, journal.FileName, vault.FileName} {
		b, err := os.ReadFile(filepath.Join(t.dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			return "", errors.Join(err, os.RemoveAll(dir))
		}
	}
	return dir, nil
}

func (t *template) remove() { _ = os.RemoveAll(t.dir) } // in memory; nothing of value

// policyText is the machine's policy: payments take the authorization of the customers' service, and everything is counted.
const policyText = `version = 1
[[authorizer]]
name = "office"
role = "service"
key = "%[1]s"
[[rule]]
name = "payments"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:1337"]
assets = ["*"]
authorized_by = { service = 1 }
max_fee = "100_000_000_000_000_000"
[rule.each_key]
hour_count = %[2]d
fee_day = "10_000_000_000_000_000_000"
[rule.all_keys]
hour_count = %[2]d
day_count = 1000
[[rule]]
name = "mending"
purposes = ["cancel", "gap_fill"]
accounts = ["hot"]
chains = ["evm:1337"]
max_fee = "100_000_000_000_000_000"
[rule.each_key]
fee_day = "10_000_000_000_000_000_000"
`

// serviceKey is that of the customers' service: the daemons only carry what it signed.
var serviceKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

// authorizeFor is longer than the clocks of a run jump: some years.
const authorizeFor = 10 * 365 * 24 * time.Hour

// How many payments the machine signs within any hour: more than a run has, or so few that some wait for hours.
const (
	ample  = 1000
	scarce = 2
)

// openMachine opens the machine of a run, which goes by the world's clock.
func openMachine(dir string, hourly int, now func() time.Time) (*signer.Machine, *journal.Journal, error) {
	p, err := policy.Parse(fmt.Appendf(nil, policyText, policy.WriteKey(serviceKey.Public().(ed25519.PublicKey)), hourly))
	if err != nil {
		return nil, nil, err
	}
	v, err := vault.Open(dir, []byte(passphrase), vault.Options{})
	if err != nil {
		return nil, nil, err
	}
	j, err := journal.Open(dir, v.Device(), journal.Options{Policy: p, Now: now})
	if err != nil {
		v.Close()
		return nil, nil, err
	}
	return signer.New(v, j, "sim"), j, nil
}
