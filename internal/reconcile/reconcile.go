// Package reconcile compares what was asked for, what the ledger says became of it, and what the chain shows: requests, attempts,
// transactions, fees and nonces. Its aim is nothing unexplained.
//
// Words: a difference is one thing that is not as it must be, with a code of a closed list, what was expected, what is there, and what to do;
// what could not be looked at, because a node did not answer or a chain has none, is unchecked, and never counts as clean. A line is one
// transaction of coffer's on a chain, for whoever keeps the books.
//
// Comparing is pure: rows and sightings in, differences out (payment.go, attempt.go, nonces.go). Run reads the rows and asks the chains, in
// pages, so that its memory does not grow with the ledger. Balances are not compared: what comes in is not coffer's business.
package reconcile

import (
	"cmp"
	"math/big"
	"strings"
	"time"

	"coffer.internal/internal/store"
)

// Code is the kind of a difference. The list is closed, and only ever added to; docs/reconcile.md shows it, and a test holds the two
// together.
type Code string

// About a payment, between rows of the ledger alone.
const (
	RequestDiffers Code = "request_differs" // the withdrawal pays something else than its request asks for
	IntentDiffers  Code = "intent_differs"  // an attempt's intent is not of this payment, wallet and nonce, or not what its digest says
	BytesDiffer    Code = "bytes_differ"    // the signed bytes are not the intent's, or the hash is not theirs
	AttemptMissing Code = "attempt_missing" // it ended on the chain, and no attempt is final
	PaidTwice      Code = "paid_twice"      // more than one attempt of it is final
	AttemptOpen    Code = "attempt_open"    // it ended, and an attempt of it is still under way
	PaymentUnknown Code = "payment_unknown" // an attempt for a payment that no withdrawal is
)

// Between the ledger and the chain.
const (
	NotOnChain        Code = "not_on_chain"        // final here, and in no block
	BlockDiffers      Code = "block_differs"       // in another block than is noted
	OutcomeDiffers    Code = "outcome_differs"     // the chain's verdict is not what the payment ended with
	FeeDiffers        Code = "fee_differs"         // the fee is not what is noted
	OnChainUnexpected Code = "on_chain_unexpected" // on the chain, though the ledger says refused or superseded
	NotEnded          Code = "not_ended"           // final on the chain, and the ledger has not ended it
	UnexplainedSpend  Code = "unexplained_spend"   // the chain spent a nonce, and the ledger knows no transaction that did
	SpentOnlyHere     Code = "spent_only_here"     // the ledger says that a nonce is spent, and the chain does not
	UsedForNothing    Code = "used_for_nothing"    // a nonce is used, and no attempt is under way at it
)

// todo is what is to be done about each: {payment}, {address} and {id} (chain id) stand for the difference's own.
var todo = map[Code]string{
	RequestDiffers:    "a row was changed past coffer: coffer audit list --subject {payment} says what was asked for; coffer audit verify, then find out who writes the database",
	IntentDiffers:     "a row was changed past coffer: compare coffer tx show {payment} with the signing machine's journal; coffer audit verify",
	BytesDiffer:       "compare coffer tx show {payment} with the signing machine's journal; if the machine answered so: coffer signer freeze --reason TEXT",
	AttemptMissing:    "coffer tx show {payment} and coffer audit list --subject {payment}: an attempt was taken out, or its state changed, past coffer",
	PaidTwice:         "coffer signer freeze --reason TEXT; then coffer tx show {payment}: this must never be",
	AttemptOpen:       "coffer tx show {payment}; coffer run follows it as long as it is open",
	PaymentUnknown:    "coffer audit list --subject {payment}: a withdrawal was taken out past coffer, or the database is older than the signing machine (coffer recover --dry-run)",
	NotOnChain:        "look for the hash on a node of somebody else's: a node that keeps no old receipts says the same; else the chain went back further than the configured finality, or a row was changed",
	BlockDiffers:      "look for the hash on a node of somebody else's: the chain went back further than the configured finality, or a row was changed; raise confirmations of the chain",
	OutcomeDiffers:    "look at the transaction on a node of somebody else's; then settle with the customer of {payment} by what the chain says",
	FeeDiffers:        "book the chain's figure; coffer audit list --subject {payment} shows when the other was noted",
	OnChainUnexpected: "the customer of {payment} may have been paid: look at the transaction on a node of somebody else's before anything is paid or refunded",
	NotEnded:          "see that coffer run runs and has no alarm: coffer alarms, coffer explain {payment}",
	UnexplainedSpend:  "find out who else has the key of {address}: coffer health {address} {id}; what was spent rightly is noted with coffer sync {address} {id} --from-chain, or coffer nonce sent {address} {id} NONCE HASH",
	SpentOnlyHere:     "see that the nodes are on the right chain and up to date: coffer health {address} {id}",
	UsedForNothing:    "coffer nonce list {address} {id}: attempts were taken out, or the row changed, past coffer",
}

