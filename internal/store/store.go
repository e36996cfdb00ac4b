// Package store says what a database must offer to coffer; its folders sqlite and postgres offer it, and storetest holds
// both to it.
//
// There are two calls, View and Update, each one transaction. Inside, the methods are intentions (reserve these, move this
// attempt from asked to signed), not rows to edit. What they decide with is plain facts: integers, text, bytes, UTC times.
//
// Words: a wallet is a row of internal_wallets; its cursor is the next nonce to hand out. A nonce row says who has a nonce;
// its fence rises each time the nonce is given again. An attempt is one intent at a nonce and what became of it. States
// move by compare-and-set: whoever comes second is told so, and nothing is overwritten.
package store

import (
	"context"
	"errors"
	"time"
)

// DB is a ledger's database. All methods may be called from many goroutines.
type DB interface {
	// View runs fn in one read-only transaction with one consistent snapshot of the primary (never a replica: F04).
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn in one read-write transaction and commits if fn returns nil. When it returns nil, what fn wrote is on
	// disk. fn runs again after a serialization failure or a deadlock, at most MaxTries times, with jitter between; so fn
	// must not sign, send, or tell anyone. Then ErrConflict is returned. If the outcome of the commit itself is unknown
	// (connection lost while it ran) the error wraps ErrOutcomeUnknown: read back by id before answering anybody.
	// An error of fn rolls back and is returned as it is. If ctx ends before the commit starts, nothing is written.
	Update(ctx context.Context, fn func(Tx) error) error

	// Ledger is the ledger's own id, made with the schema; it never changes, but for Fill, which makes another ledger of an empty one.
	// 32 hex digits.
	Ledger(ctx context.Context) (string, error)

	// Migrations lists every migration this program knows, in order, and whether it is applied. A database that has
	// newer ones than the program knows gives ErrSchemaNewer.
	Migrations(ctx context.Context) ([]Migration, error)
	// Migrate applies what is missing, makes the ledger id if there is none, and returns what it applied.
	Migrate(ctx context.Context) ([]Migration, error)

	// Hold takes the named lock for this process, or fails at once with ErrHeld. It ends with the process, however that
	// ends. (SQLite: a lock on a file beside the database; PostgreSQL: a session's advisory lock.)
	Hold(ctx context.Context, name string) (Hold, error)

	Close() error
}

// Hold is a lock held by this process.
type Hold interface {
	// Lost is closed when the lock is gone though nobody released it (its connection broke).
	Lost() <-chan struct{}
	Release() error
}

// MaxTries is how often Update runs its function before it reports a conflict: once, and 3 times again.
const MaxTries = 4

// What a database adapter makes of its driver's errors. Anything else that it returns is a plain failure.
var (
	// ErrConflict: others were faster, MaxTries times. Nothing was written.
	ErrConflict = errors.New("the database reports a conflict with another writer")
	// ErrOutcomeUnknown: the commit may or may not have happened.
	ErrOutcomeUnknown = errors.New("the database did not say whether the commit happened")
	// ErrUnreachable: no connection, or it broke before the commit was asked for. Nothing was written.
	ErrUnreachable = errors.New("the database is not reachable")
	// ErrExists: a unique value is already there (a wallet, a request id, a digest).
	ErrExists = errors.New("already exists")
	// ErrStale: a compare-and-set found another state, fence or owner than the caller expected. Nothing was written.
	ErrStale = errors.New("changed by somebody else in the meantime")
	// ErrNoSchema: the database has no coffer schema, or an older one than this program needs.
	ErrNoSchema = errors.New("the database schema is missing or older than this program needs")
	// ErrSchemaNewer: the database has migrations that this program does not know.
	ErrSchemaNewer = errors.New("the database schema is newer than this program knows")
	// ErrNotEmpty: the ledger has rows, and only an empty one is filled.
	ErrNotEmpty = errors.New("the ledger is not empty")
	// ErrNoPlace: rows that this database cannot hold, though another one can.
	ErrNoPlace = errors.New("this database has no place for it")
	// ErrHeld: another process holds the lock.
	ErrHeld = errors.New("held by another process")
	// ErrForbidden: the database's own rights do not allow it to whoever is connected.
	ErrForbidden = errors.New("the database does not allow it to this role")
	// ErrRecorded marks a refusal that has its audit row already: nobody is to write another one.
	ErrRecorded = errors.New("refused, and recorded")
	// ErrMode: the database file or its folder is open to other users. The message names path, mode and the one wanted.
	ErrMode = errors.New("file mode too open")
)

// Migration is one step of the schema.
type Migration struct {
	Version int64
	Name    string
	Applied bool
	At      time.Time // when it was applied; zero if it was not
}

