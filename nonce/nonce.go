// Package nonce hands out transaction nonces: each exactly once, none skipped, lowest first.
//
// Words: a reservation is a nonce given to a request; its fence rises each time that nonce is given again, so that whoever
// slept through an expiry is told apart from whoever has it now. A request id always gets the same answer. A nonce is free
// (given back unsigned), reserved, or used (asked of the signing machine, or told to be sent elsewhere); external nonces
// were spent by something that is not coffer's.
//
// The promise: nothing is answered that is not committed. All reserving of a process goes through one place: callers that
// arrive while a commit runs are decided together under the wallets' locks (read), by a function without I/O (decide), and
// written in one transaction (write).
package nonce

import (
	"strconv"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/wallet"
)

// MaxCount is the most nonces that one request may reserve.
const MaxCount = 10_000

// MaxCursor is the highest cursor: 2^53, up to which every JSON reader keeps integers exact. So the highest nonce that is
// ever handed out is one below.
const MaxCursor uint64 = 1 << 53

// Call asks for nonces of a wallet. Count 0 means 1.
type Call struct {
	Address string
	ChainID int64
	Request string // request id
	Count   int
}

// BestCall asks for nonces of the wallet that the chain's strategy chooses. Count 0 means 1.
type BestCall struct {
	ChainType string
	ChainID   int64
	Request   string // request id
	Count     int
}

// Reservation is the answer to a request id. The same id with the same content always gets the same one, as long as its
// rows are unexpired or nobody took them.
type Reservation struct {
	Request string
	Wallet  wallet.Wallet // its Nonce is the cursor after this reservation
	Rows    []Row
	Again   bool // every row was there already, and none was given again
}

// Row is one nonce of a reservation.
type Row struct {
	Row       int
	Payment   string // payment id: the request id, with "#" and the row in a reservation of several
	Nonce     uint64
	Fence     int64
	ExpiresAt time.Time // zero: never
}

// PaymentID is the payment id of a row of a request: the request id alone if it has one row.
func PaymentID(request string, row, count int) string {
	if count <= 1 {
		return request
	}
	return request + "#" + strconv.Itoa(row)
}

// Listing is everything the ledger has about a wallet's nonces.
type Listing struct {
	Wallet    wallet.Wallet
	Nonces    []store.Nonce
	Externals []store.External
}

// Info is a wallet and what its nonces add up to.
type Info struct {
	Wallet    wallet.Wallet
	Load      store.Load
	LastUsed  time.Time // when an attempt of it changed last; zero: never
	Externals []store.External

	row store.Wallet
}

// SyncCall sets a wallet's cursor to the next nonce to hand out: what eth_getTransactionCount "latest" returns.
type SyncCall struct {
	Address string
	ChainID int64
	To      uint64
	// FromChain: To is the latest count that all nodes agree on, and only a floor. The cursor never goes down, and To below
	// it is no mistake. For EVM alone; never with Force.
	FromChain bool
	Force     bool
	Reason    string  // required with Force
	Latest    *uint64 // what all nodes agree on; nil: no node was asked, or they do not agree
	// Doubt is why nothing can be concluded from what the nodes say, if they were asked; the call is refused for it.
	Doubt error
}

// SyncReport says what Sync did.
type SyncReport struct {
	Wallet        wallet.Wallet
	Before, After uint64
	External      *store.External  // the highest range written; nil if none
	Externals     []store.External // all of them, lowest first: used nonces are never inside one
	Dropped       []store.Nonce    // reservations that ended, with the request ids that had them
	Load          store.Load       // afterwards
	Same          bool             // nothing had to change
}

// BatchVerdict is what a row of a batch comes to.
type BatchVerdict string

const (
	BatchChange  BatchVerdict = "change"  // the wallet changes, or would
	BatchSame    BatchVerdict = "same"    // nothing has to change
	BatchRefused BatchVerdict = "refused" // Err says why; then no row of the batch is applied
)

// BatchRow is one row of SyncBatch.
type BatchRow struct {
	Call    SyncCall
	Verdict BatchVerdict
	Err     error // why it is refused: a fault with its hint

	Wallet        wallet.Wallet // zero if there is none; with the cursor that it has now
	Before, After uint64        // the cursor; equal in a refused row
	Externals     []store.External
	Dropped       []store.Nonce // reservations that end, with the request ids that had them
}

// BatchReport says what SyncBatch did, or would do.
type BatchReport struct {
	Rows                  []BatchRow // one for each call, in their order
	Change, Same, Refused int        // rows by verdict
	Applied               bool       // the changes are committed
}
