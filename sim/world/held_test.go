package world_test

import (
	"crypto/ecdsa"
	"errors"
	"math/big"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"

	"coffer.internal/internal/chain/evm/anvil"
	"coffer.internal/internal/chain/evm/gethnode"
	"coffer.internal/sim/world"
)

// subject is a node that the table is run on.
type subject struct {
	rpc     *rpc.Client
	chainID int64
	mine    func()
	clear   func()
	sort    func() // waits until the pool has gone over what it was sent; nil: it has, once it answers
	anvil   bool
}

// accounts are those of the table. They are the same in every run, so that every text is.
func accounts() (keys []*ecdsa.PrivateKey, alloc map[common.Address]*big.Int) {
	alloc = map[common.Address]*big.Int{}
	for i := range 4 {
		key, err := crypto.ToECDSA(crypto.Keccak256([]byte{byte(i)}))
		if err != nil {
			panic(err)
		}
		keys = append(keys, key)
		alloc[crypto.PubkeyToAddress(key.PublicKey)] = big.NewInt(wealth)
	}
	return keys, alloc
}

func TestTheSimulatedNodeDoesWhatGethAndAnvilDo(t *testing.T) {
	keys, alloc := accounts()
	for name, start := range map[string]func(t *testing.T) *subject{
		"simulated": func(t *testing.T) *subject { return startWorld(t, alloc) },
		"geth":      func(t *testing.T) *subject { return startGeth(t, alloc) },
		"anvil":     func(t *testing.T) *subject { return startAnvil(t, alloc) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range table {
				t.Run(c.name, func(t *testing.T) {
					n := start(t)
					n.mine() // geth finds no transaction by its hash before the second block
					play(t, n, keys, c.steps)
				})
			}
		})
	}
}

func startWorld(t *testing.T, alloc map[common.Address]*big.Int) *subject {
	now := time.Unix(1_700_000_000, 0)
	w := world.New(world.Options{ChainID: 1337, Alloc: alloc, Limits: limits, Now: func() time.Time {
		now = now.Add(time.Second)
		return now
	}})
	client, err := rpc.DialOptions(t.Context(), w.Nodes[0].URL(), rpc.WithHTTPClient(&http.Client{Transport: w}))
	must(t, err)
	return &subject{client, 1337, func() { w.Nodes[0].Mine(nil, 0) }, w.Nodes[0].ClearPool, nil, false}
}

func startGeth(t *testing.T, alloc map[common.Address]*big.Int) *subject {
	n, err := gethnode.Start(gethnode.Options{
		Alloc: alloc, AccountSlots: limits.AccountSlots, AccountQueue: limits.AccountQueue, GlobalSlots: limits.GlobalSlots, GlobalQueue: limits.GlobalQueue,
	})
	must(t, err)
	t.Cleanup(n.Close)
	client, err := rpc.DialContext(t.Context(), n.URL())
	must(t, err)
	t.Cleanup(client.Close)
	return &subject{client, n.ChainID(), func() { n.Commit() }, n.ClearPool, n.SortPool, false}
}

