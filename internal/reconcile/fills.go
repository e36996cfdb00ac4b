package reconcile

import (
	"context"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
)

// orphans looks at the attempts that became final in the span and belong to no withdrawal.
func (w *walk) orphans(ctx context.Context) error {
	f := store.AttemptFilter{
		States: []string{store.AttemptFinal}, ChainID: w.o.ChainID, FinalFrom: w.o.Since, FinalUntil: w.report.Until, Orphan: true, Limit: atOnce,
	}
	for {
		var page []store.Attempt
		err := w.o.DB.View(ctx, func(r store.Reader) (err error) {
			page, err = r.Attempts(ctx, f)
			return err
		})
		if err != nil {
			return err
		}
		if err := w.fills(ctx, page); err != nil {
			return err
		}
		if len(page) < f.Limit {
			return nil
		}
		f.AfterID = page[len(page)-1].ID
	}
}

func (w *walk) fills(ctx context.Context, page []store.Attempt) error {
	var look []looked
	for _, a := range page {
		l, d := compareAttempt(a, w.o.Verify)
		switch {
		case a.Payment != "":
			w.differs(unknownPayment(a))
		case d != nil:
			w.differs(*d)
		default:
			look = append(look, l)
		}
	}
	seen, err := w.ask(ctx, look)
	if err != nil {
		return err
	}
	for _, l := range look {
		at := Place{l.ChainType, l.ChainID}
		s, asked := seen[l.ID]
		if !asked {
			s.Stage, s.Note = chain.StageUnknown, w.whyNot(at)
		}
		if err := w.take(judgeOrphan(l, s), at, "attempt "+number(l.ID)); err != nil {
			return err
		}
	}
	return w.step(ctx, len(page))
}
