package withdrawal

import (
	"bytes"
	"context"
	"fmt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
	"coffer.internal/wallet"
)

// Imported is what became of one answer.
type Imported struct {
	Request string `json:"request"` // payment id; empty: a transfer of nothing
	Purpose string `json:"purpose"`
	Wallet  string `json:"wallet"`
	ChainID int64  `json:"chain_id"`
	Nonce   uint64 `json:"nonce"`
	Hash    string `json:"hash"`    // of the signed transaction; empty: refused
	Refused string `json:"refused"` // why the machine refused; empty: signed
	Already bool   `json:"already"` // it was stored before
}

// imported is an answer with the attempt that it is to.
type imported struct {
	signing.Answered
	lane    *lane
	attempt store.Attempt
}

// Import stores the answers of a machine that no network reaches. Each is held against what was asked, as the client of a machine that
// answers here does: its digest, its transaction, its hash, its receipt. What does not fit refuses the file whole (fault.Refused), and
// nothing of it is stored. Said again, every answer is there already. Sending and tracking are the daemon's.
func (e *Engine) Import(ctx context.Context, o signing.OfflineAnswers) ([]Imported, error) {
	all, err := e.vetAnswers(ctx, o)
	if err != nil {
		return nil, err
	}
	report := make([]Imported, len(all))
	for n, x := range all {
		i := x.Intent
		report[n] = Imported{Request: i.Payment, Purpose: string(i.Purpose), Wallet: i.From, ChainID: i.ChainID, Nonce: i.Nonce, Hash: x.Answer.Hash}
		if r := x.Answer.Refusal; r != nil {
			report[n].Refused = fmt.Sprintf("%s (%s)", r.Reason, r.Code)
		}
		if report[n].Already = x.attempt.State != store.AttemptAsked; report[n].Already {
			continue
		}
		err := settle(1, func(int, int) error { return x.lane.answeredOffline(ctx, o.Device, x.attempt, x.Answer) })
		if err != nil {
			return nil, err
		}
	}
	e.Wake()
	return report, nil
}

// vetAnswers holds the whole file against what was asked, before anything of it is stored.
func (e *Engine) vetAnswers(ctx context.Context, o signing.OfflineAnswers) ([]imported, error) {
	ledger, err := ledgerID(ctx, e.leases.db)
	if err != nil {
		return nil, err
	}
	if o.Ledger != ledger {
		return nil, fault.New(fault.Refused, "other_ledger", "import it where it was exported", "the file answers ledger %s, and this is %s", o.Ledger, ledger)
	}
	each, err := o.Each()
	if err != nil {
		return nil, fault.Wrap(err, fault.Refused, "bad_answers", "carry the file over again, or have it signed again", "the file is no file of answers")
	}
	all := make([]imported, len(each))
	for n, a := range each {
		if all[n], err = e.vetAnswer(ctx, o.Device, a); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (e *Engine) vetAnswer(ctx context.Context, device string, a signing.Answered) (imported, error) {
	i := a.Intent
	x := imported{Answered: a, lane: e.lane(i.ChainType, i.ChainID)}
	if x.lane == nil {
		return x, notConfigured(wallet.ChainType(i.ChainType), i.ChainID)
	}
	if a.Answer.Refusal == nil {
		if hash, err := x.lane.chain.Verify(i, a.Answer.Raw); err != nil || hash != a.Answer.Hash {
			return x, fault.Wrap(err, fault.Refused, "wrong_transaction", "find out who changed it: the machine does not sign this", "the bytes of %s are not what was asked for", i.Digest())
		}
	}
	err := e.leases.db.View(ctx, func(r store.Reader) (err error) {
		x.attempt, err = askedFor(ctx, r, device, i)
		return err
	})
	if err != nil {
		return x, storefault.Of(err, "find what was asked for")
	}
	return x, x.contradicts()
}

// askedFor finds the attempt of an intent.
func askedFor(ctx context.Context, r store.Reader, device string, i signing.Intent) (store.Attempt, error) {
	ws, err := r.Wallets(ctx, store.WalletFilter{ChainType: i.ChainType, ChainID: &i.ChainID, Address: i.From})
	if err != nil {
		return store.Attempt{}, err
	}
	if len(ws) == 0 || ws[0].Device != device {
		return store.Attempt{}, fault.New(fault.Refused, "other_device", fmt.Sprintf("coffer info %s %d", i.From, i.ChainID), "%s is no wallet of machine %s here", i.From, device)
	}
	as, err := r.Attempts(ctx, store.AttemptFilter{WalletID: ws[0].ID, Nonce: &i.Nonce, Digests: []string{i.Digest().String()}})
	if err != nil {
		return store.Attempt{}, err
	}
	if len(as) == 0 {
		return store.Attempt{}, fault.New(fault.Refused, "never_asked", "coffer recover, if the database was restored from a backup",
			"nobody here asked for %s: nonce %d of %s, payment %q", i.Digest(), i.Nonce, i.From, i.Payment)
	}
	return as[0], nil
}

// contradicts says that another answer is stored than the file has.
func (x imported) contradicts() error {
	a := x.attempt
	stored := a.State == store.AttemptAsked || a.State == store.AttemptSuperseded && a.Raw == nil
	if x.Answer.Refusal == nil {
		stored = stored || bytes.Equal(a.Raw, x.Answer.Raw)
	} else {
		stored = stored || a.State == store.AttemptRefused
	}
	if stored {
		return nil
	}
	return fault.New(fault.Refused, "answer_differs", "coffer tx show "+a.Payment, "another answer to attempt %d is stored already", a.ID)
}

// answeredOffline writes an answer down. A payment that is refused for now ends with that: the engine would bind it to a hot wallet
// otherwise, by another policy than the one that was meant to judge it.
func (l *lane) answeredOffline(ctx context.Context, device string, a store.Attempt, answer signing.Answer) error {
	return l.concluded(ctx, []store.Attempt{a}, []signing.Answer{answer}, conclusion{final: true, receipt: func(a signing.Answer) store.Receipt {
		return store.Receipt{Device: device, Seq: a.Receipt.Seq, Signature: a.Receipt.Signature}
	}})
}
