package main

import (
	"errors"

	"coffer.internal/internal/operators"
	"coffer.internal/internal/rowfile"
	"coffer.internal/wallet"
)

// walletsFormat is a file of wallets to be registered.
var walletsFormat = rowfile.Format{
	Fields: []rowfile.Field{
		{Name: "chain_type", Also: []string{"chainType"}, Required: true},
		{Name: "chain_id", Also: []string{"chainId"}, Kind: rowfile.Integer, Required: true},
		{Name: "wallet_type", Also: []string{"walletType"}},
		{Name: "address"},
		{Name: "ref"},
		{Name: "nonce", Also: []string{"initialNonce", "initial_nonce"}, Kind: rowfile.Natural},
	},
	Example: `{"chain_type":"evm","chain_id":1,"ref":"payouts-1"}; coffer create-batch --example prints a file`,
}

// walletsExample works as it is: it needs a signing machine, and no address of anybody.
const walletsExample = `chain_type,chain_id,wallet_type,address,ref,nonce
evm,1,hot,,ethereum-payouts-1,0
evm,1,hot,,ethereum-payouts-2,0
evm,56,,,bsc-payouts-1,
btc,0,,,bitcoin-payouts-1,
solana,101,,,solana-payouts-1,
evm,11155111,multisig,0x52908400098527886E0F7030069857D2E4169EE7,,12
`

// walletRows makes wallets of a file's rows, and refuses the file if one of them cannot be right.
func walletRows(f *rowFile) ([]operators.Row, error) {
	rows, acts := make([]wallet.BatchRow, len(f.rows)), make([]operators.Row, len(f.rows))
	for i, r := range f.rows {
		rows[i] = wallet.BatchRow{
			Line: r.Line, Address: r.Text("address"), Ref: r.Text("ref"), ChainType: wallet.ChainType(r.Text("chain_type")),
			ChainID: r.Integer("chain_id"), Type: wallet.Type(r.Text("wallet_type")), Nonce: r.Natural("nonce"),
		}
		acts[i] = operators.Row{
			Line: r.Line, Address: rows[i].Address, Ref: rows[i].Ref, ChainType: string(rows[i].ChainType), ChainID: rows[i].ChainID,
			WalletType: string(rows[i].Type), Nonce: rows[i].Nonce,
		}
	}
	var refusal *wallet.BatchRefusal
	if errors.As(wallet.CheckBatch(rows), &refusal) {
		for _, x := range refusal.Faults {
			f.fault(x.Row, x.Field, x.Err)
		}
	}
	return acts, f.refuse()
}
