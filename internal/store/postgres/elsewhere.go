package postgres

import (
	"context"
	"fmt"

	"coffer.internal/internal/store"
)

// SpendElsewhere notes that a used nonce was spent by something else.
func (t *tx) SpendElsewhere(_ context.Context, e store.External) error {
	if e.From != e.To {
		return t.fail(fmt.Errorf("a nonce is spent elsewhere by itself, not %d to %d", e.From, e.To))
	}
	return t.run(append(lockPlace(e.WalletID, e.From),
		exactly(1, "note a nonce as spent elsewhere", queries["nonce_elsewhere"], e.WalletID, e.From),
		step{text: queries["external_add_one"], args: []any{e.WalletID, e.From, e.Evidence, e.Reason, e.At}})...)
}

// WinBack cuts a nonce out of the external ranges.
func (t *tx) WinBack(_ context.Context, walletID int64, nonce uint64) error {
	return t.run(
		step{text: queries["external_beyond"], args: []any{walletID, nonce}},
		step{text: queries["external_begins_at"], args: []any{walletID, nonce}},
		step{text: queries["external_reaches"], args: []any{walletID, nonce}})
}

// LetGo takes the request off a used nonce.
func (t *tx) LetGo(_ context.Context, walletID int64, nonce uint64) error {
	return t.run(append(lockPlace(walletID, nonce),
		exactly(1, "let go of a nonce", queries["nonce_let_go"], walletID, nonce))...)
}

// lockPlace keeps the attempts at a nonce as they are, and lets none come to them. What comes after it sees what whoever held
// these locks before has written.
func lockPlace(walletID int64, nonce uint64) []step {
	place := []any{[]int64{walletID}, []uint64{nonce}}
	return []step{{text: queries["attempts_lock"], args: place}, {text: queries["ask_nonces"], args: place}}
}
