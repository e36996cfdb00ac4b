package nonce

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/groupcommit"
	"coffer.internal/internal/store"
)

// The actions of this package in audit rows.
const (
	actionReserve = "nonce.reserve"
	actionRelease = "nonce.release"
	actionSent    = "nonce.sent"
	actionSync    = "wallet.sync"
)

// given is the one audit row of a batch that gave something: which wallets gave which nonces. Who has each of them stands in
// the nonce rows of the same transaction.
func (b *book) given(calls []*call) []store.AuditRow {
	total := 0
	var parts []string
	for _, a := range b.order {
		if len(a.given) > 0 {
			total += len(a.given)
			parts = append(parts, fmt.Sprintf("%s %s: %s", poolOf(a.row), a.row.Address, ranges(a.given)))
		}
	}
	if total == 0 {
		return nil
	}
	return []store.AuditRow{{
		Actor: b.actor, Action: actionReserve, Subject: subject(calls),
		After: fmt.Sprintf("%d nonces: %s", total, strings.Join(parts, "; ")), Result: store.ResultDone,
	}}
}

func subject(calls []*call) string {
	n, only := 0, ""
	for _, c := range calls {
		if c.kind == bindCall {
			n += len(c.bind.Payments)
			only = c.bind.Payments[0].Request
		} else {
			n++
			only = c.request
		}
	}
	if n == 1 {
		return only
	}
	return fmt.Sprintf("%d requests", n)
}

// ranges writes nonces as 0..4, 7, 9..12.
func ranges(nonces []uint64) string {
	sorted := slices.Sorted(slices.Values(nonces))
	var out []string
	for i := 0; i < len(sorted); {
		j := i
		for j+1 < len(sorted) && sorted[j+1] == sorted[j]+1 {
			j++
		}
		if i == j {
			out = append(out, fmt.Sprint(sorted[i]))
		} else {
			out = append(out, fmt.Sprintf("%d..%d", sorted[i], sorted[j]))
		}
		i = j + 1
	}
	return strings.Join(out, ", ")
}

// refusals are the audit rows of the callers that were refused. A signing machine that does not answer refuses nobody, and
// of a bind nothing is recorded: its payments wait and are tried again, and each one's row says why it waits.
func refusals(calls []*call, answers []groupcommit.Outcome[answer], actor string) []store.AuditRow {
	var rows []store.AuditRow
	for i, o := range answers {
		if o.Err == nil || errors.Is(o.Err, fault.Unreachable) {
			continue
		}
		rows = append(rows, store.AuditRow{
			Actor: actor, Action: actionReserve, Subject: calls[i].request, After: calls[i].content,
			Result: store.ResultRefused, Reason: o.Err.Error(),
		})
	}
	return rows
}
