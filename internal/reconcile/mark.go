package reconcile

import (
	"encoding/json"
	"fmt"
	"time"
)

// Mark is what an audit row says of a run, and what the next one begins with: JSON, short enough to be read.
type Mark struct {
	Since        time.Time `json:"since,omitzero"` // zero: all that there is
	Until        time.Time `json:"until"`
	Ended        int       `json:"ended"`
	Open         int       `json:"open"`
	Transactions int       `json:"transactions"`
	Wallets      int       `json:"wallets"`
	Differences  int       `json:"differences"`
	Unchecked    int       `json:"unchecked"`
}

// MarkOf sums up a report.
func MarkOf(r Report) Mark {
	m := Mark{
		Since: r.Since.UTC(), Until: r.Until.UTC(), Ended: r.Ended, Open: r.Open, Transactions: r.Transactions, Wallets: r.Wallets,
		Differences: len(r.Differences) + r.More,
	}
	for _, u := range r.Unchecked {
		m.Unchecked += u.Count
	}
	return m
}

func (m Mark) String() string {
	b, err := json.Marshal(m)
	if err != nil {
		panic("reconcile: a mark is times of this era and numbers: " + err.Error())
	}
	return string(b)
}

// ParseMark reads what String writes.
func ParseMark(s string) (m Mark, err error) {
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		return Mark{}, fmt.Errorf("read the mark of a reconciliation: %w", err)
	}
	return m, nil
}

// overlap is by how much a run begins before the end of the one before it: what that one could not see yet, because its transaction was not
// committed, ended less than that before.
const overlap = time.Hour

// Next is where the next run of a series begins. As long as something is unexplained or could not be looked at, it begins where the one
// before began: so no difference is forgotten because time passed.
func (m Mark) Next() time.Time {
	if m.Differences+m.Unchecked > 0 {
		return m.Since
	}
	return m.Until.Add(-overlap)
}