func startAnvil(t *testing.T, alloc map[common.Address]*big.Int) *subject {
	n, err := anvil.Start(t.Context(), anvil.Options{Alloc: alloc})
	if errors.Is(err, anvil.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(n.Close)
	client, err := rpc.DialContext(t.Context(), n.URL())
	must(t, err)
	t.Cleanup(client.Close)
	return &subject{client, n.ChainID(), func() { must(t, n.Mine(t.Context(), 1)) },
		func() { must(t, n.Call(t.Context(), nil, "anvil_dropAllTransactions")) }, nil, true}
}

// play runs the steps of a case.
func play(t *testing.T, n *subject, keys []*ecdsa.PrivateKey, steps []step) {
	t.Helper()
	var sent []hexutil.Bytes
	var hashes []common.Hash
	for i, s := range steps {
		switch {
		case s.mine:
			n.mine()
		case s.clear:
			n.clear()
		case s.send != nil:
			raw := n.raw(t, keys, s.send, sent)
			want := s.says
			if n.anvil && s.anvil != "" {
				want = s.anvil
			}
			want = strings.ReplaceAll(want, "CHAIN", big.NewInt(n.chainID).String())
			if got := n.give(t, raw); got != want {
				t.Fatalf("step %d: it says %q, not %q", i, got, want)
			}
			if n.sort != nil {
				n.sort()
			}
			sent, hashes = append(sent, raw), append(hashes, crypto.Keccak256Hash(raw))
		}
		counts, has, lacks := s.counts, s.has, s.lacks
		if n.anvil {
			if s.anvilCounts != nil {
				counts = s.anvilCounts
			}
			if s.anvilHas != nil || s.anvilLacks != nil {
				has, lacks = s.anvilHas, s.anvilLacks
			}
		}
		n.look(t, i, keys, hashes, counts, has, lacks)
	}
}

func (n *subject) raw(t *testing.T, keys []*ecdsa.PrivateKey, s *send, sent []hexutil.Bytes) hexutil.Bytes {
	t.Helper()
	switch {
	case s.again > 0:
		return sent[s.again-1]
	case s.raw != "":
		return hexutil.MustDecode(s.raw)
	}
	tip, fee := wei(s.tip, 1), wei(s.cap, 10)
	if s.tip < 0 {
		tip = new(big.Int)
	}
	chain := big.NewInt(orElse(s.chain, n.chainID))
	to := common.HexToAddress("0x00000000000000000000000000000000C0FFEE00")
	tx, err := types.SignNewTx(keys[s.who], types.LatestSignerForChainID(chain), &types.DynamicFeeTx{
		ChainID: chain, Nonce: s.nonce, GasTipCap: tip, GasFeeCap: fee, Gas: uint64(orElse(int64(s.gas), 21_000)), To: &to,
		Value: big.NewInt(orElse(s.value, 1)), Data: make([]byte, s.data),
	})
	must(t, err)
	raw, err := tx.MarshalBinary()
	must(t, err)
	return raw
}

func wei(gweis, otherwise float64) *big.Int {
	if gweis == 0 {
		gweis = otherwise
	}
	return big.NewInt(int64(gweis * gwei))
}

func orElse(n, otherwise int64) int64 {
	if n == 0 {
		return otherwise
	}
	return n
}

// give sends bytes, and says what the node said.
func (n *subject) give(t *testing.T, raw hexutil.Bytes) string {
	t.Helper()
	var hash common.Hash
	err := n.rpc.CallContext(t.Context(), &hash, "eth_sendRawTransaction", raw)
	if err == nil {
		if hash != crypto.Keccak256Hash(raw) {
			t.Errorf("it answers with the hash %s", hash)
		}
		return ok
	}
	var own rpc.Error
	if !errors.As(err, &own) {
		t.Fatal(err)
	}
	return err.Error()
}

// look waits until the node's counts and transactions are as wanted: geth indexes a moment after it has answered.
func (n *subject) look(t *testing.T, step int, keys []*ecdsa.PrivateKey, hashes []common.Hash, counts [][2]uint64, has, lacks []int) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		problem := n.differs(t, keys, hashes, counts, has, lacks)
		if problem == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("step %d: %s", step, problem)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (n *subject) differs(t *testing.T, keys []*ecdsa.PrivateKey, hashes []common.Hash, counts [][2]uint64, has, lacks []int) string {
	t.Helper()
	for i, want := range counts {
		address := crypto.PubkeyToAddress(keys[i].PublicKey)
		var latest, pending hexutil.Uint64
		must(t, n.rpc.CallContext(t.Context(), &latest, "eth_getTransactionCount", address, "latest"))
		must(t, n.rpc.CallContext(t.Context(), &pending, "eth_getTransactionCount", address, "pending"))
		if got := [2]uint64{uint64(latest), uint64(pending)}; got != want {
			return "account " + address.Hex() + " counts " + show(got) + ", not " + show(want)
		}
	}
	for _, there := range []bool{true, false} {
		which := has
		if !there {
			which = lacks
		}
		for _, i := range which {
			var tx *struct{ Hash common.Hash }
			if err := n.rpc.CallContext(t.Context(), &tx, "eth_getTransactionByHash", hashes[i]); err != nil {
				return err.Error() // geth while it indexes
			}
			if (tx != nil) != there {
				return "transaction " + show([2]uint64{uint64(i)}) + ": there is " + map[bool]string{true: "one", false: "none"}[tx != nil]
			}
		}
	}
	return ""
}

func show(n [2]uint64) string {
	return new(big.Int).SetUint64(n[0]).String() + "/" + new(big.Int).SetUint64(n[1]).String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
