// Package chain says what a blockchain must offer to the engine; its folder evm offers it, chaintest holds adapters to it.
//
// The engine never sees a node's words. An adapter turns what nodes answer into the closed verdicts of this package, and
// where an answer is no clean answer (a time-out, a broken connection, a text it does not know), it says unknown: the bytes
// may be out, and nothing is decided on it.
package chain

import (
	"context"
	"math/big"
	"time"

	"coffer.internal/signing"
)

// Chain is one chain with all its configured nodes. All methods may be called from many goroutines; none changes what is
// true when its context ends half-way. An error that wraps fault.Unreachable means: no node answered, nothing is known.
type Chain interface {
	// Identify asks every node for its chain id. A wrong one is an error that names node, wanted and got; then nothing
	// else may be done with the chain.
	Identify(ctx context.Context) error

	// Funds reads balances at the latest block, and what one payment may cost in fees at most now.
	Funds(ctx context.Context, addresses, contracts []string) (Funds, error)

	// Impossible says why a payment can never be paid on this chain whatever its state is, or nothing. It asks no node.
	Impossible(p Payment) string

	// Vet looks at payments before a nonce is bound to them, as if paid by from. The result is in order; a nil Refusal means
	// that it can be paid. An error is about none of them.
	Vet(ctx context.Context, from string, payments []Payment) ([]Vetted, error)

	// Draft completes intents with the chain's own part: fees as of now, gas. An order that Replaces others outbids each of them by
	// at least what nodes ask for. The result is in order; an order for which the chain's caps leave no fee waits.
	Draft(ctx context.Context, orders []Order) ([]Drafted, error)

	// Send gives signed bytes to every node, lowest nonce first as given, and says what came of each, in order. It has no
	// error: what is not known is Unknown.
	Send(ctx context.Context, txs []Tx) []Sent

	// Watch looks for transactions by hash, and says what is known of each, in order. An error is about none of them.
	Watch(ctx context.Context, txs []Tx) ([]Sighting, error)

	// Verify says whether raw is exactly the transaction that intent describes, signed by its From, and gives its hash. It
	// asks no node.
	Verify(intent signing.Intent, raw []byte) (hash string, err error)
}

// Heads is offered by chains whose nodes tell of new blocks.
type Heads interface {
	// Heads calls heard whenever a node tells of a new block, until ctx ends. A chain with no such node returns at once; a connection
	// that breaks is made again. heard must be quick.
	Heads(ctx context.Context, heard func())
}

// Nodes is offered by chains whose nodes can be looked at.
type Nodes interface {
	// Nodes says how each configured node does, in order.
	Nodes(ctx context.Context) []NodeState
}

// NodeState is how a node does.
type NodeState struct {
	Name       string    // its URL without secrets
	Problem    string    // why it gives no clean answer; then Head says nothing
	WrongChain bool      // it says that it is on another chain than the configured one
	Head       uint64    // height of its latest block
	HeadAt     time.Time // the block's own time
	// Split says that it has another block than other nodes at a height that all have: which, and who. Empty: it has the same.
	Split string
}

// Delegates is offered by chains whose accounts can hand their code to a contract (EIP-7702).
type Delegates interface {
	// Delegates gives for each address the contract that it is delegated to, or "" if it is not. A node that does not answer is
	// passed over; of those that do, one that sees a delegation is believed.
	Delegates(ctx context.Context, addresses []string) ([]string, error)
}

// Accounts is offered by chains whose accounts count their transactions (EVM).
type Accounts interface {
	// Counts reads the accounts' next nonces in the latest block and in the pool, on every node, many in one request. The
	// result is in order. An error says that no node gave a clean answer about any of them.
	Counts(ctx context.Context, addresses []string) ([]Count, error)
}

// Count is an account's next nonce as the nodes count it.
type Count struct {
	Latest  uint64 // in the latest block; the lowest that a node says
	Highest uint64 // the highest Latest that a node says
	Pending uint64 // with what the pool holds, the highest; a hint only
	Nodes   int    // how many gave a clean answer; with 0 the numbers say nothing
	Silent  int    // how many gave none
	// Agreed: every configured node gave a clean answer, and all say the same Latest. Only then may something be concluded.
	Agreed bool
	Doubt  string // why they do not agree, with what each node says; empty if they do
}

// Payment is what is to be paid, in base units.
type Payment struct {
	ID       string
	To       string
	Contract string // empty: the chain's own coin
	Amount   *big.Int
}