// Reader is what can be asked in a transaction.
type Reader interface {
	// Now is the store's clock, UTC, microseconds: clock_timestamp() on PostgreSQL, the injected clock on SQLite. Expiry is
	// judged by it alone.
	Now(ctx context.Context) (time.Time, error)

	// Wallets lists the wallets that match, by id.
	Wallets(ctx context.Context, f WalletFilter) ([]Wallet, error)
	// Loads sums up each of the wallets' nonces and attempts, in the order of the ids.
	Loads(ctx context.Context, walletIDs []int64) ([]Load, error)
	// Gaps are the Gaps of each of the wallets alone, without the rest of its load.
	Gaps(ctx context.Context, walletIDs []int64) (map[int64][]uint64, error)
	// LastUsed is when an attempt of the wallet changed last; zero if there is none. It looks at all of the wallet's attempts, so
	// it is for a person who asks about one wallet, and no part of Loads.
	LastUsed(ctx context.Context, walletID int64) (time.Time, error)
	// Nonces lists the nonce rows that match, by wallet and nonce.
	Nonces(ctx context.Context, f NonceFilter) ([]Nonce, error)
	// Fronts reads what stands between what a chain has spent and the cursor. Each wallet is wanted once; the result is in the
	// order of the wants. limit bounds each list of rows of a wallet.
	Fronts(ctx context.Context, wants []FrontWant, limit int) ([]Front, error)
	// Unaccounted lists the nonces of a wallet of which the ledger does not say what the chain's count of the account says, lowest
	// first, at most limit. A nonce below the count is accounted for by an external range; by an attempt that is neither refused nor
	// superseded; by one that is superseded and was in a block; or by the hash that whoever signed it elsewhere told. A used nonce at
	// the count or above is accounted for by an external range, by what was told, or by an attempt that is neither final nor superseded
	// while none is final.
	Unaccounted(ctx context.Context, walletID int64, count uint64, limit int) ([]Unaccounted, error)
	// Externals lists the ranges of a wallet spent by something that is not coffer's, by From.
	Externals(ctx context.Context, walletID int64) ([]External, error)
	// Requests finds the request ids that exist; the result is in no order.
	Requests(ctx context.Context, ids []string) ([]Request, error)

	// Withdrawals lists what matches, by Seq.
	Withdrawals(ctx context.Context, f WithdrawalFilter) ([]Withdrawal, error)
	// Authorizations reads the tokens that payments came with, by payment id. Who came with none, or is not there, is not in it.
	Authorizations(ctx context.Context, payments []string) (map[string][]string, error)
	// Backlog counts the withdrawals that have not ended, by chain and state.
	Backlog(ctx context.Context) ([]Backlog, error)
	// Attempts lists what matches, by id (which is the order in which they were asked).
	Attempts(ctx context.Context, f AttemptFilter) ([]Attempt, error)
	// Fillable lists the nonces of a chain's wallets that need a gap fill, lowest first per wallet: rows used by attempts
	// that were all refused, and rows free (or with an expired reservation, on wallets with a device) below a nonce that
	// has a signed attempt (signed, sent, mined or final; or superseded: then the nonce was spent). A nonce with an attempt in any
	// other state than refused is never listed, and one in an external range neither.
	Fillable(ctx context.Context, chainType string, chainID int64) ([]Nonce, error)

	// Audit lists audit rows, newest first.
	Audit(ctx context.Context, f AuditFilter) ([]AuditRow, error)

	// Instances lists the long-lived processes, oldest first: also those that ended without a word, until they are dropped.
	Instances(ctx context.Context) ([]Instance, error)
	// Generation is that of all caches: one that was filled under a lower one may hold what is no longer so. From 0.
	Generation(ctx context.Context) (int64, error)

	LeaseReader
	AlarmReader
	WishReader
	EventReader
	ReceiptReader
	RestoreReader
	AuditTreeReader
	TableReader
	OperatorReader
	SettingsReader
}

