package main

import (
	"fmt"

	"coffer.internal"
)

// showChainSync shows the wallets that changed and those that were not judged, and counts the rest.
func (a *app) showChainSync(rows []coffer.ChainSyncRow) error {
	if a.json {
		views := make([]map[string]any, len(rows))
		for i, r := range rows {
			views[i] = map[string]any{
				"address": r.Wallet.Address, "chain_type": r.Wallet.ChainType, "chain_id": r.Wallet.ChainID, "before": r.Before, "after": r.After,
				"changed": r.Changed, "external": viewExternals(r.Externals), "error": viewError(r.Err),
			}
		}
		return a.document(map[string]any{"wallets": views})
	}
	var cells [][]string
	var changed, same, unknown int
	for _, r := range rows {
		result := ""
		switch {
		case r.Err != nil:
			unknown++
			result = "not judged: " + oneLine(r.Err.Error())
		case !r.Changed:
			same++
			continue
		default:
			changed++
			result = "external " + externalText(r.Externals)
			if len(r.Dropped) > 0 {
				result += fmt.Sprintf(", %d reservations ended", len(r.Dropped))
			}
		}
		cells = append(cells, []string{r.Wallet.Address, string(r.Wallet.ChainType), number(r.Wallet.ChainID), number(r.Before), number(r.After), result})
	}
	if len(cells) > 0 {
		table(a.stdout, []string{"ADDRESS", "CHAIN_TYPE", "CHAIN_ID", "BEFORE", "AFTER", "RESULT"}, cells)
	}
	a.note("%d wallets: %d changed, %d already there, %d not judged", len(rows), changed, same, unknown)
	return nil
}
