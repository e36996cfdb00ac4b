// Package coffer is the internal wallet manager of an exchange: it keeps the wallets, hands out transaction nonces under
// heavy concurrency, has a separate signing machine sign, and pays customer withdrawals, each exactly once.
//
// Open turns a Config into a running System; everything else is reached from there:
//
//	System.Wallets      the registry: create, list, activate
//	System.Nonces       the nonce ledger: reserve, release, sync
//	System.Withdrawals  accepts requests to pay, and shows what became of them
//	System.Pay          pays with a nonce that the program reserved itself
//	System.Run          the daemon: moves every payment to its end
//	System.Attend       shows a long-lived program to cache-status, and clear-cache reaches it
//	System.Reconcile    compares requests, attempts, chain and fees
//	System.Restore      fills an empty ledger with a backup; RestoreReport and AcceptRestore tell of it, and let it go on
//	System.Settings     says whether an officer signed for what coffer.toml says
//	System.Do           does what an operator does, signed; System.Approve by two
//	System.Recover      rebuilds from the signing machine's journal what an old database does not know
//
// For whoever pays customers through it: debit the customer before submitting; refund only on refused, failed or
// cancelled; submit again with the same request id as often as you like; a new request id is a new payment.
//
// coffer offers no network service. Programs and operators meet in the database alone.
package coffer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/config"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/metrics"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/presence"
	"coffer.internal/internal/signer/btctx"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/soltx"
	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/internal/storefault"
	"coffer.internal/nonce"
	"coffer.internal/signing"
	"coffer.internal/strategy"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// The kinds of errors, for errors.Is. Each has one exit code in the CLI (docs/exit-codes.md).
var (
	ErrUsage       = fault.Usage       // a value that cannot be right; nothing was tried
	ErrNotFound    = fault.NotFound    // nothing matched
	ErrRefused     = fault.Refused     // it would break an invariant; nothing was changed
	ErrNotAllowed  = fault.NotAllowed  // not permitted, or a file is open to others
	ErrUnreachable = fault.Unreachable // database, signing machine or node did not answer
	ErrPartly      = fault.Partly      // some of many were done
	ErrConflict    = fault.Conflict    // others were first, four times; try again
	ErrUnavailable = fault.Unavailable // no wallet can take it now; each one's reason is in the message
)

// Config says which database, signing machine and chains a System uses. LoadConfig reads coffer.toml; a program may
// also fill it in itself.
type Config = config.Config

// Chain is one chain in a Config.
type Chain = config.Chain

// Asset is one token of a chain in a Config.
type Asset = config.Asset

// LoadConfig reads coffer.toml in home ("" means $COFFER_HOME, else ~/.coffer), with $COFFER_DB and $COFFER_SIGNER
// over it.
func LoadConfig(home string) (Config, error) {
	if home == "" {
		var err error
		if home, err = config.Home(os.Getenv); err != nil {
			return Config{}, err
		}
	}
	return config.Load(home, os.Getenv, config.Flags{})
}

// Options are what a program may set beside the Config. The zero value is what the CLI uses.
type Options struct {
	Now   func() time.Time // the clock of everything but PostgreSQL's own; default time.Now
	Log   *slog.Logger     // default: nothing is logged
	Actor string           // who, in audit rows; default user@host and process id
	// Metrics is where Run serves Prometheus metrics: HOST:PORT on the loopback, as in 127.0.0.1:9464. Empty: nowhere.
	Metrics string
	// Stdout is where Run writes checkpoints of the audit log if coffer.toml says "stdout"; default os.Stdout.
	Stdout io.Writer
	// Strategies are the program's own ways to choose a wallet, beside the built-in ones; coffer.toml names one per chain.
	Strategies []strategy.Strategy
}

// System is a running coffer: an open database, and a way to the signing machine and the nodes, which are asked only when
// something needs them.
type System struct {
	Wallets     *wallet.Registry
	Nonces      *nonce.Ledger
	Withdrawals *withdrawal.Desk

	config  Config
	id      string // of this process among the instances, and of the daemon that it is among those that hold leases
	log     *slog.Logger
	actor   string   // whoever runs this process
	admin   store.DB // db, for what only an operator does
	stdout  io.Writer
	db      store.DB
	cache   *wallet.Cache
	machine machine
	chains  []withdrawal.ChainSetup
	engine  *withdrawal.Engine
	choice  choice
	now     func() time.Time

	known *settingsKnown

	metrics   *metrics.Set // nil: not wanted
	metricsAt string
}