// Tx is what can be done in an Update. Every method either does all it says or returns an error; after an error the
// transaction can only be given up.
type Tx interface {
	Reader

	// AddWallet inserts a wallet with its cursor and returns it with id and times. ErrExists if (chain_type, chain_id,
	// address) is there.
	AddWallet(ctx context.Context, w Wallet) (Wallet, error)
	// SetActive sets is_active; updated_at moves. ErrStale if the wallet does not exist.
	SetActive(ctx context.Context, walletID int64, active bool) error

	// LockWallets locks the wallets that match until the transaction ends, in id order, and returns them as they are under the
	// lock. (On SQLite the transaction is the lock.)
	LockWallets(ctx context.Context, f WalletFilter) ([]Wallet, error)
	// LockForReserve locks the wallets named and reads under the lock all that deciding over reservations needs. It is one
	// round trip.
	LockForReserve(ctx context.Context, want ReserveWant) (ReserveFacts, error)
	// Reserve writes what was decided under LockForReserve's lock. A constraint it runs into (a request id that came in
	// meanwhile) is a conflict, and Update tries again. With the commit it is one round trip: PostgreSQL's adapter may
	// send it only then.
	Reserve(ctx context.Context, plan ReservePlan) error
	// Release makes a reserved nonce free again: compare-and-set on state reserved and the fence. The row keeps its fence.
	// ErrStale otherwise.
	Release(ctx context.Context, walletID int64, nonce uint64, fence int64) error
	// MarkSentElsewhere makes a reserved nonce of a wallet without device used, on the fence, and keeps the transaction hash
	// given by whoever signed it (Nonce.Hash). ErrStale otherwise.
	MarkSentElsewhere(ctx context.Context, walletID int64, nonce uint64, fence int64, hash string) error
	// MoveCursors sets the cursor of each wallet, which stands in the list once, from one value to another. ErrStale if one
	// is not at its From.
	MoveCursors(ctx context.Context, moves []CursorMove) error
	// AddExternals records ranges as spent by somebody else and drops the free and reserved rows inside them (the request
	// ids they had are returned to nobody: the rows are gone). The caller has checked that no used row is inside one: if one
	// is, ErrStale.
	AddExternals(ctx context.Context, es []External) error
	// TrimExternals cuts every external range of the wallet at nonce: what is at or above it is dropped.
	TrimExternals(ctx context.Context, walletID int64, nonce uint64) error
	// DropNonces deletes the free and reserved rows at or above nonce. ErrStale if a used row is there.
	DropNonces(ctx context.Context, walletID int64, nonce uint64) error

	// AddWithdrawals inserts new withdrawals in state queued with their request rows (kind withdrawal). ErrExists if one
	// of the request ids exists: read before, in the same transaction.
	AddWithdrawals(ctx context.Context, ws []NewWithdrawal) error
	// Authorize puts other authorizations in the place of those that payments came with, and takes Unauthorized away. ErrStale if one
	// of the payments is neither queued nor assigned.
	Authorize(ctx context.Context, as []Authorization) error
	// MoveWithdrawals moves each from one state to another. ErrStale if one is not in its From.
	MoveWithdrawals(ctx context.Context, moves []WithdrawalMove) error

	// Ask writes attempts in state asked. Each one's nonce goes reserved → used by compare-and-set on request, row, fence and
	// unexpired (by the store's clock; never expired when the row has no expiry); for a gap fill (Payment empty) the nonce
	// must be Fillable in the same fence, and the row loses its request and gets the next fence. A further attempt (Again) needs a
	// used row at which at least one attempt is neither refused nor superseded, and each such one is not final and has the same
	// Payment; request, row and fence are not looked at, and the row is left as it is. The result has for each ask, in order, the new
	// attempt's id, or 0 where the compare-and-set failed: that one wrote nothing, the others stand.
	Ask(ctx context.Context, asks []Ask) ([]int64, error)
	// AdoptReservation makes the withdrawal row of a payment made from Go on a reserved nonce (kind reservation), in state
	// assigned. The request row exists. ErrExists if the payment id has one.
	AdoptReservation(ctx context.Context, w Withdrawal, a Authorized) error
	// MoveAttempts moves each attempt from one state to another with what is known of it then. ErrStale if one is not in
	// its From. A move to refused takes the request off the nonce row (the row stays used), so that the same request may be
	// given another nonce; unless another attempt at that nonce is in any other state, because then that one is the request's.
	MoveAttempts(ctx context.Context, moves []AttemptMove) error
	// SpendElsewhere notes that a used nonce was spent, finally, by something that is not coffer's: an external range of that one
	// nonce is added (From and To are equal). The row stays used and keeps its request. ErrStale if the row is not used or an attempt at
	// it is final; nothing happens if the range is there.
	SpendElsewhere(ctx context.Context, e External) error
	// WinBack takes that back: one of our attempts is on the chain after all. The range is cut so that the nonce is outside.
	WinBack(ctx context.Context, walletID int64, nonce uint64) error
	// LetGo takes the request off a used nonce row, so that the request may be given another nonce. ErrStale if the row is not
	// used, or an attempt at it is in another state than refused or superseded.
	LetGo(ctx context.Context, walletID int64, nonce uint64) error

	// Beat writes what a process says of itself, by its id: the first time its row is made. StartedAt and HeartbeatAt are the
	// store's clock's.
	Beat(ctx context.Context, i Instance) error
	// EndInstance takes a process's row away. It is no error if there is none.
	EndInstance(ctx context.Context, id string) error
	// DropInstances takes away the rows of processes whose last Beat is longer ago than that.
	DropInstances(ctx context.Context, silent time.Duration) error
	// RaiseGeneration raises the generation by one and returns it. Whoever listens for TopicCache hears of it with the commit.
	// It is the last lock that a transaction takes.
	RaiseGeneration(ctx context.Context) (int64, error)

	LeaseWriter
	AlarmWriter
	WishWriter
	ReceiptWriter
	RestoreWriter
	AuditTreeWriter
	TableWriter
	OperatorWriter
	SettingsWriter

	// Record appends audit rows. It is the only write that a refused operation makes.
	Record(ctx context.Context, rows []AuditRow) error
}
