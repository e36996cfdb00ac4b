package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"golang.org/x/sync/errgroup"

	"coffer.internal/internal/signer"
	"coffer.internal/signing"
)

// unlimited are rates that nothing here comes up against.
var unlimited = signer.Rates{Requests: 1e9, Intents: 1e9}

// work is what is done in one round: by the machine, once by each way that asks it, and the same operations by hand.
type work struct {
	batches map[string][]signing.Batch // by way
	bare    []operations
}

// operations are the cryptography of one payment.
type operations struct {
	hash      [32]byte // what is signed with secp256k1
	statement []byte   // the authorization
	signature []byte   // over it
	receipt   []byte   // what is signed with Ed25519
}

// prepare makes the payments of a round. It is not measured: the exchange authorizes them elsewhere.
func (m *machine) prepare(s settings) (*work, error) {
	w := &work{batches: map[string][]signing.Batch{}, bare: make([]operations, s.payments)}
	for _, way := range []string{"machine", "socket"} {
		requests := make([]signing.Request, s.payments)
		var signing sync.WaitGroup
		for n := range runtime.GOMAXPROCS(0) {
			signing.Go(func() {
				for i := n; i < len(requests); i += runtime.GOMAXPROCS(0) {
					requests[i] = m.payment(i)
				}
			})
		}
		signing.Wait()
		m.next += uint64(s.payments/wallets + 1)
		for i := 0; i < len(requests); i += s.batch {
			w.batches[way] = append(w.batches[way], batchOf(requests[i:min(i+s.batch, len(requests))]))
		}
	}
	device := m.Vault.Device()
	for i, b := range flat(w.batches["machine"]) {
		d := b.Intent.Digest()
		parsed, err := signing.ParseAuthorization(b.Authorizations[0])
		if err != nil {
			return nil, err
		}
		statement := parsed.Encode()
		w.bare[i] = operations{
			hash: d, statement: statement, signature: ed25519.Sign(m.service, statement),
			receipt: signing.ReceiptStatement(device, ledger, uint64(i+1), signing.Answer{Digest: d, Raw: statement}),
		}
	}
	return w, nil
}

func batchOf(rs []signing.Request) signing.Batch { return signing.Batch{Requests: rs} }

func flat(batches []signing.Batch) (all []signing.Request) {
	for _, b := range batches {
		all = append(all, b.Requests...)
	}
	return all
}

// payment is the i-th of a round: an authorized transfer, the wallets taking turns.
func (m *machine) payment(i int) signing.Request {
	now := time.Now().UTC().Truncate(time.Second)
	nonce := m.next + uint64(i/wallets)
	intent := signing.Intent{
		Version: signing.Version, Ledger: ledger, Payment: fmt.Sprintf("bench-%d-%d", i%wallets, nonce), Purpose: signing.PurposePayment,
		ChainType: "evm", ChainID: chainID, From: m.keys[i%wallets].Address, Nonce: nonce,
		EVM: &signing.EVMTransfer{
			To: "0x52908400098527886E0F7030069857D2E4169EE7", Amount: "1000000000000000000", GasLimit: 21000,
			MaxFeePerGas: "30000000000", MaxPriorityFeePerGas: "1000000000",
		},
	}
	to, asset, amount := intent.Pays()
	a := signing.Authorization{
		Ledger: ledger, Payment: intent.Payment, ChainType: "evm", ChainID: chainID, To: to, Asset: asset, Amount: amount, MaxFee: "10000000000000000",
		Issued: now, Expires: now.Add(time.Hour),
	}
	return signing.Request{Intent: intent, Authorizations: []string{a.Token(m.service)}}
}

// measure does a round's work in one way, and says how long it took.
func (m *machine) measure(ctx context.Context, way string, w *work, s settings) (spent, error) {
	switch way {
	case "bare":
		return elapsed(func() error { return m.bare(w.bare, s.batch) })
	case "socket":
		return elapsed(func() error { return ask(ctx, m.Client, w.batches[way], s.callers) })
	}
	return elapsed(func() error { return ask(ctx, m.Machine, w.batches[way], s.callers) })
}

// bare does the cryptography alone, on all cores.
func (m *machine) bare(all []operations, batch int) error {
	key, err := crypto.GenerateKey()
	if err != nil {
		return err
	}
	var next atomic.Int64
	g := new(errgroup.Group)
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			for {
				from := int(next.Add(int64(batch))) - batch
				if from >= len(all) {
					return nil
				}
				for _, o := range all[from:min(from+batch, len(all))] {
					if err := m.operate(key, o); err != nil {
						return err
					}
				}
			}
		})
	}
	return g.Wait()
}

func (m *machine) operate(key *ecdsa.PrivateKey, o operations) error {
	if !ed25519.Verify(m.service.Public().(ed25519.PublicKey), o.statement, o.signature) {
		return fmt.Errorf("an authorization does not verify")
	}
	if _, err := crypto.Sign(o.hash[:], key); err != nil {
		return err
	}
	_ = ed25519.Sign(m.Vault.Identity(), o.receipt)
	return nil
}

// ask has batches signed by several callers, and wants a signature for each payment.
func ask(ctx context.Context, of signing.Signer, batches []signing.Batch, callers int) error {
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range callers {
		g.Go(func() error {
			for {
				n := int(next.Add(1)) - 1
				if n >= len(batches) {
					return nil
				}
				answers, err := of.Sign(ctx, batches[n])
				if err != nil {
					return err
				}
				for _, a := range answers {
					if a.Refusal != nil || a.Receipt.Seq == 0 || len(a.Receipt.Signature) == 0 {
						return fmt.Errorf("refused, or without a receipt: %+v", a.Refusal)
					}
				}
			}
		})
	}
	return g.Wait()
}
