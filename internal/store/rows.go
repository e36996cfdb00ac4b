package store

import "time"

// Wallet is a row of internal_wallets. Device and Path are empty (NULL) for a wallet whose key is elsewhere.
type Wallet struct {
	ID         int64
	Address    string // canonical
	Device     string
	Path       string
	ChainType  string // evm, btc, solana
	ChainID    int64
	WalletType string // hot, multisig, cold, vault
	Nonce      uint64 // the cursor: the next nonce to hand out
	Active     bool
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// WalletFilter selects wallets; a zero field selects all.
type WalletFilter struct {
	IDs        []int64
	Address    string
	Addresses  []string
	ChainType  string
	ChainID    *int64
	WalletType string
	Active     *bool
}

// The states of a nonce row. A nonce without a row, at or above the cursor, has not been handed out; below it, it lies in an
// External range.
const (
	NonceFree     = "free"
	NonceReserved = "reserved"
	NonceUsed     = "used"
)

// Nonce is who has a nonce.
type Nonce struct {
	WalletID  int64
	Nonce     uint64
	State     string
	Request   string    // request id; empty when free, and when used only by refused attempts or a gap fill
	Row       int       // which row of a reservation of several, from 0
	Fence     int64     // rises each time the nonce is given again; from 1
	ExpiresAt time.Time // of a reservation; zero: never (the key is elsewhere)
	Hash      string    // transaction hash told by `nonce sent`, else empty
	UpdatedAt time.Time
}

// NonceFilter selects nonce rows; a zero field selects all.
type NonceFilter struct {
	WalletID  int64
	WalletIDs []int64
	Requests  []string
	States    []string
	From      uint64 // lowest nonce
	Highest   bool   // by wallet and nonce descending
	Limit     int    // 0: no limit
}

// External is a range of nonces, both ends included, that something not coffer's has spent.
type External struct {
	WalletID int64
	From, To uint64
	Evidence string // operator, chain
	Reason   string
	At       time.Time
}

// Load sums up a wallet. It is what `info`, health and the choice of a wallet are made of.
type Load struct {
	WalletID int64
	// What moves in the wallet's own row: who knows the rest of it need not read it again.
	Cursor    uint64
	Active    bool
	UpdatedAt time.Time

	Free     int // rows free, or with an expired reservation on a wallet with a device
	Reserved int // reservations that stand
	// ReservedForWithdrawals is how many of those belong to withdrawals: the engine will ask for them, so they take room.
	ReservedForWithdrawals int
	Unmined                int      // nonces with an attempt asked, signed or sent, none mined or final, and in no external range
	InFlight               int      // nonces with an attempt asked, signed, sent or mined
	Brake                  string   // why it gets no new payment: the Why of its, or its chain's, first open alarm that is a brake; empty: none
	Gaps                   []uint64 // nonces below a signed one that have no signed attempt and are not external, lowest first, at most 100; superseded counts as signed
	LowestUnmined          *uint64  // the lowest of those that Unmined counts
}

// Unaccounted is a range of nonces, both ends included, of which the ledger and the chain's count do not say the same.
type Unaccounted struct {
	WalletID int64
	From, To uint64
	State    string // of the nonce row; empty: there is none
	Request  string // who has the row
	// Spent: the chain has spent it, and the ledger knows no transaction that may have done so. Else the chain has not, and the ledger
	// says that a transaction of ours did (Final), or that it is used without one under way.
	Spent, Final bool
}

// FrontWant asks for a wallet's nonces from one on: the first that the chain has not spent.
type FrontWant struct {
	WalletID int64
	From     uint64
}

// Front is a wallet's nonces from FrontWant.From on, and what is left open below it.
type Front struct {
	WalletID  int64
	Slots     []Slot     // the rows at and above From, lowest first
	Below     []Nonce    // the free rows, then the reserved ones, below From, each lowest first
	Externals []External // the ranges that reach From or above, by From
	Top       *uint64    // the highest nonce of all that has a signed attempt; nil: none
}

// Slot is a nonce row and how far its attempts are.
type Slot struct {
	Nonce
	Asked  bool // an attempt waits for the signing machine's answer
	Signed bool // an attempt is signed, sent, mined, final or superseded, or the nonce was sent elsewhere
	Final  bool // an attempt is final
}

// The kinds of a request id.
const (
	KindReservation = "reservation"
	KindWithdrawal  = "withdrawal"
)

// Request is a request id: one namespace per ledger.
type Request struct {
	ID        string
	Kind      string
	Content   string // what was asked for, canonical, readable; compared as a whole, shown in a refusal
	WalletID  int64  // the wallet a reservation is bound to; 0 for a withdrawal
	Count     int    // rows of a reservation; 1 for a withdrawal
	CreatedAt time.Time
}

// ReserveWant says what LockForReserve has to lock and read.
type ReserveWant struct {
	WalletIDs []int64  // wallets named by callers
	Pools     []Pool   // every active hot wallet with a device of these chains
	Requests  []string // request ids of the callers
	FreeLimit int      // how many free nonces per wallet are wanted at most
}

// Pool is the hot wallets of a chain.
type Pool struct {
	ChainType string
	ChainID   int64
}

// ReserveFacts is the state under the lock.
type ReserveFacts struct {
	Now      time.Time
	Restored RestoreMark
	Wallets  []Wallet  // locked, by id: those wanted, those of the pools, and those that Held rows belong to
	Loads    []Load    // of the same wallets, in the same order; only ReservedForWithdrawals, Unmined, InFlight, Reserved and Brake are filled
	Requests []Request // those of ReserveWant.Requests that exist
	Held     []Nonce   // rows that belong to those requests, whatever their state
	Free     []Nonce   // the lowest FreeLimit nonces per wallet that can be given: free, or reserved and expired on a wallet with a device; lowest first
}

// ReservePlan is what was decided. All of it is written, or nothing.
type ReservePlan struct {
	Requests []Request    // new request ids
	Insert   []Nonce      // new rows, at the cursor and above
	Take     []Nonce      // existing rows given (again): new request, row, fence, expiry; state reserved
	Cursors  []CursorMove // one per wallet whose cursor moved
	Assign   []string     // payment ids of withdrawals that go queued → assigned; one already assigned stays so
	Audit    []AuditRow
}

// CursorMove moves a wallet's cursor.
type CursorMove struct {
	WalletID int64
	From, To uint64
}

// The states of a withdrawal.
const (
	WithdrawalQueued      = "queued"
	WithdrawalAssigned    = "assigned"
	WithdrawalNeedsReview = "needs_review"
	WithdrawalHeld        = "held"
	WithdrawalEnded       = "ended"
)

// The outcomes of an ended withdrawal.
const (
	OutcomePaid      = "paid"
	OutcomeFailed    = "failed"
	OutcomeRefused   = "refused"
	OutcomeCancelled = "cancelled"
)

// Withdrawal is a payment on its way: one request, or one row of a reservation that a Go program pays with.
type Withdrawal struct {
	Seq       int64  // the order in which they were accepted; never reused
	Payment   string // payment id: the request id, "#row" after it in a reservation of several
	Request   string
	Row       int
	ChainType string
	ChainID   int64
	To        string // canonical address
	Asset     string // symbol in the configuration; empty: the chain's own coin
	Contract  string // the asset's contract at acceptance; empty for the chain's own coin
	Amount    string // decimal integer of base units
	State     string
	Outcome   string // of an ended one
	Reason    string // why it waits, or why it ended so; empty if there is nothing to say
	CreatedAt time.Time
	UpdatedAt time.Time
	EndedAt   time.Time

	AuthorizedUntil time.Time // when the first of its authorizations expires; zero: it came with none
	AuthorizedFee   string    // the lowest cap of theirs on the fee of its transaction, base units; empty: it came with none
	Unauthorized    string    // why it needs other ones; empty: nothing is known against those it has

	// Read only, from the nonce row that its request holds, and from the attempt for the payment that says most of it, whatever its
	// purpose: one mined or final, else the newest that is neither refused nor superseded, else the newest.
	WalletID int64   // 0: none
	Address  string  // of that wallet
	Nonce    *uint64 // nil: none
	Fence    int64
	Expired  bool   // the nonce is only reserved and its reservation ran out
	Attempt  string // state of that attempt; empty if none
	Hash     string // its hash
}

// NewWithdrawal is a withdrawal to be accepted with its request row's content.
type NewWithdrawal struct {
	Payment   string // the request id
	Content   string
	ChainType string
	ChainID   int64
	To        string
	Asset     string
	Contract  string
	Amount    string
	Authorized
}

// Authorized is what a payment came with: tokens that somebody signed. Only the signing machine judges them.
type Authorized struct {
	Tokens []string  // none holds a blank
	Until  time.Time // when the first of them expires; zero: there is none
	MaxFee string    // the lowest of their caps on the fee, base units; empty: there is none
}

// Authorization is what is to stand with a payment in place of what it came with.
type Authorization struct {
	Payment string
	Authorized
}

// WithdrawalFilter selects withdrawals; a zero field selects all.
type WithdrawalFilter struct {
	Payments  []string
	States    []string
	Outcomes  []string
	ChainType string
	ChainID   *int64
	// Unasked selects those that have no attempt in a state other than refused and superseded: queued ones, and assigned ones before asked.
	Unasked bool
	// Authorized leaves out those that need other authorizations: Unauthorized is set, or AuthorizedUntil is past by the store's clock.
	Authorized bool
	// Lapsed selects those whose AuthorizedUntil is past by the store's clock and whose Unauthorized does not say so yet.
	Lapsed bool
	// EndedFrom and EndedUntil select those that ended at or after the one, and before the other.
	EndedFrom, EndedUntil time.Time
	AfterSeq              int64
	Limit                 int
	Newest                bool // by Seq descending
}

// Backlog is how many withdrawals of a chain stand in a state, and when the oldest of them was accepted.
type Backlog struct {
	ChainType string
	ChainID   int64
	State     string
	Count     int
	Oldest    time.Time
}

// WithdrawalMove is a compare-and-set on a withdrawal's state. Reason is stored as given, Outcome only with ended.
type WithdrawalMove struct {
	Payment  string
	From, To string
	Outcome  string
	Reason   string
	// Unauthorized is stored if it is not empty and the payment still has exactly the authorizations Against. Only Authorize takes it away.
	Unauthorized string
	Against      []string
}

// The states of an attempt.
const (
	AttemptAsked      = "asked"
	AttemptSigned     = "signed"
	AttemptSent       = "sent"
	AttemptMined      = "mined"
	AttemptFinal      = "final"
	AttemptRefused    = "refused"
	AttemptSuperseded = "superseded"
)

// Ask is an attempt to be written before the signing machine hears of it.
type Ask struct {
	WalletID int64
	Nonce    uint64
	Fence    int64
	Payment  string // payment id; empty for a gap fill
	Request  string // request id and row that the nonce is reserved for; empty for a gap fill
	Row      int
	Purpose  string
	Digest   string // hex
	Intent   []byte // canonical encoding
	Again    bool   // a further attempt at a nonce that was asked for: a fee replacement, or a cancellation
}

// Attempt is one intent at a nonce and what became of it.
type Attempt struct {
	ID        int64
	WalletID  int64
	Address   string // of that wallet
	ChainType string
	ChainID   int64
	Nonce     uint64
	Payment   string // empty for a gap fill
	Purpose   string
	Digest    string
	Intent    []byte
	State     string
	Raw       []byte // signed bytes
	Hash      string // transaction hash
	Note      string // what the node or the signing machine last said about it
	Refusal   string // kind of the refusal: permanent, passing, conflict
	Receipt   Receipt

	BlockNumber uint64 // where it was mined; 0 before
	BlockHash   string
	Success     bool   // the chain's own verdict, once mined
	Fee         string // base units of the chain's coin, once mined

	AskedAt, SignedAt, SentAt, MinedAt, FinalAt, UpdatedAt time.Time
}

// AttemptFilter selects attempts; a zero field selects all.
type AttemptFilter struct {
	IDs       []int64
	States    []string
	ChainType string
	ChainID   *int64
	WalletID  int64
	WalletIDs []int64
	Nonce     *uint64
	Payments  []string
	Digests   []string
	FromNonce uint64 // the lowest nonce that is wanted
	Device    string // of wallets whose key that signing machine holds now
	AfterID   int64
	// FinalFrom and FinalUntil select those that became final at or after the one, and before the other.
	FinalFrom, FinalUntil time.Time
	// Orphan selects those whose payment id no withdrawal has: gap fills, and what nobody asked for.
	Orphan bool
	// Beaten selects those at whose nonce another one is final.
	Beaten bool
	// By is the order: "" by id, "nonce" by wallet and nonce (lowest first, as bytes must be sent).
	By    string
	Limit int
	// Bare reads only ID, WalletID, Nonce, State, Note, SignedAt, SentAt and UpdatedAt: what a decision about many needs.
	Bare bool
}

// AttemptMove is a compare-and-set on an attempt's state. The fields that belong to the new state are stored: Raw and Hash
// with signed, Refusal and Note with refused, the Receipt with both, the block's with mined and final. From and To may be equal, to store a Note or
// the time of a re-send (SentAt moves then). A move back to sent (reorg) clears the block's.
type AttemptMove struct {
	ID          int64
	From, To    string
	Raw         []byte
	Hash        string
	Note        string
	Refusal     string
	Receipt     Receipt
	BlockNumber uint64
	BlockHash   string
	Success     bool
	Fee         string
}

// AuditRow is the record of one operation. Before and After are readable, short, and hold no secret.
type AuditRow struct {
	ID      int64
	At      time.Time // set by the store
	Actor   string    // who: user@host, and the process
	Action  string    // dotted: wallet.create, nonce.reserve, …
	Subject string    // what it was done to: a wallet, a request id
	Before  string
	After   string
	Result  string // done, refused
	Reason  string
	Signed  string // what operators signed to have it done, and their signatures (JSON, see package operators); empty: nobody signed
}

// The results of an audit row.
const (
	ResultDone    = "done"
	ResultRefused = "refused"
)

// AuditFilter selects audit rows; a zero field selects all.
type AuditFilter struct {
	Action   string // this one, or with a trailing dot all that begin so
	Actor    string // all that begin so
	Subject  string
	Result   string
	Since    time.Time // at or after
	Until    time.Time // before
	BeforeID int64
	AfterID  int64
	// OldestFirst turns the order, which is newest first.
	OldestFirst bool
	Limit       int
}
