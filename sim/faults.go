package main

// kind is a kind of fault. A run counts how often each struck: not how often it was drawn.
type kind string

// The faults that strike single calls, each with a chance of its own per seed.
const (
	nodeTimeout kind = "node times out before it has heard"
	nodeLost    kind = "node's answer is lost after it has acted"
	nodeSlow    kind = "node answers late"
	node5xx     kind = "node answers with HTTP 503"
	node429     kind = "node answers with HTTP 429"
	nodeNoJSON  kind = "node answers with no JSON"
	nodeHash    kind = "node answers with another hash than was sent"
	nodeBatch   kind = "node leaves items out of its batch"

	storeGone     kind = "database is gone before a transaction"
	storeRollback kind = "database is gone before the commit"
	storeUnknown  kind = "commit is lost, and its outcome unknown"
	storeAnswer   kind = "commit stands, and its outcome is unknown"
	storeRead     kind = "database cannot be read"

	signerBefore kind = "signer dies before it journals"
	signerAfter  kind = "signer dies after it has journaled"
	signerPasses kind = "signer refuses for now"

	crashed kind = "daemon crashes between two calls"
	frozen  kind = "daemon is frozen between two calls"

	overtaken kind = "a daemon's other steps act before one has its answer"
)

// The faults that strike the world, each at times drawn by the seed.
const (
	nodeDown      kind = "node is down"
	nodeBehind    kind = "node answers from an older block"
	nodeInvents   kind = "node invents receipts"
	nodeDenies    kind = "node denies receipts"
	nodeFails     kind = "node says that what succeeded failed"
	nodeChain     kind = "node is on another chain"
	poolCleared   kind = "node drops its whole pool"
	poolDropped   kind = "node drops a transaction that it took"
	poolSmall     kind = "pools are small"
	limitReached  kind = "signer's limit is reached"
	gossipLost    kind = "nodes do not hear of each other's transactions"
	baseFee       kind = "base fee rises steeply"
	feeCap        kind = "fees rise above the cap"
	reorg         kind = "reorg"
	reorgForgets  kind = "reorg whose transactions come into no pool"
	foreign       kind = "somebody else uses the key"
	foreignGone   kind = "somebody else's use of the key is undone by a reorg"
	tokenPaused   kind = "token is paused"
	tokenBars     kind = "token bars a recipient after the payment was checked"
	tokenSilent   kind = "token succeeds and moves nothing"
	outOfGas      kind = "wallet is out of gas money"
	clockBack     kind = "clock jumps back"
	clockAhead    kind = "clock jumps a year ahead"
	blocksStop    kind = "no blocks are made"
	submitAgain   kind = "customer submits again"
	submitDiffers kind = "customer submits other content under the same id"
)

// callFaults are those of single calls, worldFaults the others, in the order in which they are drawn and shown.
var (
	callFaults = []kind{
		nodeTimeout, nodeLost, nodeSlow, node5xx, node429, nodeNoJSON, nodeHash, nodeBatch,
		storeGone, storeRollback, storeUnknown, storeAnswer, storeRead, signerBefore, signerAfter, signerPasses, crashed, frozen, overtaken,
	}
	worldFaults = []kind{
		nodeDown, nodeBehind, nodeInvents, nodeDenies, nodeFails, nodeChain, poolCleared, poolDropped, poolSmall, gossipLost, baseFee, feeCap,
		reorg, reorgForgets, foreign, foreignGone, tokenPaused, tokenBars, tokenSilent, outOfGas, clockBack, clockAhead, blocksStop,
		submitAgain, submitDiffers, limitReached,
	}
)
