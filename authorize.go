package coffer

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/config"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/keyfile"
	"coffer.internal/internal/storefault"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// serviceKey reads the service key when an authorization is to be signed for the first time, so that a daemon, which signs none, never
// has it. A file that is not there is no error: nothing is signed then, and it is looked for again.
func (s *System) serviceKey() func() (ed25519.PrivateKey, error) {
	var mu sync.Mutex
	var key ed25519.PrivateKey
	return func() (ed25519.PrivateKey, error) {
		mu.Lock()
		defer mu.Unlock()
		if key != nil || s.config.ServiceKey == "" {
			return key, nil
		}
		k, err := keyfile.Read(s.config.ServiceKey)
		if errors.Is(err, fault.NotFound) {
			return nil, nil
		}
		key = k
		return k, err
	}
}

// Ledger is the ledger's own id, which every authorization names.
func (s *System) Ledger(ctx context.Context) (string, error) {
	id, err := s.db.Ledger(ctx)
	return id, storefault.Of(err, "read the ledger's id")
}

// Office authorizes withdrawals where there is no database: on the machine of an officer or of risk control.
type Office struct {
	ledger string
	chains []withdrawal.ChainSetup
}

// ledgerForm is the form of a ledger's id: 16 random bytes.
var ledgerForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// OpenOffice is for the withdrawals of one ledger (System.Ledger says its id). Of the Config only chains and assets are read: a chain needs
// no node, and one that is built in no table, unless it is for one of its tokens. Nothing is opened, and nothing is asked over a network.
func OpenOffice(c Config, ledger string) (*Office, error) {
	if !ledgerForm.MatchString(ledger) {
		return nil, fault.New(fault.Usage, "bad_ledger", "coffer authorize --show-ledger prints it, where the database is",
			"%q is not the id of a ledger: 32 digits of hexadecimal, lower case", ledger[:min(len(ledger), 64)])
	}
	o := &Office{ledger: ledger}
	configured := func(ch Chain) bool {
		return slices.ContainsFunc(c.Chains, func(had Chain) bool { return had.Type == ch.Type && had.ID == ch.ID })
	}
	for _, ch := range slices.Concat(c.Chains, slices.DeleteFunc(config.BuiltInChains(string(wallet.EVM)), configured)) {
		if ch.Type == string(wallet.EVM) {
			o.chains = append(o.chains, setupOf(ch, new(evm.Chain))) // without nodes: it only says what is impossible
		}
	}
	return o, nil
}

// Authorize signs an authorization of a withdrawal, as withdrawal.Desk does.
func (o *Office) Authorize(_ context.Context, r withdrawal.Request, t withdrawal.Terms) (token string, err error) {
	token, err = withdrawal.Authorize(o.ledger, o.chains, r, t)
	if fault.Code(err) == "chain_not_configured" {
		return "", fault.New(fault.Usage, "chain_not_configured", fmt.Sprintf("add [chain.evm.%d] to coffer.toml here; it needs no node", r.ChainID),
			"chain evm %d is neither in coffer.toml nor built in", r.ChainID)
	}
	return token, err
}
