package withdrawal

import (
	"context"
	"slices"

	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/wallet"
)

// Explain says why a payment is not final yet, and what comes next. It asks no node: what the daemon last saw stands in the
// database.
func (d *Desk) Explain(ctx context.Context, payment string, o Outside) (e Explanation, err error) {
	err = d.db.View(ctx, func(r store.Reader) error {
		f, err := d.facts(ctx, r, payment, o)
		e = explain(f)
		return err
	})
	if err != nil {
		return Explanation{}, storefault.Of(err, "explain withdrawal "+clip(payment))
	}
	return e, nil
}

func (d *Desk) facts(ctx context.Context, r store.Reader, payment string, o Outside) (f explained, err error) {
	f.Outside = o
	if f.row, err = find(ctx, r, payment); err != nil {
		return f, err
	}
	if s, ok := d.book.find(f.row.ChainType, f.row.ChainID); ok {
		f.setup = &s
	}
	if f.now, err = r.Now(ctx); err != nil {
		return f, err
	}
	if f.attempts, err = r.Attempts(ctx, store.AttemptFilter{Payments: []string{payment}}); err != nil || f.row.State == store.WithdrawalEnded {
		return f, err
	}
	if f.restored, err = r.Restored(ctx); err != nil {
		return f, err
	}
	if f.wishes, err = r.Wishes(ctx, store.WishFilter{Open: true, Payments: []string{payment}}); err != nil {
		return f, err
	}
	if err := f.readWallets(ctx, r); err != nil {
		return f, err
	}
	if f.row.WalletID != 0 {
		ws, err := r.Wallets(ctx, store.WalletFilter{IDs: []int64{f.row.WalletID}})
		if err != nil {
			return f, err
		}
		if len(ws) > 0 {
			f.wallet = ws[0]
		}
	}
	if f.foreign, err = foreign(ctx, r, f.row); err != nil {
		return f, err
	}
	halts, err := r.Alarms(ctx, store.AlarmFilter{Open: true, Kinds: []string{string(AlarmSettingsRevoked)}})
	if err != nil {
		return f, err
	}
	if len(halts) > 0 {
		f.halted = halts[0].Why
	}
	all, err := r.Alarms(ctx, store.AlarmFilter{Open: true, ChainType: f.row.ChainType, ChainID: &f.row.ChainID})
	f.alarms = slices.DeleteFunc(all, func(a store.Alarm) bool {
		elsewhere := a.WalletID != 0 && a.WalletID != f.row.WalletID
		return elsewhere && !(f.row.WalletID == 0 && a.Brake) || a.Payment != "" && a.Payment != payment
	})
	return f, err
}

// readWallets reads the wallets that might pay, what they have under way, and what is the lowest in the way of this payment.
func (f *explained) readWallets(ctx context.Context, r store.Reader) error {
	ws, err := r.Wallets(ctx, store.WalletFilter{ChainType: f.row.ChainType, ChainID: &f.row.ChainID, WalletType: string(wallet.Hot)})
	if err != nil {
		return err
	}
	f.wallets = slices.DeleteFunc(ws, func(w store.Wallet) bool { return w.Device == "" })
	ids := make([]int64, len(f.wallets))
	for i, w := range f.wallets {
		ids[i] = w.ID
	}
	loads, err := r.Loads(ctx, ids)
	if err != nil {
		return err
	}
	f.loads = make(map[int64]store.Load, len(loads))
	for _, l := range loads {
		f.loads[l.WalletID] = l
	}
	if f.row.WalletID == 0 {
		return nil
	}
	if err := f.readGap(ctx, r); err != nil {
		return err
	}
	lowest := f.loads[f.row.WalletID].LowestUnmined
	if lowest == nil {
		return nil
	}
	as, err := r.Attempts(ctx, store.AttemptFilter{WalletID: f.row.WalletID, Nonce: lowest, States: open})
	if len(as) > 0 {
		f.lower = &as[len(as)-1]
	}
	return err
}

// readGap finds out whether somebody's reservation holds the lowest nonce that is not signed.
func (f *explained) readGap(ctx context.Context, r store.Reader) error {
	gaps := f.loads[f.row.WalletID].Gaps
	if len(gaps) == 0 {
		return nil
	}
	rows, err := r.Nonces(ctx, store.NonceFilter{WalletID: f.row.WalletID, States: []string{store.NonceReserved}, From: gaps[0], Limit: 1})
	if err != nil || len(rows) == 0 || rows[0].Nonce != gaps[0] {
		return err
	}
	requests, err := r.Requests(ctx, []string{rows[0].Request})
	if len(requests) > 0 && requests[0].Kind == store.KindReservation {
		f.gap = &rows[0]
	}
	return err
}
