package main

import (
	"crypto/ecdsa"
	"encoding/json"
	"math/big"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/sim/recount"
	"coffer.internal/sim/world"
)

// causes are what may make a payment stand in needs_review. The list is closed: whatever else does is a violation.
type causes struct {
	foreign map[common.Hash]recount.Slot // somebody else's transactions, with our key
	silent  map[common.Address]bool      // recipients whose token transfer succeeds and moves nothing
}

// arrange puts on the agenda what the plan says: customers, and the faults of the world.
func (t *town) arrange() {
	t.causes = causes{foreign: map[common.Hash]recount.Slot{}, silent: map[common.Address]bool{}}
	if t.plan.scene {
		t.stage()
		return
	}
	for _, r := range t.office.requests {
		t.at(t.within(t.plan.troubles*3/4), func() { t.office.submit(r) })
	}
	for _, k := range worldFaults {
		for range t.plan.strikes[k] {
			if how := worldStrikes[k]; how != nil {
				t.at(t.within(t.plan.troubles*4/5), func() { t.strike(how) })
			}
		}
	}
	for _, k := range operatorDoes {
		for range t.plan.strikes[k] {
			t.at(t.within(t.plan.troubles), func() { t.operate(k) })
		}
	}
	t.at(t.clock.Add(t.plan.troubles), t.heal)
}

// operate has the operator do something.
func (t *town) operate(k kind) {
	switch k {
	case operatorRequeues, operatorGivesUp:
		t.office.review(k)
		return
	case operatorLifts:
		t.office.lift()
		return
	}
	r := t.office.requests[t.rng.IntN(len(t.office.requests))]
	if !r.accepted {
		if !t.calm {
			t.soon(20, func() { t.operate(k) })
		}
		return
	}
	t.hit(k)
	if k == operatorCancels {
		t.office.cancel(r)
	} else {
		t.office.bump(r)
	}
}

// within is a time drawn from the next so long.
func (t *town) within(d time.Duration) time.Time {
	return t.clock.Add(time.Duration(t.rng.Int64N(int64(d))))
}

// during has something be so for a while.
func (t *town) during(k kind, begin, end func()) bool {
	t.hit(k)
	t.say("! %s", k)
	begin()
	t.at(t.within(2*time.Minute), func() {
		t.say("over: %s", k)
		t.lastFault = t.clock
		end()
	})
	return true
}

// heal ends all faults: from now on everything works, and 24 hours later every payment must have ended.
func (t *town) heal() {
	t.say("everything is well from now on")
	t.calm, t.deaf, t.stopped, t.crowd, t.down, t.token.Paused = true, false, false, 0, map[string]bool{}, false
	for _, n := range t.world.Nodes {
		n.CatchUp()
		n.Answer, n.ChainID = nil, chainID
	}
	if t.plan.headMaxAge > 0 { // by a clock that stays wrong, no block is young enough
		t.ahead = 0
		for _, d := range t.daemons {
			d.ahead = 0
		}
	}
	for _, w := range t.wallets {
		t.topUp(common.HexToAddress(w.Address))
	}
	t.lastFault = t.clock
}

func (t *town) node() *world.Node { return t.world.Nodes[t.rng.IntN(len(t.world.Nodes))] }

