package withdrawal

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

// Exported is what an export holds.
type Exported struct {
	Ledger   string `json:"ledger"`
	Device   string `json:"device"`
	Wallets  int    `json:"wallets"`
	Attempts int    `json:"attempts"`
	Highest  uint64 `json:"highest_receipt"`
}

// exportAtOnce is how many attempts are read in one query.
const exportAtOnce = 1000

// Export writes what the ledger knows of a signing machine, in one snapshot: its wallets, and all that it was asked for with what it
// answered (signing.ExportWriter). A machine that lost its journal is loaded with it, so that it signs nothing a second time. With an empty
// device it is that of the only machine; several are a fault.Usage, none is a fault.NotFound.
func Export(ctx context.Context, db store.DB, device string, w io.Writer) (Exported, error) {
	ledger, err := ledgerID(ctx, db)
	if err != nil {
		return Exported{}, err
	}
	x := exporter{w: w, done: Exported{Ledger: ledger, Device: device}}
	err = db.View(ctx, func(r store.Reader) error { return x.run(ctx, r) })
	return x.done, storefault.Of(err, "export what the signing machine was asked for")
}

// exporter is an Export at work.
type exporter struct {
	w    io.Writer
	out  *signing.ExportWriter
	done Exported
}

func (x *exporter) run(ctx context.Context, r store.Reader) error {
	wallets, err := x.wallets(ctx, r)
	if err != nil {
		return err
	}
	known, err := r.Device(ctx, x.done.Device)
	if err != nil {
		return err
	}
	now, err := r.Now(ctx)
	if err != nil {
		return err
	}
	x.done.Highest = known.Held
	if x.out, err = signing.NewExportWriter(x.w, signing.ExportHeader{Ledger: x.done.Ledger, Device: x.done.Device, MadeAt: now}); err != nil {
		return err
	}
	for _, w := range wallets {
		if err := x.wallet(ctx, r, w); err != nil {
			return err
		}
	}
	for _, w := range wallets {
		if err := x.attempts(ctx, r, w); err != nil {
			return err
		}
	}
	return x.out.Close()
}

// wallets finds those of the machine.
func (x *exporter) wallets(ctx context.Context, r store.Reader) ([]store.Wallet, error) {
	all, err := r.Wallets(ctx, store.WalletFilter{})
	if err != nil {
		return nil, err
	}
	var devices []string
	for _, w := range all {
		if w.Device != "" && !slices.Contains(devices, w.Device) {
			devices = append(devices, w.Device)
		}
	}
	switch {
	case x.done.Device == "" && len(devices) == 1:
		x.done.Device = devices[0]
	case x.done.Device == "" && len(devices) > 1:
		return nil, fault.New(fault.Usage, "which_device", "name one with --device", "the wallets are signed for by %d machines: %s", len(devices), strings.Join(devices, ", "))
	case !slices.Contains(devices, x.done.Device):
		return nil, fault.New(fault.NotFound, "no_such_device", "coffer list --json shows the device of each wallet", "no wallet is signed for by %s", orThatMachine(x.done.Device))
	}
	return slices.DeleteFunc(all, func(w store.Wallet) bool { return w.Device != x.done.Device }), nil
}

func orThatMachine(device string) string {
	if device == "" {
		return "a signing machine"
	}
	return device
}

func (x *exporter) wallet(ctx context.Context, r store.Reader, w store.Wallet) error {
	mark := w.Nonce
	for _, state := range []string{store.NonceFree, store.NonceReserved} {
		open, err := r.Nonces(ctx, store.NonceFilter{WalletID: w.ID, States: []string{state}, Limit: 1})
		if err != nil {
			return err
		}
		if len(open) > 0 {
			mark = min(mark, open[0].Nonce)
		}
	}
	asked, err := r.Attempts(ctx, store.AttemptFilter{WalletID: w.ID, States: []string{store.AttemptAsked}, By: "nonce", Limit: 1})
	if err != nil {
		return err
	}
	if len(asked) > 0 {
		mark = min(mark, asked[0].Nonce)
	}
	x.done.Wallets++
	return x.out.Wallet(signing.ExportWallet{ChainType: w.ChainType, ChainID: w.ChainID, Address: w.Address, Path: w.Path, Cursor: w.Nonce, Mark: mark})
}

// attempts writes those of a wallet, page by page. A page ends between two nonces.
func (x *exporter) attempts(ctx context.Context, r store.Reader, w store.Wallet) error {
	for from, limit := uint64(0), exportAtOnce; ; {
		page, err := r.Attempts(ctx, store.AttemptFilter{WalletID: w.ID, FromNonce: from, By: "nonce", Limit: limit})
		if err != nil {
			return err
		}
		whole := page
		if len(page) == limit {
			last := page[len(page)-1].Nonce
			whole = page[:slices.IndexFunc(page, func(a store.Attempt) bool { return a.Nonce == last })]
			if len(whole) == 0 {
				limit *= 2
				continue
			}
			from = last
		}
		var payments []string
		for _, a := range whole {
			if a.Payment != "" {
				payments = append(payments, a.Payment)
			}
		}
		tokens, err := r.Authorizations(ctx, slices.Compact(payments))
		if err != nil {
			return err
		}
		for _, a := range whole {
			if err := x.attempt(a, tokens[a.Payment]); err != nil {
				return err
			}
		}
		if len(page) < limit {
			return nil
		}
	}
}

func (x *exporter) attempt(a store.Attempt, authorizations []string) error {
	e := signing.ExportAttempt{Intent: a.Intent, Raw: a.Raw, At: a.SignedAt, Authorizations: authorizations}
	if a.Receipt.Device == x.done.Device {
		e.Seq = a.Receipt.Seq
	}
	if a.State == store.AttemptRefused {
		e.Refusal = refusalOf(a)
		e.At = a.UpdatedAt
	}
	x.done.Attempts++
	return x.out.Attempt(e)
}

// refusalOf is the refusal that an attempt's note was made of (refusalNote).
func refusalOf(a store.Attempt) *signing.Refusal {
	r := &signing.Refusal{Kind: signing.RefusalKind(a.Refusal), Code: "refused", Reason: a.Note}
	text, ok := strings.CutPrefix(a.Note, refusedBy)
	open := strings.LastIndex(text, " (")
	if ok && open >= 0 && strings.HasSuffix(text, ")") {
		r.Reason, r.Code = text[:open], text[open+2:len(text)-1]
	}
	return r
}

// refusedBy begins the note of a refused attempt.
const refusedBy = "the signing machine refuses: "

// refusalNote is what is noted of a refusal.
func refusalNote(r signing.Refusal) string { return fmt.Sprintf(refusedBy+"%s (%s)", r.Reason, r.Code) }
