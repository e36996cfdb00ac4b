package store

import (
	"context"
	"time"
)

// Wish is what an operator wants done with a payment under way. Whoever holds the wallet's lease carries it out.
type Wish struct {
	ID      int64
	Payment string
	Kind    string // bump, cancel
	Actor   string
	Reason  string
	At      time.Time
	EndedAt time.Time // zero: open
	Result  string    // what became of it
}

// The kinds of a wish.
const (
	WishBump   = "bump"
	WishCancel = "cancel"
)

// WishFilter selects wishes; a zero field selects all.
type WishFilter struct {
	Open      bool
	Payments  []string
	ChainType string // of the payment
	ChainID   *int64
}

// WishReader is the part of Reader that is about wishes.
type WishReader interface {
	// Wishes lists wishes, by id.
	Wishes(ctx context.Context, f WishFilter) ([]Wish, error)
}

// WishWriter is the part of Tx that is about wishes.
type WishWriter interface {
	// AddWish writes a wish and returns it. If an open one of that kind stands for the payment, that one is returned.
	AddWish(ctx context.Context, w Wish) (Wish, error)
	// EndWishes ends wishes with a result. ErrStale if one is not open.
	EndWishes(ctx context.Context, ids []int64, result string) error
}
