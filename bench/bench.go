package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"coffer.internal/internal/store"
	"coffer.internal/nonce"
)

// chainID is the chain of every wallet that is measured on.
const chainID = 31337

// bench is a database with the ways to be measured on it.
type bench struct {
	settings string // what makes it durable, read back from the database
	ways     []way
	db       store.DB
	run      string // makes the request ids of this run unlike all others
	turns    atomic.Uint64
	ends     []func()
}

func newBench(db store.DB) *bench {
	id := make([]byte, 4)
	_, _ = rand.Read(id) // never fails
	b := &bench{db: db, run: hex.EncodeToString(id)}
	b.ends = append(b.ends, func() { _ = db.Close() })
	return b
}

func (b *bench) close() {
	for i := len(b.ends) - 1; i >= 0; i-- {
		b.ends[i]()
	}
}

// request is an id that nobody had.
func (b *bench) request() string { return fmt.Sprintf("bench-%s-%d", b.run, b.turns.Add(1)) }

// wallets makes fresh wallets, whose cursors are at 0. Their key is held by a device, as a hot wallet's is.
func (b *bench) wallets(ctx context.Context, n int) ([]walletRef, error) {
	refs := make([]walletRef, n)
	err := b.db.Update(ctx, func(tx store.Tx) error {
		for i := range refs {
			var address common.Address
			_, _ = rand.Read(address[:])
			w, err := tx.AddWallet(ctx, store.Wallet{
				Address: address.Hex(), Device: "SHA256:bench", Path: "m/44'/60'/0'/0/0", ChainType: "evm", ChainID: chainID,
				WalletType: "hot", Active: true,
			})
			if err != nil {
				return err
			}
			refs[i] = walletRef{id: w.ID, address: w.Address}
		}
		return nil
	})
	return refs, err
}

// cofferWay is the product itself: the ledger with its group commit.
func (b *bench) cofferWay() way {
	ledger := nonce.New(nonce.Options{DB: b.db, TTL: time.Hour, Actor: "bench"})
	b.ends = append(b.ends, ledger.Close)
	return way{
		name: "coffer",
		alloc: func(ctx context.Context, w walletRef, _, _ int) error {
			_, err := ledger.Reserve(ctx, nonce.Call{Address: w.address, ChainID: chainID, Request: b.request()})
			return err
		},
		check: b.contiguous,
	}
}

// contiguous checks that a ledger has as many rows as callers were answered, from 0 without a hole.
func (b *bench) contiguous(ctx context.Context, ws []walletRef, done int) error {
	rows := 0
	err := b.db.View(ctx, func(r store.Reader) error {
		rows = 0
		for _, w := range ws {
			ns, err := r.Nonces(ctx, store.NonceFilter{WalletID: w.id})
			if err != nil {
				return err
			}
			for i, n := range ns {
				if n.Nonce != uint64(i) {
					return fmt.Errorf("wallet %d has nonce %d where %d belongs", w.id, n.Nonce, i)
				}
			}
			rows += len(ns)
		}
		return nil
	})
	if err == nil && rows != done {
		err = fmt.Errorf("%d rows for %d answers", rows, done)
	}
	return err
}

// attempts is how often the guide's way tries: once, and three times again.
const attempts = 4
