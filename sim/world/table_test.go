package world_test

import (
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/sim/world"
)

// limits are the pool's in the shared table: geth's rules with sizes that a few transactions reach.
var limits = world.Limits{AccountSlots: 2, AccountQueue: 3, GlobalSlots: 6, GlobalQueue: 4}

const (
	wealth = params.Ether // of each account
	gwei   = params.GWei
)

// send is a transaction of 1 wei to a stranger, at 10 gwei with a tip of 1, unless it says otherwise.
type send struct {
	who      int // account
	nonce    uint64
	tip, cap float64 // gwei
	value    int64
	gas      uint64
	chain    int64 // signed for that chain; 0: the node's own
	data     int   // bytes
	raw      string
	again    int // 1 + the number of a transaction before, whose bytes are sent once more
}

// step is one thing done to a node, and what must come of it.
type step struct {
	send  *send
	mine  bool
	clear bool // everything in the pool is dropped
	says  string
	anvil string // what anvil says where that differs; ok: it takes it

	// what is so afterwards, if there is anything to look at
	counts [][2]uint64 // by account: in the latest block, and with the pool
	has    []int       // which of the transactions sent so far are in the pool or in a block
	lacks  []int

	// where anvil differs: it has no limits per account and pool, and drops nothing
	anvilCounts [][2]uint64
	anvilHas    []int
	anvilLacks  []int
}

const ok = "ok" // it answers with the hash

func at(nonce uint64) *send { return &send{nonce: nonce} }

func by(who int, nonce uint64) *send { return &send{who: who, nonce: nonce} }

func (s *send) pays(tip, cap float64) *send { s.tip, s.cap = tip, cap; return s }

func (s *send) worth(wei int64) *send { s.value = wei; return s }

func takes(s *send) step { return step{send: s, says: ok} }

func refuses(s *send, says, anvil string) step { return step{send: s, says: says, anvil: anvil} }

var (
	half    = int64(wealth) / 2
	mined   = step{mine: true}
	cleared = step{clear: true}
)

