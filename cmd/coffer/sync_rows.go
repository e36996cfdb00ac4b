package main

import (
	"coffer.internal/internal/fault"
	"coffer.internal/internal/rowfile"
	"coffer.internal/nonce"
)

// syncsFormat is a file of next nonces.
var syncsFormat = rowfile.Format{
	Fields: []rowfile.Field{
		{Name: "address", Required: true},
		{Name: "chain_id", Also: []string{"chainId"}, Kind: rowfile.Integer, Required: true},
		{Name: "chain_nonce", Also: []string{"chainNonce"}, Kind: rowfile.Natural, Required: true},
	},
	Example: `{"address":"0x…","chain_id":1,"chain_nonce":100}`,
}

// syncRows makes syncs of a file's rows, and refuses the file if one of them cannot be right.
func syncRows(f *rowFile, reason string) ([]nonce.SyncCall, error) {
	calls := make([]nonce.SyncCall, len(f.rows))
	for i, r := range f.rows {
		calls[i] = nonce.SyncCall{Address: r.Text("address"), ChainID: r.Integer("chain_id"), To: r.Natural("chain_nonce"), Reason: reason}
	}
	for _, x := range nonce.CheckSyncs(calls) {
		err := x.Err
		if x.Twin >= 0 {
			err = fault.New(fault.Usage, "duplicate_row", "leave one of them out", "the wallet of line %d stands here again, in line %d: %s",
				f.rows[x.Twin].Line, f.rows[x.Row].Line, calls[x.Row].Address)
		}
		f.fault(x.Row, x.Field(), err)
	}
	return calls, f.refuse()
}
