package wallet

import (
	"context"
	"errors"

	"coffer.internal/internal/fault"
)

// BatchRow is one wallet of a batch. With an address it is registered like CreateInternal does, without one like CreateHot; then
// it needs a ref, so that the batch may be repeated: the same ref is the same wallet.
type BatchRow struct {
	Line      int // where it stands in its file, for messages
	Address   string
	Ref       string
	ChainType ChainType
	ChainID   int64
	Type      Type // empty: hot
	Nonce     uint64
}

// BatchOutcome is what became of a row.
type BatchOutcome string

// The outcomes.
const (
	BatchCreated BatchOutcome = "created"
	BatchThere   BatchOutcome = "already_registered" // with the same content
	BatchFailed  BatchOutcome = "failed"             // nothing was registered; Err says why
	BatchNotDone BatchOutcome = "not_done"           // the batch ended before; what was under way may have happened
)

// BatchResult is what became of the row in the same place.
type BatchResult struct {
	Line    int
	Outcome BatchOutcome
	Wallet  Wallet // if it is registered
	Err     error  // if it failed
}

// BatchReport is what became of all rows, in their order.
type BatchReport struct{ Rows []BatchResult }

// CreateBatch registers many wallets. All rows are checked first: if one cannot be right, or stands there twice, the whole batch
// is refused with a *BatchRefusal and nothing is tried. Then each row is done by itself, in their order, which is that of the ids
// and paths too, and the batch goes on past rows that fail; seen is told about each as it is done. It ends early when ctx does, or
// when the signing machine or the database cannot be reached, because every further row would fail the same way.
//
// The report is there whenever the batch was not refused. The error is nil if every row is registered now; see BatchReport.Err
// otherwise. To finish a batch, or to find out what became of one that was cut off, say it again.
func (r *Registry) CreateBatch(ctx context.Context, rows []BatchRow, seen func(BatchResult)) (BatchReport, error) {
	if refusal := CheckBatch(rows); refusal != nil {
		return BatchReport{}, refusal
	}
	report := BatchReport{Rows: make([]BatchResult, len(rows))}
	for i, row := range rows {
		report.Rows[i] = BatchResult{Line: row.Line, Outcome: BatchNotDone}
	}
	for i, row := range rows {
		got := r.createRow(ctx, row)
		if got.Err != nil && (ctx.Err() != nil || unreachable(got.Err)) {
			cause := context.Cause(ctx)
			if cause == nil {
				cause = got.Err
			}
			return report, report.cutOff(cause)
		}
		report.Rows[i] = got
		if seen != nil {
			seen(got)
		}
	}
	return report, report.Err()
}

func (r *Registry) createRow(ctx context.Context, row BatchRow) BatchResult {
	w, existed, err := r.createOne(ctx, row)
	if fault.Code(err) == "outcome_unknown" && ctx.Err() == nil {
		w, existed, err = r.createOne(ctx, row) // finds what it did
	}
	got := BatchResult{Line: row.Line, Outcome: BatchCreated, Wallet: w, Err: err}
	switch {
	case err != nil:
		got.Outcome, got.Wallet = BatchFailed, Wallet{}
	case existed:
		got.Outcome = BatchThere
	}
	return got
}

func (r *Registry) createOne(ctx context.Context, row BatchRow) (Wallet, bool, error) {
	if row.Address == "" {
		return r.CreateHot(ctx, HotRequest{ChainType: row.ChainType, ChainID: row.ChainID, Ref: row.Ref, Nonce: row.Nonce})
	}
	return r.CreateInternal(ctx, InternalRequest{
		Address: row.Address, ChainType: row.ChainType, ChainID: row.ChainID, Type: row.kind(), Nonce: row.Nonce,
	})
}

// kind is the row's wallet type.
func (row BatchRow) kind() Type {
	if row.Type == "" {
		return Hot
	}
	return row.Type
}

// unreachable: the next row would fail in the same way.
func unreachable(err error) bool { return errors.Is(err, fault.Unreachable) }