// Open opens the database (which `coffer init` or OpenDatabase and Migrate have made) and wires the rest to it. Close ends
// it.
func Open(ctx context.Context, c Config, o Options) (*System, error) {
	o = o.withDefaults()
	known, err := strategy.NewSet(o.Strategies...)
	if err != nil {
		return nil, err
	}
	db, err := OpenDatabase(ctx, c, o)
	if err != nil {
		return nil, err
	}
	s := &System{
		config: c, id: presence.NewID(), log: o.Log, actor: o.Actor, stdout: o.Stdout, db: db, cache: wallet.NewCache(o.Now), choice: newChoice(c, known), now: o.Now, known: newSettingsKnown(),
	}
	if err := s.wire(ctx, o); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *System) wire(ctx context.Context, o Options) error {
	if _, err := s.db.Ledger(ctx); err != nil {
		return storefault.Of(err, "open "+config.RedactURL(s.config.Database))
	}
	machine, err := client.Dial(s.config.Signer, verify, client.WithCertificates(client.Certificates(s.config.SignerFiles)))
	if err != nil {
		return err
	}
	s.machine = machine
	if s.chains, err = chains(s.config, o); err != nil {
		return err
	}
	s.admin = operators.Guard(s.db, o.Actor)
	s.Wallets = wallet.NewRegistry(s.admin, machine, o.Actor).Share(s.cache)
	s.Nonces = nonce.New(nonce.Options{
		DB: s.db, Admin: s.admin, TTL: s.config.ReservationTTL, Strategy: s.choice.of, Devices: s.devices, Cache: s.cache, Actor: s.service(),
	})
	var observer withdrawal.Observer
	if o.Metrics != "" {
		if err := loopback(o.Metrics); err != nil {
			return err
		}
		s.metrics, s.metricsAt = metrics.New(Version, figures{s}), o.Metrics
		observer = s.metrics
	}
	service := withdrawal.Service{Key: s.serviceKey(), For: s.config.AuthorizeFor, Now: o.Now}
	s.engine = withdrawal.NewEngine(withdrawal.EngineOptions{
		DB: s.db, Ledger: s.Nonces, Machine: machine, Journal: machine, Chains: s.chains, Cache: s.cache, Now: o.Now,
		Log: o.Log, Actor: s.service(), Service: service, Observer: observer, Holder: s.holder(), Lease: s.config.Lease, Halted: s.halted, Daemons: s.daemons,
	})
	s.Withdrawals = withdrawal.NewDesk(withdrawal.DeskOptions{
		DB: s.db, Admin: s.admin, Chains: s.chains, Actor: s.service(), Signer: machine, Service: service, Halted: s.halted, Wake: s.engine.Wake,
	})
	return nil
}

// machine is the signing machine, as one that tells what it answered.
type machine interface {
	signing.Machine
	signing.Journal
	signing.KeyList
}

// service is who acts in audit rows where no operator does: the service of this home, if it has a name, and who runs it.
func (s *System) service() string {
	if s.config.Service == "" {
		return s.actor
	}
	who := s.actor
	if db, ok := s.db.(interface{ Role() string }); ok {
		who += ", database role " + db.Role()
	}
	return "service " + s.config.Service + " (" + who + ")"
}

// Chains is on how many chains it can pay: those of the configuration that have nodes.
func (s *System) Chains() int { return len(s.chains) }

// Pay pays with one row of a reservation that the program made: the intent is stored, then signed, then sent and tracked
// like every other payment. Said again with the same reservation and content, it answers with the same payment.
func (s *System) Pay(ctx context.Context, r nonce.Reservation, row int, p withdrawal.PayRequest) (withdrawal.Withdrawal, error) {
	return s.engine.Pay(ctx, r, row, p)
}

// Signer asks the signing machine about itself.
func (s *System) Signer(ctx context.Context) (signing.Status, error) { return s.machine.Status(ctx) }

// Close answers whoever is still waiting and closes the database.
func (s *System) Close() error {
	s.Withdrawals.Close()
	s.Nonces.Close()
	for _, setup := range s.chains {
		if c, ok := setup.Chain.(interface{ Close() }); ok {
			c.Close()
		}
	}
	return s.db.Close()
}

