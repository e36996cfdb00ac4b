package store

import "context"

// Receipt is the number of a signing machine's answer to an attempt, among all that it gave to this ledger, and the signature of its
// identity key over both (signing.Receipt).
type Receipt struct {
	Device    string // fingerprint of the machine's identity key; empty: there is no receipt
	Seq       uint64 // from 1
	Signature []byte
}

// Device is what is known of a signing machine's receipts. Of a machine that was never asked, all numbers are 0.
type Device struct {
	Device string
	// Verified is the mark: each entry of the machine's journal for this ledger up to it has its attempt here.
	Verified uint64
	// Held is the highest number of a receipt that is kept here; not below Verified.
	Held uint64
}

// AttemptReceipt is a receipt to be kept with an attempt that has its answer.
type AttemptReceipt struct {
	ID int64
	Receipt
}

// Rebind is a wallet whose key another signing machine holds from now on, at the same path.
type Rebind struct {
	WalletID int64
	From, To string // devices
}

// ReceiptReader is the part of Reader that is about receipts.
type ReceiptReader interface {
	// Device reads what is known of a signing machine's receipts.
	Device(ctx context.Context, device string) (Device, error)
	// ReceiptsAbove counts the receipts of a machine that are kept here and have a higher number.
	ReceiptsAbove(ctx context.Context, device string, seq uint64) (int, error)
}

// ReceiptWriter is the part of Tx that is about receipts. A receipt whose number another attempt has is ErrExists: the machine gave a
// number twice.
type ReceiptWriter interface {
	// RaiseVerified raises the mark of a machine. A lower one changes nothing.
	RaiseVerified(ctx context.Context, device string, seq uint64) error
	// KeepReceipts keeps the receipts of attempts that have none. ErrStale if one has one, or waits for its answer.
	KeepReceipts(ctx context.Context, rs []AttemptReceipt) error
	// OpenNonces raises a wallet's cursor. The nonces passed over are free. Nothing happens if the cursor is there or above.
	OpenNonces(ctx context.Context, walletID int64, cursor uint64) error
	// RebindWallets moves wallets from one signing machine to another; updated_at moves. ErrStale if one is not at its From.
	RebindWallets(ctx context.Context, rs []Rebind) error
}