// Codes are all codes.
func Codes() []Code {
	all := make([]Code, 0, len(todo))
	for c := range todo {
		all = append(all, c)
	}
	return all
}

// Difference is one thing that is not as it must be.
type Difference struct {
	Code      Code
	ChainType string
	ChainID   int64
	Payment   string  // payment id; empty: about none
	Address   string  // of the wallet; empty: about none
	Nonce     *uint64 // nil: about none
	To        *uint64 // the last of a range of nonces; nil: it is one
	Attempt   int64   // id; 0: about none
	Hash      string  // of the transaction; empty: about none
	Expected  string
	Found     string
	ToDo      string
}

// Unchecked is what could not be looked at for one reason.
type Unchecked struct {
	ChainType string
	ChainID   int64
	Count     int    // of payments, transactions and wallets
	First     string // the first of them
	Why       string
}

// Report is what a reconciliation came to.
type Report struct {
	Since, Until time.Time // payments that ended, and fills that became final, at or after the one and before the other; zero Since: all
	Ended        int       // payments that ended in it
	Open         int       // payments that have not ended, whenever they came
	Transactions int       // that were found on a chain as they are noted here
	Wallets      int       // whose nonces were compared with their chain's count

	Differences []Difference // at most MostDifferences
	More        int          // differences beyond these
	Unchecked   []Unchecked
	Paid        []Paid
	Fees        []Fee
	NoNodes     []Place // chains that have wallets, and no nodes in the configuration
}

// MostDifferences is how many differences a report names; the others are counted.
const MostDifferences = 1000

// Clean says that all was looked at, and nothing is unexplained.
func (r Report) Clean() bool { return len(r.Differences) == 0 && len(r.Unchecked) == 0 }

// Place is a chain.
type Place struct {
	ChainType string
	ChainID   int64
}

// Compare orders places.
func (p Place) Compare(o Place) int {
	return cmp.Or(cmp.Compare(p.ChainType, o.ChainType), cmp.Compare(p.ChainID, o.ChainID))
}

// Paid is what a wallet paid of an asset, as the chain shows it.
type Paid struct {
	Place
	Address  string
	Contract string // empty: the chain's own coin
	Payments int
	Amount   *big.Int // base units
}

// Fee is what a wallet's transactions cost, as the chain shows it: payments that failed, fills and cancellations too.
type Fee struct {
	Place
	Address      string
	Transactions int
	Amount       *big.Int // base units of the chain's own coin
}

// Line is one transaction of coffer's that is final.
type Line struct {
	Time     time.Time // of its block; when it was first seen there, if no node says that
	Place    Place
	Purpose  string // payment, sweep, cancel, gap_fill
	Payment  string // payment id; empty: a gap fill
	Outcome  string // of the payment; empty: it has none, or is not known
	Contract string // of the asset; empty: the chain's own coin
	Amount   string // base units that it is to move; of a payment that failed, nothing moved
	Fee      string // base units of the chain's own coin
	From, To string
	Nonce    uint64
	Hash     string
	Block    uint64
	Checked  string // yes, no (it could not be looked at), differs
}

// What Line.Checked says.
const (
	CheckedYes     = "yes"
	CheckedNo      = "no"
	CheckedDiffers = "differs"
)

// about makes a difference of an attempt, or of its payment's row where it is zero.
func about(code Code, row store.Withdrawal, a store.Attempt, expected, found string) Difference {
	d := Difference{
		Code: code, ChainType: row.ChainType, ChainID: row.ChainID, Payment: row.Payment, Address: row.Address, Nonce: row.Nonce, Hash: row.Hash,
		Expected: expected, Found: found,
	}
	if a.ID != 0 {
		nonce := a.Nonce
		d.ChainType, d.ChainID, d.Payment, d.Address, d.Nonce = a.ChainType, a.ChainID, a.Payment, a.Address, &nonce
		d.Attempt, d.Hash = a.ID, a.Hash
	}
	d.ToDo = d.advice()
	return d
}

func (d Difference) advice() string {
	return strings.NewReplacer("{payment}", orNone(d.Payment, "REQUEST"), "{address}", orNone(d.Address, "ADDRESS"), "{id}", number(d.ChainID)).Replace(todo[d.Code])
}

func orNone(s, none string) string {
	if s == "" {
		return none
	}
	return s
}
