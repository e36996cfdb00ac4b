package withdrawal

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"coffer.internal/internal/store"
	"coffer.internal/signing"
)

// rebuilding is one entry of the journal that becomes an attempt.
type rebuilding struct {
	*recovery
	entry  signing.Entry
	intent signing.Intent
	path   string // of the key, if its wallet is not there

	row        RecoveredAttempt
	registered *RecoveredWallet
	wallet     store.Wallet
	notes      []string
}

// contradiction is why an entry cannot be rebuilt.
type contradiction struct{ why string }

func (c *contradiction) Error() string { return c.why }

func contradicts(why string, args ...any) error { return &contradiction{fmt.Sprintf(why, args...)} }

// start forgets what a try before wrote that did not come to be.
func (b *rebuilding) start() {
	to, contract, amount := b.intent.Pays()
	b.registered, b.notes = nil, nil
	b.row = RecoveredAttempt{
		Receipt: b.entry.Seq, Request: b.intent.Payment, Purpose: string(b.intent.Purpose), ChainType: b.intent.ChainType, ChainID: b.intent.ChainID,
		Wallet: b.intent.From, Nonce: b.intent.Nonce, State: store.AttemptSigned, Hash: b.entry.Hash, To: to, Contract: contract, Amount: amount,
	}
	if b.entry.Refusal != nil {
		b.row.State = store.AttemptRefused
	}
}

func (b *rebuilding) subject() string {
	if b.intent.Payment != "" {
		return b.intent.Payment
	}
	return fmt.Sprintf("gap fill of nonce %d of %s", b.intent.Nonce, b.intent.From)
}

func (b *rebuilding) write(ctx context.Context, tx store.Tx) error {
	if err := b.register(ctx, tx); err != nil {
		return err
	}
	row, err := b.nonce(ctx, tx)
	if err != nil {
		return err
	}
	again, err := b.beside(ctx, tx, row)
	if err != nil {
		return err
	}
	ask := askOf(b.wallet.ID, row.Fence, b.intent, "", 0)
	ask.Again = again
	if b.intent.Payment != "" {
		if err := b.payment(ctx, tx, row, &ask); err != nil {
			return err
		}
	}
	if err := b.answer(ctx, tx, ask); err != nil {
		return err
	}
	b.row.Note = strings.Join(b.notes, "; ")
	if b.o.Witness != nil {
		if err := b.o.Witness.Rebuilt(ctx, tx, b.row, b.registered); err != nil {
			return err
		}
	}
	return record(ctx, tx, b.o.Actor, []store.AuditRow{{
		Action: actionRecover, Subject: b.subject(), Result: store.ResultDone, Reason: "in the signing machine's journal, and not in the ledger",
		After: fmt.Sprintf("%s at nonce %d of %s, receipt %d %s", b.row.State, b.intent.Nonce, b.intent.From, b.entry.Seq, b.row.Note),
	}})
}

// register finds the wallet under its lock, or puts it back into the registry.
func (b *rebuilding) register(ctx context.Context, tx store.Tx) error {
	ws, err := tx.LockWallets(ctx, walletOf(b.intent))
	if err != nil {
		return err
	}
	if len(ws) > 0 {
		b.wallet = ws[0]
		return nil
	}
	low := b.lowest[keyOfIntent(b.intent)]
	b.wallet, err = tx.AddWallet(ctx, store.Wallet{
		Address: b.intent.From, Device: *b.device, Path: b.path, ChainType: b.intent.ChainType, ChainID: b.intent.ChainID, WalletType: "hot", Nonce: low, Active: true,
	})
	if err != nil {
		return err
	}
	if low > 0 {
		err = tx.AddExternals(ctx, []store.External{{
			WalletID: b.wallet.ID, To: low - 1, Evidence: "operator", Reason: "below all that the signing machine signed for it",
		}})
	}
	b.registered = &RecoveredWallet{b.wallet.Address, b.wallet.ChainType, b.wallet.ChainID, b.wallet.Path, low}
	b.notes = append(b.notes, "its wallet is registered again")
	return err
}

// nonce finds the row of the nonce, and makes it if the cursor was not there yet. A reservation gives it up.
func (b *rebuilding) nonce(ctx context.Context, tx store.Tx) (row store.Nonce, err error) {
	if b.intent.Nonce >= b.wallet.Nonce {
		if err := tx.OpenNonces(ctx, b.wallet.ID, b.intent.Nonce+1); err != nil {
			return row, err
		}
	}
	rows, err := tx.Nonces(ctx, store.NonceFilter{WalletID: b.wallet.ID, From: b.intent.Nonce, Limit: 1})
	if err != nil {
		return row, err
	}
	if len(rows) == 0 || rows[0].Nonce != b.intent.Nonce {
		return row, contradicts("nonce %d of %s is noted here as spent by something that is not coffer's", b.intent.Nonce, b.intent.From)
	}
	if row = rows[0]; row.State == store.NonceReserved {
		err = b.free(ctx, tx, &row)
	}
	return row, err
}

