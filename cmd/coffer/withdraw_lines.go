package main

import (
	"coffer.internal/internal/rowfile"
	"coffer.internal/withdrawal"
)

// withdrawalFormat is a file of withdrawals.
var withdrawalFormat = rowfile.Format{
	Fields: []rowfile.Field{
		{Name: "request", Required: true},
		{Name: "chain_id", Also: []string{"chainId"}, Kind: rowfile.Integer, Required: true},
		{Name: "to", Required: true},
		{Name: "amount", Required: true},
		{Name: "asset"},
		{Name: "authorizations", Kind: rowfile.Texts},
	},
	Example: `{"request":"w-1","chain_id":1,"to":"0x…","amount":"1.25"}; amounts are strings`,
}

func withdrawalOf(row rowfile.Row, baseUnits bool) withdrawal.Request {
	return withdrawal.Request{
		ID: row.Text("request"), ChainID: row.Integer("chain_id"), To: row.Text("to"), Amount: row.Text("amount"),
		Asset: row.Text("asset"), BaseUnits: baseUnits, Authorizations: row.Texts("authorizations"),
	}
}
