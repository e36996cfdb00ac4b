package main

import (
	"strconv"

	"coffer.internal/wallet"
)

// walletView is a wallet as --json shows it: the guide's columns, with their names.
type walletView struct {
	ID         int64   `json:"id"`
	Address    string  `json:"address"`
	Device     *string `json:"device"`
	Path       *string `json:"path"`
	ChainType  string  `json:"chain_type"`
	ChainID    int64   `json:"chain_id"`
	WalletType string  `json:"wallet_type"`
	Nonce      uint64  `json:"nonce"`
	IsActive   int     `json:"is_active"`
	CreatedAt  *string `json:"created_at"`
	UpdatedAt  *string `json:"updated_at"`
}

func viewWallet(w wallet.Wallet) walletView {
	return walletView{
		ID: w.ID, Address: w.Address, Device: null(w.Device), Path: null(w.Path), ChainType: string(w.ChainType),
		ChainID: w.ChainID, WalletType: string(w.Type), Nonce: w.Nonce, IsActive: bit(w.Active),
		CreatedAt: stamp(w.CreatedAt), UpdatedAt: stamp(w.UpdatedAt),
	}
}

var walletHeadings = []string{"ID", "ADDRESS", "DEVICE", "PATH", "CHAIN_TYPE", "CHAIN_ID", "WALLET_TYPE", "NONCE",
	"IS_ACTIVE", "CREATED_AT", "UPDATED_AT"}

func walletRow(w wallet.Wallet) []string {
	return []string{number(w.ID), w.Address, dash(w.Device), dash(w.Path), string(w.ChainType), number(w.ChainID),
		string(w.Type), number(w.Nonce), strconv.Itoa(bit(w.Active)), moment(w.CreatedAt), moment(w.UpdatedAt)}
}

func walletFields(w wallet.Wallet) [][2]string {
	pairs := make([][2]string, len(walletHeadings))
	for i, cell := range walletRow(w) {
		pairs[i] = [2]string{lower(walletHeadings[i]), cell}
	}
	return pairs
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
