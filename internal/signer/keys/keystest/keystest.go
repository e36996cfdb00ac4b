// Package keystest is the conformance suite of key backends.
package keystest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/mr-tron/base58"

	"coffer.internal/internal/signer/btctx"
	"coffer.internal/internal/signer/btctx/btctest"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/keys"
	"coffer.internal/internal/signer/soltx"
	"coffer.internal/signing"
)

// Key is a key that the backend under test has.
type Key struct {
	ChainType string
	ChainID   int64
	Path      string
}

// Run holds a backend to its contract. open gives the same keys each time; of each chain that is named at least two must be there.
func Run(t *testing.T, open func(*testing.T) keys.Backend, held []Key) {
	t.Run("a path has the same address for ever", func(t *testing.T) { sameAddress(t, open(t), open(t), held) })
	t.Run("what it signs is the intent, by the key of its From", func(t *testing.T) { signs(t, open(t), held) })
	t.Run("it signs nothing with the key of another address", func(t *testing.T) { foreign(t, open(t), held) })
	t.Run("many may ask at once", func(t *testing.T) { atOnce(t, open(t), held) })
	t.Run("it signs nothing once it is closed", func(t *testing.T) { closed(t, open(t), held) })
}

func sameAddress(t *testing.T, first, again keys.Backend, held []Key) {
	seen := map[string]string{}
	for _, k := range held {
		a, b := address(t, first, k), address(t, again, k)
		if a != b {
			t.Errorf("%s: %s, then %s", k.Path, a, b)
		}
		if other, there := seen[a]; there {
			t.Errorf("%s and %s are both %s", other, k.Path, a)
		}
		seen[a] = k.Path
	}
}

func signs(t *testing.T, b keys.Backend, held []Key) {
	for _, k := range held {
		if err := signed(b, k, intent(k, address(t, b, k), 0)); err != nil {
			t.Errorf("%s %s: %v", k.ChainType, k.Path, err)
		}
	}
}

func foreign(t *testing.T, b keys.Backend, held []Key) {
	for _, k := range held {
		for _, other := range held {
			if other == k || other.ChainType != k.ChainType || other.ChainID != k.ChainID {
				continue
			}
			if raw, _, err := b.Sign(intent(k, address(t, b, other), 0), k.Path); err == nil || raw != nil {
				t.Errorf("the key of %s signed for the address of %s: %v", k.Path, other.Path, err)
			}
		}
	}
}

func atOnce(t *testing.T, b keys.Backend, held []Key) {
	const each = 16
	var all sync.WaitGroup
	for _, k := range held {
		from := address(t, b, k)
		for n := range each {
			all.Go(func() {
				if err := signed(b, k, intent(k, from, uint64(n))); err != nil {
					t.Errorf("%s: %v", k.Path, err)
				}
			})
		}
	}
	all.Wait()
}

func closed(t *testing.T, b keys.Backend, held []Key) {
	intents := make([]signing.Intent, len(held))
	for i, k := range held {
		intents[i] = intent(k, address(t, b, k), 0)
		if _, _, err := b.Sign(intents[i], k.Path); err != nil {
			t.Fatal(err)
		}
	}
	b.Close()
	for i, k := range held {
		if raw, _, err := b.Sign(intents[i], k.Path); err == nil || raw != nil {
			t.Errorf("%s is signed for", k.Path)
		}
		if a, err := b.Address(k.ChainType, k.ChainID, k.Path); err == nil {
			t.Errorf("%s still has the address %s", k.Path, a)
		}
	}
	b.Close() // twice is no error
}

func address(t *testing.T, b keys.Backend, k Key) string {
	t.Helper()
	a, err := b.Address(k.ChainType, k.ChainID, k.Path)
	if err != nil {
		t.Fatalf("%s: %v", k.Path, err)
	}
	return a
}

// signed has an intent signed, and verifies what comes back.
func signed(b keys.Backend, k Key, i signing.Intent) error {
	raw, hash, err := b.Sign(i, k.Path)
	if err != nil {
		return err
	}
	got, err := verify(i, raw)
	if err == nil && got != hash {
		err = fmt.Errorf("its hash is %s, not %s", got, hash)
	}
	return err
}

func verify(i signing.Intent, raw []byte) (string, error) {
	switch i.ChainType {
	case derive.BTC:
		return btctx.Verify(i, raw)
	case derive.Solana:
		return soltx.Verify(i, raw)
	}
	var tx types.Transaction
	if err := tx.UnmarshalBinary(raw); err != nil {
		return "", err
	}
	from, err := types.Sender(types.LatestSignerForChainID(tx.ChainId()), &tx)
	if err == nil && (from.Hex() != i.From || tx.Nonce() != i.Nonce || tx.To().Hex() != i.EVM.To || tx.Value().String() != i.EVM.Amount) {
		err = errors.New("it is another transaction")
	}
	return tx.Hash().Hex(), err
}

// intent is a payment of little from an address, different for each number.
func intent(k Key, from string, n uint64) signing.Intent {
	id := fmt.Sprint("k-", n)
	i := signing.Intent{
		Version: signing.Version, Ledger: "l", Payment: id, Purpose: signing.PurposePayment, ChainType: k.ChainType, ChainID: k.ChainID, From: from, Nonce: n,
	}
	switch k.ChainType {
	case derive.EVM:
		i.EVM = &signing.EVMTransfer{
			To: "0x52908400098527886E0F7030069857D2E4169EE7", Amount: "1", GasLimit: 21000, MaxFeePerGas: "30", MaxPriorityFeePerGas: "2",
		}
	case derive.BTC:
		return btctest.Payment{
			ChainID: k.ChainID, From: from, To: recipientOf(k.ChainID), Amount: 50_000, Fee: 500, Each: 100_000, Outputs: []string{id}, Ledger: "l", ID: id, Nonce: n,
		}.Intent()
	case derive.Solana:
		i.Solana = &signing.SolanaTransfer{
			To: "HAgk14JpMQLgt6rVgv7cBQFJWFto5Dqxi472uT3DKpqk", Amount: fmt.Sprint(1000 + n), RecentBlockhash: base58.Encode(make([]byte, 32)),
			LastValidBlockHeight: 300, Attempt: 1,
		}
	}
	return i
}

// recipientOf is an address on a network of Bitcoin.
func recipientOf(chainID int64) string {
	return map[int64]string{
		0: "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", 1: "tb1q6rz28mcfaxtmd6v789l9rrlrusdprr9pqcpvkl",
		2: "tb1q6rz28mcfaxtmd6v789l9rrlrusdprr9pqcpvkl", 3: "bcrt1qlk935ze2fsu86zjp395uvtegztrkaezawxx0wf",
	}[chainID]
}
