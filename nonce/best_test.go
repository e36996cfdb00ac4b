package nonce_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
)

// The guide's two steps, one after the other: the wallet with the lowest nonce, then its nonce.
func TestBestIsTheWalletWithTheLowestCursor(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		l := c.ledger(nonce.Options{})
		if _, err := l.Best(t.Context(), "evm", chainID); !errors.Is(err, fault.Unavailable) {
			t.Errorf("without a wallet: %v", err)
		}
		first, second := c.hot(1), c.hot(2)
		c.elsewhere(3)
		for i := range 6 {
			w, err := l.Best(t.Context(), "evm", chainID)
			if err != nil {
				t.Fatal(err)
			}
			r, err := l.Reserve(t.Context(), nonce.Call{Address: w.Address, ChainID: chainID, Request: fmt.Sprint("r-", i)})
			if err != nil || r.Rows[0].Nonce != uint64(i/2) {
				t.Errorf("choice %d: nonce %+v of %s, %v", i, r.Rows, w.Address, err)
			}
		}
		c.update(func(tx store.Tx) error {
			return errors.Join(tx.SetActive(t.Context(), first.ID, false), tx.SetActive(t.Context(), second.ID, false))
		})
		if _, err := l.Best(t.Context(), "evm", chainID); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "inactive") {
			t.Errorf("with inactive wallets only: %v", err)
		}
	})
}