// devices are the signing machines that answer now: only wallets whose key one of them holds are chosen.
func (s *System) devices(ctx context.Context) ([]string, error) {
	st, err := s.machine.Status(ctx)
	if err != nil {
		return nil, err
	}
	return []string{st.Device}, nil
}

// OpenDatabase opens the database of a Config without asking for a schema: for `init` and `migrate`.
func OpenDatabase(ctx context.Context, c Config, o Options) (store.DB, error) {
	o = o.withDefaults()
	doing := "open " + config.RedactURL(c.Database)
	switch scheme, rest, _ := strings.Cut(c.Database, ":"); scheme {
	case "sqlite":
		if !filepath.IsAbs(rest) {
			rest = filepath.Join(c.Home, rest)
		}
		db, err := sqlite.Open(ctx, rest, sqlite.Options{Now: o.Now, Actor: o.Actor})
		if err != nil {
			return nil, storefault.Of(err, doing)
		}
		return db, nil
	case "postgres", "postgresql":
		db, err := postgres.Open(ctx, c.Database, postgres.Options{PoolSize: c.PoolSize, Actor: o.Actor})
		if err != nil {
			return nil, storefault.Of(err, doing)
		}
		return db, nil
	default:
		return nil, fault.New(fault.Usage, "bad_database", "write sqlite:PATH or postgres://…",
			"database %q is neither", config.RedactURL(c.Database))
	}
}

// verify checks what a signing machine answers against what it was asked, by the chain's own rules.
func verify(intent signing.Intent, raw []byte) (string, error) {
	switch wallet.ChainType(intent.ChainType) {
	case wallet.BTC:
		return btctx.Verify(intent, raw)
	case wallet.Solana:
		return soltx.Verify(intent, raw)
	default:
		return (*evm.Chain)(nil).Verify(intent, raw) // which refuses the intent of any other chain
	}
}

// bumpAfter is for a Config that a program filled in without it.
const bumpAfter = 30 * time.Second

func chains(c Config, o Options) ([]withdrawal.ChainSetup, error) {
	var setups []withdrawal.ChainSetup
	for _, ch := range c.Chains {
		if ch.Type != string(wallet.EVM) || len(ch.RPC) == 0 {
			continue
		}
		adapter, err := evm.New(evm.Options{
			ChainID: ch.ID, RPC: ch.RPC, WS: ch.WS, Confirmations: ch.Confirmations, Finalized: ch.Finalized, Now: o.Now,
			Fees: evm.FeePolicy{
				Percentile: ch.Fees.Percentile, Blocks: ch.Fees.Blocks, MinTip: ch.Fees.MinPriority, MaxPerGas: ch.Fees.MaxPerGas,
				MaxFee: ch.Fees.Max, BumpPercent: ch.Fees.BumpPercent, L1: evm.L1Fee(ch.Fees.L1),
			},
		})
		if err != nil {
			return nil, err
		}
		setups = append(setups, setupOf(ch, adapter))
	}
	return setups, nil
}

func setupOf(ch Chain, adapter *evm.Chain) withdrawal.ChainSetup {
	setup := withdrawal.ChainSetup{
		Type: ch.Type, ID: ch.ID, Chain: adapter, MaxUnmined: ch.MaxUnmined, Poll: ch.Poll, BumpAfter: cmp.Or(ch.Fees.BumpAfter, bumpAfter),
		HeadMaxAge: ch.HeadMaxAge, StuckAfter: ch.StuckAfter, MaxFee: ch.Fees.Max,
		Native: withdrawal.Asset{Symbol: ch.NativeSymbol, Decimals: ch.NativeDecimals},
		Assets: map[string]withdrawal.Asset{},
	}
	for _, a := range ch.Assets {
		setup.Assets[a.Symbol] = withdrawal.Asset{Symbol: a.Symbol, Contract: a.Contract, Decimals: a.Decimals}
	}
	return setup
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Actor == "" {
		o.Actor = actor()
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	return o
}

func actor() string {
	name := fmt.Sprintf("uid %d", os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return fmt.Sprintf("%s@%s %d", name, hostname(), os.Getpid())
}

func hostname() string {
	host, err := os.Hostname()
	if err != nil {
		return "unknown-host"
	}
	return host
}
