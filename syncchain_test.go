package coffer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"coffer.internal"
	"coffer.internal/internal/chain/evm/gethnode"
	"coffer.internal/internal/chain/evm/rpcproxy"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres/pgtest"
	"coffer.internal/wallet"
)

// counted is wallets in both databases' turn, on a real node of which each wallet has sent some transactions, through two
// proxies.
type counted struct {
	*testing.T
	system  *coffer.System
	wallets []wallet.Wallet
	nodes   [2]*rpcproxy.Proxy
}

// onBothWithCounts runs a test with n wallets; the i-th has sent i % 7 transactions, and its cursor is 0.
func onBothWithCounts(t *testing.T, n int, test func(c *counted)) {
	o := gethnode.Options{Alloc: map[common.Address]*big.Int{}, Nonces: map[common.Address]uint64{}}
	var addresses []common.Address
	for i := range n {
		a := common.HexToAddress(fmt.Sprintf("0xcafe%036d", i))
		addresses = append(addresses, a)
		o.Nonces[a] = uint64(i % 7)
		o.Alloc[a] = big.NewInt(1)
	}
	node, err := gethnode.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Close)
	for name, url := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:coffer.db" },
		"postgres": func(t *testing.T) string { return pgtest.DSN(t) },
	} {
		t.Run(name, func(t *testing.T) {
			c := &counted{T: t}
			home := filepath.Join(t.TempDir(), "home")
			c.must(os.Mkdir(home, 0o700))
			config, err := coffer.LoadConfig(home)
			c.must(err)
			config.Database = url(t)
			chain := coffer.Chain{Type: "evm", ID: 1337, Confirmations: 1, NativeSymbol: "ETH", NativeDecimals: 18}
			for i := range c.nodes {
				c.nodes[i], err = rpcproxy.Start(node.URL())
				c.must(err)
				t.Cleanup(c.nodes[i].Close)
				chain.RPC = append(chain.RPC, c.nodes[i].URL())
			}
			config.Chains = []coffer.Chain{chain}
			db, err := coffer.OpenDatabase(t.Context(), config, coffer.Options{})
			c.must(err)
			_, err = db.Migrate(t.Context())
			c.must(err)
			c.must(db.Update(t.Context(), func(tx store.Tx) error {
				for _, a := range addresses {
					_, err := tx.AddWallet(t.Context(), store.Wallet{Address: a.Hex(), ChainType: "evm", ChainID: 1337, WalletType: "cold", Active: true})
					if err != nil {
						return err
					}
				}
				return nil
			}))
			c.must(db.Close())
			c.system, err = coffer.Open(t.Context(), config, coffer.Options{})
			c.must(err)
			t.Cleanup(func() { c.must(c.system.Close()) })
			c.wallets = c.read()
			test(c)
		})
	}
}

func (c *counted) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *counted) read() []wallet.Wallet {
	c.Helper()
	ws, err := c.system.Wallets.List(c.Context(), wallet.Filter{})
	c.must(err)
	return ws
}

func (c *counted) lie(f func(string) string) {
	c.nodes[1].Lie(func(method string, result json.RawMessage) json.RawMessage {
		if method != "eth_getTransactionCount" {
			return result
		}
		return json.RawMessage(f(string(result)))
	})
}

func TestAThousandWalletsAreSyncedFromTheChainInAFewRequests(t *testing.T) {
	onBothWithCounts(t, 1000, func(c *counted) {
		rows, err := c.system.SyncFromChain(c.Context(), c.wallets, "")
		c.must(err)
		for i, w := range c.read() {
			if want := uint64(i % 7); w.Nonce != want || rows[i].After != want || rows[i].Changed != (want > 0) {
				c.Fatalf("wallet %d: cursor %d, want %d: %+v", i, w.Nonce, want, rows[i])
			}
		}
		for _, n := range c.nodes {
			if calls := n.Heard("eth_getTransactionCount"); calls != 2000 || n.Requests() > 21 {
				c.Errorf("%d calls in %d requests", calls, n.Requests())
			}
		}
		audit, err := c.system.Audit(c.Context(), coffer.AuditFilter{Action: "wallet.sync"})
		c.must(err)
		if want := 1000 - 143; len(audit) != want {
			c.Errorf("%d audit rows, want %d", len(audit), want)
		}
		rows, err = c.system.SyncFromChain(c.Context(), c.wallets, "")
		c.must(err)
		for _, r := range rows {
			if r.Changed {
				c.Fatalf("said twice: %+v", r)
			}
		}
	})
}

func TestF12OneLyingNodeChangesNoCursor(t *testing.T) {
	onBothWithCounts(t, 30, func(c *counted) {
		for what, lie := range map[string]func(string) string{
			"higher": func(string) string { return `"0x4711"` }, "impossible": func(string) string { return `"0xffffffffffffffff"` },
			"garbage": func(string) string { return `"many"` }, "null": func(string) string { return `null` },
		} {
			c.lie(lie)
			rows, err := c.system.SyncFromChain(c.Context(), c.wallets, "")
			if !errors.Is(err, coffer.ErrPartly) && !errors.Is(err, coffer.ErrUnreachable) || fault.Hint(err) == "" {
				c.Errorf("%s: %v", what, err)
			}
			for i, w := range c.read() {
				if w.Nonce != 0 || rows[i].Err == nil || !strings.Contains(rows[i].Err.Error(), c.nodes[1].URL()) {
					c.Fatalf("%s: wallet %d has cursor %d, %v", what, i, w.Nonce, rows[i].Err)
				}
			}
		}
		// It is believed where it says what the other one says.
		c.lie(func(result string) string {
			if result == `"0x3"` {
				return `"0x2"`
			}
			return result
		})
		rows, err := c.system.SyncFromChain(c.Context(), c.wallets, "")
		if fault.Exit(err) != 7 {
			c.Errorf("%v", err)
		}
		for i, w := range c.read() {
			want := uint64(i % 7)
			if want == 3 {
				want = 0
			}
			if w.Nonce != want || (rows[i].Err != nil) != (i%7 == 3) {
				c.Errorf("wallet %d has cursor %d, want %d: %v", i, w.Nonce, want, rows[i].Err)
			}
		}
		audit, err := c.system.Audit(c.Context(), coffer.AuditFilter{Action: "wallet.sync", Limit: 4})
		c.must(err)
		for _, row := range audit {
			if row.Result != "refused" || !strings.Contains(row.Reason, c.nodes[1].URL()) {
				c.Errorf("recorded as %+v", row)
			}
		}
		c.nodes[0].Refuse(true)
		c.nodes[1].Refuse(true)
		if rows, err := c.system.SyncFromChain(c.Context(), c.wallets, ""); fault.Exit(err) != 6 || len(rows) != 30 {
			c.Errorf("nobody answers: %v", err)
		}
	})
}
