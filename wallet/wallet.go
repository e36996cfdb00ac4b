// Package wallet holds the wallets of the exchange: what an address is on each type of chain, and the registry of those
// that coffer manages.
//
// Words: a wallet is a row of internal_wallets, one per address and chain; its chain type says whose rules its address
// follows; its type (hot, multisig, cold, vault) says what it is for; device and path say which signing machine holds its
// key and where, and are empty when the key is elsewhere.
//
// An address is stored in one canonical form only (EIP-55; bech32 in lower case; base58 as it is), and is looked up by that
// form, so two spellings can never become two wallets.
package wallet

import (
	"fmt"
	"math"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// ChainType is a family of chains with the same addresses and transactions.
type ChainType string

// The chain types.
const (
	EVM    ChainType = "evm"
	BTC    ChainType = "btc"
	Solana ChainType = "solana"
)

// Type is what a wallet is for.
type Type string

// The wallet types. Payments are made from hot ones only.
const (
	Hot      Type = "hot"
	Multisig Type = "multisig"
	Cold     Type = "cold"
	Vault    Type = "vault"
)

// ParseChainType reads a chain type as it is written everywhere: evm, btc or solana. Anything else is a fault.Usage.
func ParseChainType(s string) (ChainType, error) {
	switch ct := ChainType(s); ct {
	case EVM, BTC, Solana:
		return ct, nil
	}
	return "", fault.New(fault.Usage, "unknown_chain_type", "use one of evm, btc, solana", "unknown chain type %s", shown(s))
}

// ParseType reads a wallet type: hot, multisig, cold or vault. Anything else is a fault.Usage.
func ParseType(s string) (Type, error) {
	switch t := Type(s); t {
	case Hot, Multisig, Cold, Vault:
		return t, nil
	}
	return "", fault.New(fault.Usage, "unknown_wallet_type", "use one of hot, multisig, cold, vault", "unknown wallet type %s", shown(s))
}

// CheckChainID says whether a chain type can have a chain id: EVM the ids of EIP-155 from 1, Bitcoin 0 mainnet, 1 testnet, 2
// signet, 3 regtest, Solana 101 mainnet, 102 testnet, 103 devnet, 104 local. If not it is a fault.Usage.
func CheckChainID(ct ChainType, chainID int64) error {
	var low, high int64
	var hint string
	switch ct {
	case EVM:
		low, high, hint = 1, math.MaxInt64, "an evm chain id is the number of EIP-155, such as 1 for Ethereum"
	case BTC:
		low, high, hint = 0, 3, "btc has 0 (mainnet), 1 (testnet), 2 (signet) and 3 (regtest)"
	case Solana:
		low, high, hint = 101, 104, "solana has 101 (mainnet), 102 (testnet), 103 (devnet) and 104 (local)"
	default:
		_, err := ParseChainType(string(ct))
		return err
	}
	if chainID < low || chainID > high {
		return fault.New(fault.Usage, "bad_chain_id", hint, "%d is not a chain id of %s", chainID, ct)
	}
	return nil
}

// Wallet is a wallet as it is registered.
type Wallet struct {
	ID        int64
	Address   string // canonical
	Device    string // fingerprint of the signing machine that holds the key; empty: the key is elsewhere
	Path      string // derivation path there
	ChainType ChainType
	ChainID   int64
	Type      Type
	Nonce     uint64 // the cursor: the next nonce to hand out
	Active    bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// FromRow makes a Wallet of a row of the database.
func FromRow(w store.Wallet) Wallet {
	return Wallet{
		ID:        w.ID,
		Address:   w.Address,
		Device:    w.Device,
		Path:      w.Path,
		ChainType: ChainType(w.ChainType),
		ChainID:   w.ChainID,
		Type:      Type(w.WalletType),
		Nonce:     w.Nonce,
		Active:    w.Active,
		CreatedAt: w.CreatedAt,
		UpdatedAt: w.UpdatedAt,
	}
}

// String names the wallet by what makes it unique: chain type, chain id, address. Audit rows have it as their subject.
func (w Wallet) String() string { return subject(w.ChainType, w.ChainID, w.Address) }

func subject(ct ChainType, chainID int64, address string) string {
	return fmt.Sprintf("%s %d %s", ct, chainID, address)
}
