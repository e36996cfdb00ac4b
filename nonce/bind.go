package nonce

import (
	"math/big"

	"coffer.internal/wallet"
)

// Binding is a payment that wants a wallet and a nonce.
type Binding struct {
	Payment  string // payment id
	Request  string // request id, which exists already
	Row      int
	Contract string           // of the token; empty: the chain's own coin
	Amount   *big.Int         // base units of the asset
	MaxFee   *big.Int         // base units of the chain's own coin
	Except   map[int64]string // wallets, by id, that may not take it now, and why
}

// BindCall binds payments of one chain, in order, to wallets that have room and funds for them.
type BindCall struct {
	ChainType  string
	ChainID    int64
	MaxUnmined int             // room per wallet: nonces reserved for withdrawals or asked, and not yet in a block
	Purses     map[int64]Purse // by wallet id; a wallet without one is not offered
	Payments   []Binding
}

// Bound is what became of one payment of a BindCall.
type Bound struct {
	Payment string
	Wallet  wallet.Wallet
	Row     Row
	Err     error // nothing was bound: fault.Unavailable with each wallet's reason, or fault.Refused
}
