// Package config reads coffer's settings: flags beat the environment, that beats coffer.toml in the home, that beats what is
// built in.
//
// It is strict: a key that it does not know, and a value that cannot be right, is a fault.Usage that names file, key and
// value. What may be secret in a URL (see RedactURL) never stands in an error. A home or a coffer.toml that others may read is
// refused, because of the same secrets.
package config

import (
	"math/big"
	"path/filepath"
	"runtime"
	"time"
)

// Config is all settings, complete and checked.
type Config struct {
	Home           string        // absolute
	Settings       Settings      // what coffer.toml says, for officers to sign for
	Database       string        // sqlite:PATH, absolute, or postgres://…
	Signer         string        // unix:PATH, absolute, or https://HOST:PORT
	SignerFiles    SignerFiles   // what a signing machine over a network is spoken to with
	PoolSize       int           // database connections
	ReservationTTL time.Duration // how long an unsigned reservation stands
	ServiceKey     string        // file of the key that signs authorizations for who brings none, absolute; there need not be one
	AuthorizeFor   time.Duration // how long such an authorization lasts
	Lease          time.Duration // how long wallets stay with a daemon that says nothing any more
	Alarms         Alarms        // who is told of alarms
	Audit          Audit         // how the audit log is sealed
	Backup         Backup        // how the ledger is backed up
	Reconcile      Reconcile     // how often ledger and chain are compared
	OperatorKey    string        // file of the key that signs for an operator, absolute; empty: an ssh-agent does
	Service        string        // what the programs of this home are called in audit rows; empty: whoever runs them
	FourEyes       FourEyes      // what two people are needed for
	Chains         []Chain       // those that have a table in coffer.toml, by type and id
}

// Chain is a chain that the operator configured.
type Chain struct {
	Type           string // evm, btc, solana
	ID             int64
	Name           string
	NativeSymbol   string
	NativeDecimals int
	RPC            []string // nodes; they may hold secrets
	WS             []string // where nodes tell of new blocks; they may hold secrets
	// Finalized says that the chain's own finality decides when a payment is final. Else Confirmations does: the number of
	// blocks, with its own.
	Finalized     bool
	Confirmations int
	Strategy      string
	MaxUnmined    int
	Poll          time.Duration
	HeadMaxAge    time.Duration // how old the newest block may be before nothing new is paid; 0: any age
	StuckAfter    time.Duration // how long the lowest nonce of a wallet may be in no block
	Fees          Fees          // evm alone
	Assets        []Asset       // by symbol
}

// Fees say how much an EVM chain's transactions may cost (docs/fees.md). A zero field has the adapter's default.
type Fees struct {
	Percentile, Blocks int
	MinPriority        *big.Int      // the least priority fee, in wei
	MaxPerGas          *big.Int      // the most for a unit of gas, in wei
	Max                *big.Int      // the most that one transaction can cost, in wei
	BumpPercent        int           // by how much a replacement outbids
	BumpAfter          time.Duration // how long a transaction waits before it is replaced
	L1                 string        // what a rollup takes beside gas: "op-stack", or nothing
}

// SignerFiles are the files of mutual TLS, absolute. They are read when the machine is asked.
type SignerFiles struct{ CA, Cert, Key string }

// Asset is a token on a chain.
type Asset struct {
	Symbol   string
	Contract string // canonical address
	Decimals int
}

// Flags are the settings given on the command line; empty ones are not given.
type Flags struct{ DB, Signer string }

// FileName is the name of the settings file in the home.
const FileName = "coffer.toml"

const (
	defaultDatabase   = "sqlite:coffer.db"
	defaultSigner     = "unix:signer.sock"
	defaultSignerCA   = "signer-ca.pem" // as `coffer-signer cert client` names them
	defaultSignerCert = "signer-client.pem"
	defaultSignerKey  = "signer-client.key"
	defaultTTL        = 60 * time.Second
	defaultLease      = 15 * time.Second
	defaultServiceKey = "service.key"
	defaultAuthorize  = 24 * time.Hour
	defaultStrategy   = "lowest-nonce"
	defaultMaxUnmined = 16 // geth guarantees 16 slots per account (AccountSlots)
	mostConnections   = 32
)

// Load reads the settings of a home. A home or a coffer.toml that does not exist is as good as an empty one: every setting
// has a default. A home or file of another user, or open to others, is a fault.NotAllowed.
//
// A relative path in coffer.toml begins at the home, one in the environment or a flag at the working directory.
func Load(home string, getenv func(string) string, flags Flags) (Config, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return Config{}, badHome(home, err)
	}
	if err := checkHome(home); err != nil {
		return Config{}, err
	}
	f, err := readFile(filepath.Join(home, FileName))
	if err != nil {
		return Config{}, err
	}
	c := Config{Home: home, Settings: f.settings}
	database := pick(source{"--db", flags.DB, ""}, source{"COFFER_DB", getenv("COFFER_DB"), ""}, f.source("database", f.Database, defaultDatabase, home))
	if c.Database, err = checkDatabase(database); err != nil {
		return Config{}, err
	}
	signer := pick(source{"--signer", flags.Signer, ""}, source{"COFFER_SIGNER", getenv("COFFER_SIGNER"), ""}, f.source("signer", f.Signer, defaultSigner, home))
	if c.Signer, err = checkSigner(signer); err != nil {
		return Config{}, err
	}
	if c.SignerFiles, err = f.signerFiles(home); err != nil {
		return Config{}, err
	}
	if c.PoolSize, err = f.integer("pool_size", f.PoolSize, 0, 0, 1000); err != nil {
		return Config{}, err
	}
	if c.PoolSize == 0 {
		c.PoolSize = min(4*runtime.NumCPU(), mostConnections)
	}
	if c.ReservationTTL, err = f.duration("reservation_ttl", f.ReservationTTL, defaultTTL, 100*time.Millisecond, 30*24*time.Hour); err != nil {
		return Config{}, err
	}
	if c.Lease, err = f.duration("lease", f.Lease, defaultLease, time.Second, 10*time.Minute); err != nil {
		return Config{}, err
	}
	if c.ServiceKey, err = f.serviceKey(home); err != nil {
		return Config{}, err
	}
	if c.AuthorizeFor, err = f.duration("authorize_for", f.AuthorizeFor, defaultAuthorize, time.Minute, 30*24*time.Hour); err != nil {
		return Config{}, err
	}
	if c.Alarms, err = f.alarms(); err != nil {
		return Config{}, err
	}
	if c.Audit, err = f.audit(home); err != nil {
		return Config{}, err
	}
	if c.Backup, err = f.backup(home); err != nil {
		return Config{}, err
	}
	if c.Reconcile, err = f.reconcile(); err != nil {
		return Config{}, err
	}
	if err := f.people(&c); err != nil {
		return Config{}, err
	}
	if c.Chains, err = f.chains(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// source is a value, what an error calls the place that it comes from, and where a relative path in it begins (empty: at the
// working directory).
type source struct{ name, value, base string }

// pick is the first source that says something, else the last one.
func pick(sources ...source) source {
	for _, s := range sources[:len(sources)-1] {
		if s.value != "" {
			return s
		}
	}
	return sources[len(sources)-1]
}

func (f *file) source(key string, value *string, preset, home string) source {
	if value == nil {
		value = &preset
	}
	return source{f.path + ": " + key, *value, home}
}