// table is what real nodes do, and what the simulated one must do. On geth and here every word must be the same.
var table = []struct {
	name  string
	steps []step
}{
	{"one after the other", []step{
		takes(at(0)), {counts: [][2]uint64{{0, 1}}, has: []int{0}}, mined, {counts: [][2]uint64{{1, 1}}, has: []int{0}},
		takes(at(1)), takes(at(2)), mined, {counts: [][2]uint64{{3, 3}}},
	}},
	{"the same again in the pool", []step{
		takes(at(0)), {send: &send{again: 1}, says: "already known", anvil: "transaction already imported"},
	}},
	{"the same again after it was mined", []step{
		takes(at(0)), mined, {send: &send{again: 1}, says: "nonce too low: next nonce 1, tx nonce 0", anvil: "nonce too low"},
	}},
	{"another at a spent nonce", []step{
		takes(at(0)), mined, refuses(at(0).worth(7), "nonce too low: next nonce 1, tx nonce 0", "nonce too low"),
	}},
	{"above a missing nonce", []step{
		takes(at(1)), {counts: [][2]uint64{{0, 0}}, has: []int{0}}, mined, {counts: [][2]uint64{{0, 0}}, has: []int{0}},
		takes(at(0)), {counts: [][2]uint64{{0, 2}}}, mined, {counts: [][2]uint64{{2, 2}}},
	}},
	{"F16 too many above a missing nonce vanish without a word", []step{
		takes(at(1)), takes(at(2)), takes(at(3)), takes(at(4)), takes(at(5)),
		{has: []int{0, 1, 2}, lacks: []int{3, 4}, anvilHas: []int{0, 1, 2, 3, 4}},
		takes(at(0)), {counts: [][2]uint64{{0, 4}}, anvilCounts: [][2]uint64{{0, 6}}}, mined,
		{counts: [][2]uint64{{4, 4}}, anvilCounts: [][2]uint64{{6, 6}}},
	}},
	{"F16 what is too much of one account in a full pool vanishes without a word", []step{
		takes(at(0)), takes(at(1)), takes(at(2)), takes(at(3)), takes(at(4)), takes(at(5)), takes(at(6)), takes(at(7)),
		{counts: [][2]uint64{{0, 6}}, has: []int{0, 5, 7}, lacks: []int{6}, anvilCounts: [][2]uint64{{0, 8}}, anvilHas: []int{6, 7}},
	}},
	{"the account with most loses first", []step{
		takes(by(0, 0)), takes(by(0, 1)), takes(by(0, 2)), takes(by(0, 3)), takes(by(0, 4)), takes(by(1, 0)), takes(by(1, 1)),
		{counts: [][2]uint64{{0, 4}, {0, 2}}, lacks: []int{4}, anvilCounts: [][2]uint64{{0, 5}, {0, 2}}, anvilHas: []int{4}},
	}},
	{"too many above missing nonces of all accounts", []step{
		takes(by(0, 1)), takes(by(0, 2)), takes(by(1, 1)), takes(by(1, 2)), takes(by(1, 3)),
		{has: []int{0, 2, 3, 4}, lacks: []int{1}, anvilHas: []int{0, 1, 2, 3, 4}},
	}},
	{"another at a pending nonce for the same fees", []step{
		takes(at(0)), refuses(at(0).worth(7), "replacement transaction underpriced", "replacement transaction underpriced"),
	}},
	{"another at a pending nonce for 9 per cent more", []step{
		takes(at(0).pays(1, 10)), refuses(at(0).pays(1.09, 10.9), "replacement transaction underpriced", ok),
	}},
	{"another at a pending nonce for more of one fee alone", []step{
		takes(at(0).pays(1, 10)), refuses(at(0).pays(1, 20), "replacement transaction underpriced", ok),
	}},
	{"another at a pending nonce for 10 per cent more", []step{
		takes(at(0).pays(1, 10)), takes(at(0).pays(1.1, 11)), {has: []int{1}, lacks: []int{0}}, mined, {counts: [][2]uint64{{1, 1}}, has: []int{1}, lacks: []int{0}},
	}},
	{"another at a queued nonce for too little more", []step{
		takes(at(1).pays(1, 10)), refuses(at(1).pays(1.05, 10.5), "replacement transaction underpriced", ok),
	}},
	{"another at a queued nonce for 10 per cent more", []step{
		takes(at(1).pays(1, 10)), takes(at(1).pays(1.1, 11)), {has: []int{1}, lacks: []int{0}, anvilHas: []int{0, 1}},
	}},
	{"more than there is", []step{
		refuses(at(0).worth(wealth), "insufficient funds for gas * price + value: balance 1000000000000000000, tx cost 1000210000000000000, overshot 210000000000000",
			"Insufficient funds for gas * price + value"),
	}},
	{"two that are together more than there is", []step{
		takes(at(0).worth(half)), refuses(at(1).worth(half),
			"insufficient funds for gas * price + value: balance 1000000000000000000, queued cost 500210000000000000, tx cost 500210000000000000, overshot 420000000000000", ok),
	}},
	{"a replacement that is more than there is", []step{
		takes(at(0).worth(half)), refuses(at(0).worth(wealth-1e15).pays(2, 60),
			"insufficient funds for gas * price + value: balance 1000000000000000000, tx cost 1000260000000000000, overshot 260000000000000",
			"Insufficient funds for gas * price + value"),
	}},
	{"too little gas", []step{
		refuses(&send{gas: 20_000}, "intrinsic gas too low: gas 20000, minimum needed 21000", "intrinsic gas too low"),
	}},
	{"more gas than a transaction can have", []step{
		refuses(&send{gas: 16_777_217, cap: 2}, "transaction gas limit too high (cap: 16777216, tx: 16777217)", ok),
	}},
	{"no tip", []step{
		refuses(&send{tip: -1}, "transaction gas price below minimum: gas tip cap 0, minimum needed 1", ok),
	}},
	{"a tip above the cap", []step{
		refuses(at(0).pays(11, 10), "max priority fee per gas higher than max fee per gas", "max priority fee per gas higher than max fee per gas"),
	}},
	{"a cap below the base fee", []step{
		refuses(at(0).pays(0.1, 0.5), ok, "max fee per gas less than block base fee"),
		{counts: [][2]uint64{{0, 1}}, anvilCounts: [][2]uint64{{0, 0}}}, mined, {counts: [][2]uint64{{0, 1}}, has: []int{0}, anvilCounts: [][2]uint64{{0, 0}}, anvilLacks: []int{0}},
	}},
	{"for another chain", []step{
		refuses(&send{chain: 999}, "invalid sender: invalid chain id for signer: have 999 want CHAIN", "invalid chain id for signer"),
	}},
	{"dearer than the node's own cap", []step{
		refuses(&send{gas: 1_000_000, cap: 2_000}, "tx fee (2.00 ether) exceeds the configured cap (1.00 ether)", "Insufficient funds for gas * price + value"),
	}},
	{"too long", []step{
		refuses(&send{data: 140_000, gas: 5_000_000, cap: 2}, "oversized data: transaction size 140117, limit 131072", ok),
	}},
	{"no bytes at all", []step{
		refuses(&send{raw: "0x02"}, "typed transaction too short", "Failed to decode transaction"),
	}},
	{"a cheap one into a full pool", []step{
		takes(by(0, 0)), takes(by(0, 1)), takes(by(1, 0)), takes(by(1, 1)), takes(by(2, 0)), takes(by(2, 1)), takes(by(0, 3)), takes(by(1, 3)), takes(by(2, 3)), takes(by(0, 4)),
		refuses(by(3, 0).pays(0.5, 9), "transaction underpriced", ok),
	}},
	{"a dear one into a full pool drives a cheap one out", []step{
		takes(by(0, 0)), takes(by(0, 1)), takes(by(1, 0)), takes(by(1, 1)), takes(by(2, 0)), takes(by(2, 1)), takes(by(0, 3).pays(0.5, 9)), takes(by(1, 3)), takes(by(2, 3)), takes(by(0, 4)),
		takes(by(3, 0).pays(2, 20)), {lacks: []int{6}, has: []int{0, 10}, anvilHas: []int{0, 6, 10}},
	}},
	{"F15 an empty pool after a restart", []step{
		takes(at(0)), takes(at(1)), cleared, {counts: [][2]uint64{{0, 0}}, lacks: []int{0, 1}},
		{send: &send{again: 1}, says: ok}, {send: &send{again: 2}, says: ok}, mined, {counts: [][2]uint64{{2, 2}}},
	}},
}