// free takes a nonce from a request that nothing was asked for at it. A withdrawal gets another one.
func (b *rebuilding) free(ctx context.Context, tx store.Tx, row *store.Nonce) error {
	if err := tx.Release(ctx, row.WalletID, row.Nonce, row.Fence); err != nil {
		return err
	}
	of := *row
	row.State, row.Request, row.Row = store.NonceFree, "", 0
	ws, err := tx.Withdrawals(ctx, store.WithdrawalFilter{Payments: []string{paymentID(of.Request, of.Row), of.Request}})
	if err != nil {
		return err
	}
	for _, w := range ws {
		if w.Request != of.Request || w.Row != of.Row || w.State != store.WithdrawalAssigned {
			continue
		}
		if err := tx.MoveWithdrawals(ctx, []store.WithdrawalMove{
			moveWithdrawal(w.Payment, w.State, store.WithdrawalQueued, "", fmt.Sprintf("nonce %d was signed for %s before the database was restored", of.Nonce, b.subject())),
		}); err != nil {
			return err
		}
	}
	if of.Request != b.intent.Payment {
		b.notes = append(b.notes, fmt.Sprintf("request %s loses nonce %d, for which nothing was asked", of.Request, of.Nonce))
	}
	return nil
}

// paymentID is the payment id of a row of a request of several.
func paymentID(request string, row int) string { return fmt.Sprintf("%s#%d", request, row) }

// beside says whether the entry stands beside other attempts at its nonce, which are for the same.
func (b *rebuilding) beside(ctx context.Context, tx store.Tx, row store.Nonce) (again bool, err error) {
	if row.State != store.NonceUsed {
		return false, nil
	}
	all, err := tx.Attempts(ctx, store.AttemptFilter{WalletID: row.WalletID, Nonce: &row.Nonce})
	if err != nil {
		return false, err
	}
	for _, a := range all {
		switch {
		case a.State == store.AttemptRefused || a.State == store.AttemptSuperseded:
		case a.Payment != b.intent.Payment:
			return false, contradicts("nonce %d of %s is here that of %s, attempt %d, which is %s", row.Nonce, b.intent.From, whose(a), a.ID, a.State)
		case a.State == store.AttemptFinal:
			return false, contradicts("nonce %d of %s has an attempt here that is final", row.Nonce, b.intent.From)
		default:
			again = true
		}
	}
	if !again && b.intent.Purpose != signing.PurposeGapFill {
		return false, contradicts("nonce %d of %s is used here, and not by %s", row.Nonce, b.intent.From, b.subject())
	}
	return again, nil
}

// payment puts the request and the withdrawal of an entry where the answer will find them: assigned, with this nonce.
func (b *rebuilding) payment(ctx context.Context, tx store.Tx, row store.Nonce, ask *store.Ask) error {
	request, rowNo := requestOf(b.intent.Payment)
	ws, err := tx.Withdrawals(ctx, store.WithdrawalFilter{Payments: []string{b.intent.Payment}})
	if err != nil {
		return err
	}
	known, err := tx.Requests(ctx, []string{request})
	if err != nil {
		return err
	}
	reservation := strings.Contains(b.intent.Payment, "#") || len(known) > 0 && known[0].Kind == store.KindReservation
	if len(ws) > 0 {
		if err := b.fits(ws[0]); err != nil {
			return err
		}
		if ask.Again {
			return nil
		}
		if err := b.unbind(ctx, tx, ws[0]); err != nil {
			return err
		}
	} else if ask.Again {
		return contradicts("nonce %d of %s has attempts here for a payment that is not here", row.Nonce, b.intent.From)
	}
	plan := store.ReservePlan{Take: []store.Nonce{{
		WalletID: row.WalletID, Nonce: row.Nonce, State: store.NonceReserved, Request: request, Row: rowNo, Fence: row.Fence + 1,
	}}}
	ask.Request, ask.Row, ask.Fence = request, rowNo, row.Fence+1
	order, content := b.order()
	switch {
	case len(ws) > 0:
		plan.Assign = []string{b.intent.Payment}
	case reservation:
		if len(known) == 0 {
			plan.Requests = []store.Request{{
				ID: request, Kind: store.KindReservation, Content: "a reservation that coffer recover rebuilt", WalletID: row.WalletID, Count: rowNo + 1,
			}}
		}
		if err := tx.Reserve(ctx, plan); err != nil {
			return err
		}
		return tx.AdoptReservation(ctx, store.Withdrawal{
			Payment: b.intent.Payment, Request: request, Row: rowNo, ChainType: order.ChainType, ChainID: order.ChainID,
			To: order.To, Asset: order.Asset, Contract: order.Contract, Amount: order.Amount,
		}, store.Authorized{})
	default:
		order.Content = content
		if err := tx.AddWithdrawals(ctx, []store.NewWithdrawal{order}); err != nil {
			if errors.Is(err, store.ErrExists) {
				return contradicts("request %s is here another kind of request", request)
			}
			return err
		}
		plan.Assign = []string{b.intent.Payment}
	}
	return tx.Reserve(ctx, plan)
}