var worldStrikes = map[kind]func(*town) bool{
	nodeDown: func(t *town) bool {
		n := t.node()
		return t.during(nodeDown, func() { t.down[n.Name] = true }, func() { delete(t.down, n.Name) })
	},
	nodeBehind: func(t *town) bool {
		n, by := t.node(), uint64(1+t.rng.IntN(5))
		return t.during(nodeBehind, func() { n.FallBehind(by) }, n.CatchUp)
	},
	nodeInvents: func(t *town) bool { return t.lie(nodeInvents, t.invent) },
	nodeDenies: func(t *town) bool {
		return t.lie(nodeDenies, func(_ *world.Node, method string, _ []json.RawMessage, result any) any {
			if _, there := result.(world.Shown); there && method == "eth_getTransactionReceipt" {
				return nil
			}
			return result
		})
	},
	nodeFails: func(t *town) bool {
		return t.lie(nodeFails, func(_ *world.Node, method string, _ []json.RawMessage, result any) any {
			if shown, there := result.(world.Shown); there && method == "eth_getTransactionReceipt" {
				shown["status"], shown["logs"] = "0x0", []any{}
			}
			return result
		})
	},
	nodeChain: func(t *town) bool {
		n := t.node()
		return t.during(nodeChain, func() { n.ChainID = 5 }, func() { n.ChainID = chainID })
	},
	poolCleared: func(t *town) bool {
		t.hit(poolCleared)
		t.say("! %s", poolCleared)
		all := t.rng.IntN(2) == 0
		for i, n := range t.world.Nodes {
			if all || i == 0 {
				n.ClearPool()
			}
		}
		return true
	},
	poolDropped: func(t *town) bool {
		for _, n := range t.world.Nodes {
			if pool := n.Pool(); len(pool) > 0 {
				hash := pool[t.rng.IntN(len(pool))].Hash()
				t.hit(poolDropped)
				t.say("! %s: %s", poolDropped, hash)
				for _, o := range t.world.Nodes {
					o.Drop(hash)
				}
				return true
			}
		}
		return false
	},
	gossipLost: func(t *town) bool {
		return t.during(gossipLost, func() { t.deaf = true }, func() { t.deaf = false })
	},
	baseFee: func(t *town) bool {
		t.hit(baseFee)
		t.crowd = 8 + t.rng.IntN(10)
		t.say("! %s", baseFee)
		return true
	},
	feeCap: func(t *town) bool {
		t.hit(feeCap)
		t.crowd = 26
		t.say("! %s", feeCap)
		return true
	},
	reorg:        func(t *town) bool { return t.reorg(reorg) },
	reorgForgets: func(t *town) bool { return t.reorg(reorgForgets) },
	foreign:      func(t *town) bool { t.useKey(foreign); return true },
	foreignGone: func(t *town) bool {
		tx := t.useKey(foreignGone)
		t.at(t.within(time.Minute), func() {
			t.first = slices.DeleteFunc(slices.Clone(t.first), func(f *world.Tx) bool { return f == tx })
			t.reorg(reorg)
		})
		return true
	},
	tokenPaused: func(t *town) bool {
		return t.during(tokenPaused, func() { t.token.Paused = true }, func() { t.token.Paused = false })
	},
	tokenBars:   func(t *town) bool { return t.spoil(tokenBars, t.token.Barred) },
	tokenSilent: func(t *town) bool { return t.spoil(tokenSilent, t.token.Silent) },
	outOfGas:    func(t *town) bool { t.hit(outOfGas); return true },
	clockBack:   func(t *town) bool { return t.jump(clockBack, -time.Duration(1+t.rng.IntN(100))*time.Minute) },
	clockAhead:  func(t *town) bool { return t.jump(clockAhead, 365*24*time.Hour) },
	blocksStop: func(t *town) bool {
		return t.during(blocksStop, func() { t.stopped = true }, func() { t.stopped = false })
	},
	submitAgain: func(t *town) bool {
		r := t.office.requests[t.rng.IntN(len(t.office.requests))]
		if !r.accepted {
			return false
		}
		t.hit(submitAgain)
		t.office.submit(r)
		return true
	},
	submitDiffers: func(t *town) bool {
		r := t.office.requests[t.rng.IntN(len(t.office.requests))]
		if !r.accepted {
			return false
		}
		t.hit(submitDiffers)
		t.office.differ(r)
		return true
	},
}

// strike strikes, or, where there is nothing to strike yet, a little later.
func (t *town) strike(how func(*town) bool) {
	if !t.calm && !how(t) {
		t.soon(20, func() { t.strike(how) })
	}
}

// lie has one node of several bend its answers for a while. A lie of all of them could not be told from the truth.
func (t *town) lie(k kind, bend func(n *world.Node, method string, params []json.RawMessage, result any) any) bool {
	if len(t.world.Nodes) < 3 {
		return true
	}
	for _, n := range t.world.Nodes {
		if n.Answer != nil {
			return false
		}
	}
	n := t.node()
	return t.during(k, func() {
		n.Answer = func(method string, params []json.RawMessage, result any) any { return bend(n, method, params, result) }
	}, func() { n.Answer = nil })
}

