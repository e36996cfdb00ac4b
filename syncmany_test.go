package coffer_test

import (
	"errors"
	"strings"
	"testing"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/nonce"
)

// counts are calls that set each wallet to what the node counts of it.
func (c *counted) counts() []nonce.SyncCall {
	calls := make([]nonce.SyncCall, len(c.wallets))
	for i, w := range c.wallets {
		calls[i] = nonce.SyncCall{Address: w.Address, ChainID: w.ChainID, To: uint64(i % 7)}
	}
	return calls
}

// unmoved fails the test if a cursor moved.
func (c *counted) unmoved(what string) {
	c.Helper()
	for i, w := range c.read() {
		if w.Nonce != 0 {
			c.Fatalf("%s: wallet %d has cursor %d", what, i, w.Nonce)
		}
	}
}

func TestAThousandCursorsAreSetAtOnceOrNone(t *testing.T) {
	onBothWithCounts(t, 1000, func(c *counted) {
		calls := c.counts()
		report, err := c.system.SyncMany(c.Context(), calls, true)
		if err != nil || report.Applied || report.Change != 857 || report.Same != 143 {
			c.Fatalf("dry run: %+v, %v", report, err)
		}
		c.unmoved("dry run")

		calls[700].To = 1_000_000
		report, err = c.system.SyncMany(c.Context(), calls, false)
		if !errors.Is(err, coffer.ErrRefused) || report.Applied || report.Refused != 1 || fault.Code(report.Rows[700].Err) != "ahead_of_chain" {
			c.Fatalf("far above the chain: %d refused, %v, %v", report.Refused, report.Rows[700].Err, err)
		}
		c.unmoved("far above the chain")

		calls[700].To = 0
		report, err = c.system.SyncMany(c.Context(), calls, false)
		if err != nil || !report.Applied || report.Change != 857 {
			c.Fatalf("%d changed, %v", report.Change, err)
		}
		for i, w := range c.read() {
			if w.Nonce != uint64(i%7) {
				c.Fatalf("wallet %d has cursor %d", i, w.Nonce)
			}
		}
		if n := c.nodes[0].Requests(); n > 70 {
			c.Errorf("%d requests to a node", n)
		}
	})
}

func TestManyCursorsStayWhereNodesDisagreeOrAreSilent(t *testing.T) {
	onBothWithCounts(t, 30, func(c *counted) {
		c.lie(func(result string) string {
			if result == `"0x3"` {
				return `"0x4"`
			}
			return result
		})
		report, err := c.system.SyncMany(c.Context(), c.counts(), false)
		if fault.Exit(err) != 4 || report.Applied || report.Refused != 4 || fault.Code(report.Rows[3].Err) != "nodes_disagree" || report.Rows[2].Err != nil {
			c.Errorf("%d refused, %v, %v", report.Refused, report.Rows[3].Err, err)
		}
		c.unmoved("one node lies")
		audit, err := c.system.Audit(c.Context(), coffer.AuditFilter{Action: "wallet.sync"})
		c.must(err)
		if len(audit) != 4 || audit[0].Result != "refused" {
			c.Errorf("%d audit rows", len(audit))
		}

		c.nodes[0].Refuse(true)
		c.nodes[1].Refuse(true)
		report, err = c.system.SyncMany(c.Context(), c.counts(), false)
		if fault.Exit(err) != 6 || report.Refused != 30 || !strings.Contains(err.Error(), "nothing is changed, 30 of 30 rows cannot be judged") {
			c.Errorf("%d refused, %v", report.Refused, err)
		}
		c.unmoved("silence")
	})
}