// fits holds the withdrawal that is here against the entry.
func (b *rebuilding) fits(w store.Withdrawal) error {
	to, contract, amount := b.intent.Pays()
	switch {
	case w.State == store.WithdrawalEnded:
		return contradicts("withdrawal %s has ended here as %s", w.Payment, w.Outcome)
	case b.intent.Purpose == signing.PurposeCancel || b.entry.Refusal != nil: // which pays nobody
		return nil
	case w.To != to || w.Contract != contract || w.Amount != amount || w.ChainID != b.intent.ChainID:
		return contradicts("withdrawal %s pays %s base units of %q to %s here, and what is signed pays %s of %q to %s",
			w.Payment, w.Amount, w.Contract, w.To, amount, contract, to)
	}
	return nil
}

// unbind takes a withdrawal's other nonce from it, at which nothing was asked for, and queues it.
func (b *rebuilding) unbind(ctx context.Context, tx store.Tx, w store.Withdrawal) error {
	held, err := tx.Nonces(ctx, store.NonceFilter{Requests: []string{w.Request}})
	if err != nil {
		return err
	}
	for _, n := range held {
		switch {
		case n.Row != w.Row:
		case n.State == store.NonceUsed:
			return contradicts("withdrawal %s is asked for here at nonce %d of wallet %d", w.Payment, n.Nonce, n.WalletID)
		default:
			if err := tx.Release(ctx, n.WalletID, n.Nonce, n.Fence); err != nil {
				return err
			}
			b.notes = append(b.notes, fmt.Sprintf("it moves from nonce %d of wallet %d, at which nothing was asked for", n.Nonce, n.WalletID))
		}
	}
	now, err := tx.Withdrawals(ctx, store.WithdrawalFilter{Payments: []string{w.Payment}})
	if err != nil || now[0].State == store.WithdrawalQueued {
		return err
	}
	return tx.MoveWithdrawals(ctx, []store.WithdrawalMove{{Payment: w.Payment, From: now[0].State, To: store.WithdrawalQueued}})
}

// order is the withdrawal that the entry pays, and its content as Desk writes it, so that its caller's next submission is known.
func (b *rebuilding) order() (w store.NewWithdrawal, content string) {
	to, contract, amount := b.intent.Pays()
	w = store.NewWithdrawal{
		Payment: b.intent.Payment, ChainType: b.intent.ChainType, ChainID: b.intent.ChainID, To: to, Contract: contract, Amount: amount,
	}
	if b.intent.Purpose == signing.PurposeCancel {
		b.notes = append(b.notes, "it was cancelled, and what it would have paid is not known")
		return w, contentUnknown
	}
	o := order{payment: b.intent.Payment, chain: ChainSetup{Type: b.intent.ChainType, ID: b.intent.ChainID}, to: to, asset: Asset{Symbol: contract, Contract: contract}}
	o.amount, _ = new(big.Int).SetString(amount, 10)
	setup, configured := book(b.o.Chains).find(b.intent.ChainType, b.intent.ChainID)
	if asset, ok := setup.byContract(contract); configured && ok {
		o.asset = asset
	} else {
		b.notes = append(b.notes, "its asset is not in coffer.toml, so its caller's next submission will look like another payment")
	}
	if o.amount == nil {
		o.amount = new(big.Int)
	}
	w.Asset, w.Amount = o.symbol(), o.amount.String()
	return w, o.content()
}

// byContract finds an asset by its contract; empty is the chain's own coin.
func (s ChainSetup) byContract(contract string) (Asset, bool) {
	if contract == "" {
		return s.Native, true
	}
	for _, a := range s.Assets {
		if a.Contract == contract {
			return a, true
		}
	}
	return Asset{}, false
}

// requestOf takes a payment id apart.
func requestOf(payment string) (request string, row int) {
	request, number, several := strings.Cut(payment, "#")
	if n, err := strconv.Atoi(number); several && err == nil {
		return request, n
	}
	return payment, 0
}

// answer writes the attempt down, first as asked for, then with its answer.
func (b *rebuilding) answer(ctx context.Context, tx store.Tx, ask store.Ask) error {
	ids, err := tx.Ask(ctx, []store.Ask{ask})
	if err != nil {
		return err
	}
	if ids[0] == 0 {
		return contradicts("nonce %d of %s cannot be asked for here", b.intent.Nonce, b.intent.From)
	}
	asked := store.Attempt{
		ID: ids[0], WalletID: b.wallet.ID, Address: b.intent.From, ChainType: b.intent.ChainType, ChainID: b.intent.ChainID, Nonce: b.intent.Nonce,
		Payment: b.intent.Payment, Purpose: string(b.intent.Purpose), Digest: b.entry.Digest.String(), Intent: b.entry.Intent, State: store.AttemptAsked,
	}
	s, err := conclude(ctx, tx, slices.Clip([]store.Attempt{asked}), []signing.Answer{b.entry.Answer()}, conclusion{receipt: b.receipt})
	if err != nil {
		return err
	}
	return record(ctx, tx, b.o.Actor, s.refusals)
}