// invent gives a receipt for what is in no block.
func (t *town) invent(n *world.Node, method string, params []json.RawMessage, result any) any {
	if method != "eth_getTransactionReceipt" || result != nil {
		return result
	}
	var hash common.Hash
	_ = json.Unmarshal(params[0], &hash) // ours
	for _, tx := range t.world.Seen() {
		if tx.Hash() == hash {
			b := n.Head().Back(uint64(t.rng.IntN(6)))
			return world.Shown{
				"transactionHash": hash, "from": tx.From, "to": tx.To(), "blockHash": b.Hash, "blockNumber": hexutil.Uint64(b.Number),
				"status": "0x1", "gasUsed": "0x5208", "effectiveGasPrice": "0x3b9aca00", "logs": []any{},
			}
		}
	}
	return nil
}

// reorg leaves the last blocks behind, fewer than make a payment final, for a longer branch. What is in that one is drawn from all
// transactions that were ever seen: also such as were replaced.
func (t *town) reorg(k kind) bool {
	head := t.head()
	deepest := t.plan.confirmations - 1
	if t.plan.finalized {
		deepest = 2
	}
	depth := uint64(1 + t.rng.IntN(deepest))
	t.hit(k)
	t.say("! %s of %d blocks", k, depth)
	b := head.Back(depth)
	for range depth + 1 {
		var some []*world.Tx
		for _, tx := range t.world.Seen() {
			if k == reorg && t.rng.IntN(2) == 0 {
				some = append(some, tx)
			}
		}
		b = t.world.Block(b, t.first, some, t.othersGas())
	}
	for i, n := range t.world.Nodes {
		n.Forgets = k == reorgForgets
		if i == 0 || t.rng.IntN(3) > 0 {
			n.Follow(b)
		}
	}
	return true
}

// useKey is somebody who has the key of a wallet and sends something with it.
func (t *town) useKey(k kind) *world.Tx {
	i := t.rng.IntN(len(t.wallets))
	from := common.HexToAddress(t.wallets[i].Address)
	slot := recount.Slot{Wallet: from, Nonce: t.world.Nodes[0].NonceOf(from) + uint64(t.rng.IntN(3)/2)}
	to := common.HexToAddress("0x0000000000000000000000000000000000005742")
	tx := t.sign(t.keys[i], slot.Nonce, to, big.NewInt(1))
	t.causes.foreign[tx.Hash()] = slot
	t.hit(k)
	t.say("! %s: nonce %d of %s: %s", k, slot.Nonce, short(from), tx.Hash())
	return tx
}

func (t *town) topUp(a common.Address) {
	t.sign(richKey, t.richNonce, a, ether(10))
	t.richNonce++
}

// sign puts a transfer in front of all others, into every block until it is in one.
func (t *town) sign(key *ecdsa.PrivateKey, nonce uint64, to common.Address, amount *big.Int) *world.Tx {
	id := big.NewInt(chainID)
	signed, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, To: &to, Value: amount, Gas: params.TxGas, GasFeeCap: gwei(1000), GasTipCap: gwei(2),
	})
	if err != nil {
		panic("sim: " + err.Error())
	}
	raw, err := signed.MarshalBinary()
	if err != nil {
		panic("sim: " + err.Error())
	}
	tx, err := t.world.Decode(raw)
	if err != nil {
		panic("sim: " + err.Error())
	}
	t.first = append(t.first, tx)
	return tx
}

func gwei(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.GWei)) }

// spoil picks a token payment that nothing was picked for yet.
func (t *town) spoil(k kind, how map[common.Address]bool) bool {
	for _, i := range t.rng.Perm(len(t.office.requests)) {
		r := t.office.requests[i]
		if r.Asset == "" || t.token.Barred[r.to] || t.token.Silent[r.to] || !r.accepted {
			continue
		}
		how[r.to] = true
		if k == tokenSilent {
			t.causes.silent[r.to] = true
		}
		t.hit(k)
		t.say("! %s: %s", k, r.ID)
		return true
	}
	return false
}

// jump moves the clock of a daemon, or of the database's server. Half of the time it is set right in the end.
func (t *town) jump(k kind, by time.Duration) bool {
	which, name := &t.ahead, "the database's clock"
	if i := t.rng.IntN(len(t.daemons) + 1); i < len(t.daemons) {
		which, name = &t.daemons[i].ahead, "the clock of "+t.daemons[i].name
	}
	*which += by
	t.hit(k)
	t.say("! %s by %s: %s", k, by, name)
	if t.rng.IntN(2) == 0 {
		t.at(t.within(5*time.Minute), func() {
			if *which != 0 {
				*which -= by
			}
			t.say("%s is set right", name)
			t.lastFault = t.clock
		})
	}
	return true
}
