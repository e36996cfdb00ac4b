package wallet

import (
	"fmt"

	"coffer.internal/internal/fault"
)

// Count is how many rows came out like that.
func (b BatchReport) Count(o BatchOutcome) int {
	n := 0
	for _, row := range b.Rows {
		if row.Outcome == o {
			n++
		}
	}
	return n
}

// Registered is how many wallets of the batch are registered now, made by it or before it.
func (b BatchReport) Registered() int { return b.Count(BatchCreated) + b.Count(BatchThere) }

// Err is what the rows come to together. Nil: all are registered. Some are: a fault.Partly. None is, each for the same reason: the
// kind of that reason; for several, a failure without a kind.
func (b BatchReport) Err() error {
	failed := b.Count(BatchFailed)
	if failed == 0 {
		return nil
	}
	const hint = "mend what stands beside the failed rows, then run the same file again: the others are found, not made twice"
	if n := b.Registered(); n > 0 {
		return fault.New(fault.Partly, "partly", hint, "%d of %d wallets failed, %d are registered", failed, len(b.Rows), n)
	}
	first := b.Rows[0].Err
	for _, row := range b.Rows {
		if fault.Code(row.Err) != fault.Code(first) {
			return fault.New(nil, "all_failed", hint, "all %d wallets failed, for different reasons", failed)
		}
	}
	return fault.Wrap(first, nil, fault.Code(first), hint, "all %d wallets failed, the first because", failed)
}

// cutOff is the error of a batch that ended early. Its kind is that of the cause.
func (b BatchReport) cutOff(cause error) error {
	hint := "run the same file again: what is registered is found, not made twice"
	if own := fault.Hint(cause); own != "" {
		hint = own + "; then " + hint
	}
	return fault.Wrap(cause, nil, fault.Code(cause), hint, "the batch ended early: %s registered, %d failed, %d not done",
		fmt.Sprintf("%d of %d", b.Registered(), len(b.Rows)), b.Count(BatchFailed), b.Count(BatchNotDone))
}