// Funds is what wallets have, and the most one payment may cost.
type Funds struct {
	Native map[string]*big.Int            // by address
	Tokens map[string]map[string]*big.Int // by contract, then address
	// MaxFee is the most that one payment can cost in fees, in the chain's coin, by contract ("" for the coin itself), as
	// fees are now.
	MaxFee map[string]*big.Int
	// Wait says why nothing may be bound now: fees are above the chain's cap. Empty: nothing is in the way.
	Wait string
}

// Vetted is the verdict on a payment that has no nonce yet.
type Vetted struct {
	Refusal string // empty: it can be paid; else why it never can
}

// Order is an intent to be drafted: everything but the chain's own part.
type Order struct {
	Ledger  string
	Purpose signing.Purpose
	ChainID int64
	From    string
	Nonce   uint64
	Payment Payment // for a gap fill: ID empty, To is From, Amount 0; for a cancellation: ID the payment's, To is From, Amount 0
	// Late: it may be sent hours or days from now, and nobody can raise its fees then. It offers more, within the caps; what a block does
	// not take is not spent.
	Late bool
	// Replaces are the intents at the same nonce that it has to outbid, signed or only asked for. Empty: it is the first.
	Replaces []signing.Intent
	// FeeCap is the most that its transaction may cost in fees, in the chain's coin, beside the chain's own caps; nil: nothing is said.
	FeeCap *big.Int
}

// AboveAuthorized begins the Wait of an order whose fees are above its FeeCap, and above no cap of the chain.
const AboveAuthorized = "fees above what is authorized: "

// Drafted is a completed intent; or, with Wait, why there is none now: the fees that it would take are above a cap.
type Drafted struct {
	Intent signing.Intent
	Wait   string
	// Outpriced says that nothing of what it Replaces can be in the next block: each offers less than that block takes.
	Outpriced bool
}

// Tx is a signed transaction with the intent it came from.
type Tx struct {
	Intent signing.Intent
	Raw    []byte
	Hash   string
}

// Verdict is what a node made of bytes it was given.
type Verdict string

const (
	// Accepted: a node took it now. That is not a place in the pool, nor a block.
	Accepted Verdict = "accepted"
	// Known: a node had it already.
	Known Verdict = "known"
	// NonceTooLow: the chain has spent the nonce; by this transaction or by another, Watch finds out.
	NonceTooLow Verdict = "nonce_too_low"
	// Occupied: another transaction stands at this nonce in the node's pool.
	Occupied Verdict = "occupied"
	// Unfunded: the account cannot pay for it now.
	Unfunded Verdict = "unfunded"
	// Rejected: the node says that it can never take these bytes. They are still signed: nothing is freed.
	Rejected Verdict = "rejected"
	// Busy: the node takes nothing now (pool full, rate limit). Later again.
	Busy Verdict = "busy"
	// Unknown: no clean answer. The bytes may be out.
	Unknown Verdict = "unknown"
)

// Sent is what came of one transaction in Send: the best verdict of all nodes, and the text behind it.
type Sent struct {
	Verdict Verdict
	Text    string
}

// Stage is how far a transaction is on the chain.
type Stage string

const (
	// StageUnknown: too few nodes answered cleanly, or nodes disagree. Nothing may be concluded.
	StageUnknown Stage = "unknown"
	// StageAbsent: it is in no block for the majority of the configured nodes, and in one for none. It may be in a pool, or nowhere.
	StageAbsent Stage = "absent"
	// StageMined: in the same block of the latest chain for the majority of the configured nodes, not yet deep enough for it.
	StageMined Stage = "mined"
	// StageFinal: deeper than the chain's reorg horizon, in the same block, for the majority of the configured nodes.
	StageFinal Stage = "final"
)

// Sighting is what the chain shows of a transaction. From StageMined on the block's fields are set.
type Sighting struct {
	Stage Stage
	// Note says why it is unknown, or which nodes are missing for All.
	Note string
	// All says that every configured node answered cleanly and shows the same: what costs somebody money when it is wrong (a failure, a
	// foreign spend, a cancellation) is concluded only then.
	All         bool
	BlockNumber uint64
	BlockHash   string
	BlockTime   time.Time // the block's own time; zero: no node said it
	Success     bool      // the chain's own verdict
	Paid        bool      // Success, and exactly what the intent says was transferred (ERC-20: exactly one such log)
	Fee         string    // base units of the chain's coin
	// Spent is set with StageAbsent and All: the account's nonce is below the latest count of every node, so something else holds
	// it, or the receipt is late. SpentFinal: it is below the count at the horizon of every node.
	Spent, SpentFinal bool
}
