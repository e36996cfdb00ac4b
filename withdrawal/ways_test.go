package withdrawal_test

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"coffer.internal/internal/chain/evm/testtoken"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/signing"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// F18, F38: one that can never be paid is refused before a nonce is bound to it, and holds up nobody.
func TestF38APoisonedPaymentIsRefusedAndTheOthersArePaid(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		refuser, err := w.node.Deploy(t.Context(), w.rich, testtoken.Refuser())
		w.must(err)
		rs := w.submit("a", "b")
		poison := w.request("poison")
		poison.To = refuser.Hex()
		_, _, err = w.desk.Submit(t.Context(), poison)
		w.must(err)
		rs = append(rs, w.submit("c")...)
		w.settle()
		w.wantPaidOnce(rs...)
		if got := w.want("poison", store.WithdrawalEnded, store.OutcomeRefused); got.Nonce != nil || got.Reason == "" {
			t.Errorf("refused with nonce %v because %q", got.Nonce, got.Reason)
		}
		w.wantSpent(w.wallets[0], 3)
		if row := w.audit("withdrawal.end", "poison"); row.After != store.OutcomeRefused {
			t.Errorf("its record is %+v", row)
		}
	})
}

func TestAPaymentWithoutFundsWaitsAndLetsOthersPass(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		big := w.request("big")
		big.Amount = ether(11).String()
		_, _, err := w.desk.Submit(t.Context(), big)
		w.must(err)
		rs := w.submit("a")
		w.settle()
		w.wantPaidOnce(rs...)
		if got := w.want("big", store.WithdrawalQueued, ""); !strings.Contains(got.Reason, "funds") {
			t.Errorf("it waits because %q", got.Reason)
		}
		w.wantSpent(w.wallets[0], 1)
	})
}

// What is under way is not spent twice: it counts until it is in a block.
func TestWhatIsUnderWayIsNotSpentTwice(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		for _, id := range []string{"a", "b"} {
			r := w.request(id)
			r.Amount = ether(6).String() // the wallet has ten
			_, _, err := w.desk.Submit(t.Context(), r)
			w.must(err)
			w.pass("bind", "sign", "send")
		}
		if at := w.attempt("a"); at.State != store.AttemptSent {
			t.Errorf("a is %s", at.State)
		}
		if got := w.want("b", store.WithdrawalQueued, ""); got.Nonce != nil || !strings.Contains(got.Reason, "funds") {
			t.Errorf("b has nonce %v and waits because %q", got.Nonce, got.Reason)
		}
	})
}

// refuseOnce has the machine refuse one payment once, in a way that it has no rules for yet.
func (w *world) refuseOnce(payment string, kind signing.RefusalKind) {
	done := false
	w.machine.refuse = func(i signing.Intent) *signing.Refusal {
		if i.Payment != payment || done {
			return nil
		}
		done = true
		return &signing.Refusal{Kind: kind, Code: "test", Reason: "not now"}
	}
}

func TestAPassingRefusalQueuesThePaymentAgainAndItsNonceIsFilled(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.refuseOnce("a", signing.RefusedForNow)
		rs := w.submit("a")
		w.pass("bind", "sign")
		if got := w.want("a", store.WithdrawalQueued, ""); !strings.Contains(got.Reason, "not now") {
			t.Errorf("it waits because %q", got.Reason)
		}
		rs = append(rs, w.submit("b")...)
		withdrawal.ForgetAsides(w.engine)
		w.settle()
		w.wantPaidOnce(rs...)
		as := w.story("a").Attempts
		if len(as) != 2 || as[0].State != store.AttemptRefused || as[0].Nonce != 0 || as[1].State != store.AttemptFinal || as[1].Nonce == 0 {
			t.Errorf("its attempts are %+v", as)
		}
		w.wantSpent(w.wallets[0], 3) // two payments, and the transfer of nothing at the refused one's nonce
		w.wantFills(1)
	})
}

func TestARefusalForGoodEndsThePaymentAndItsNonceIsFilled(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.refuseOnce("a", signing.RefusedForGood)
		w.submit("a")
		rs := w.submit("b")
		w.settle()
		w.wantPaidOnce(rs...)
		w.want("a", store.WithdrawalEnded, store.OutcomeRefused)
		w.wantSpent(w.wallets[0], 2)
		w.wantFills(1)
	})
}

func TestAConflictAtTheSigningMachineWaitsForAPerson(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.refuseOnce("a", signing.RefusedAsConflict)
		w.submit("a")
		rs := w.submit("b")
		w.settle()
		w.wantPaidOnce(rs...)
		w.want("a", store.WithdrawalNeedsReview, "")
	})
}

func TestARefusedFillIsNotAskedForAgain(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		fills := 0
		w.machine.refuse = func(i signing.Intent) *signing.Refusal {
			if i.Purpose == signing.PurposeGapFill {
				fills++
			}
			return &signing.Refusal{Kind: signing.RefusedForGood, Code: "test", Reason: "never"}
		}
		w.submit("a")
		w.settle()
		if fills != 1 {
			t.Errorf("%d fills were asked for", fills)
		}
	})
}

// wantFills checks how many gap fills became final.
func (w *world) wantFills(n int) {
	w.Helper()
	var fills []store.Attempt
	w.must(w.db.View(w.Context(), func(r store.Reader) error {
		all, err := r.Attempts(w.Context(), store.AttemptFilter{States: []string{store.AttemptFinal}})
		fills = slices.DeleteFunc(all, func(a store.Attempt) bool { return a.Purpose != string(signing.PurposeGapFill) })
		return err
	}))
	if len(fills) != n {
		w.Errorf("%d gap fills are final, want %d", len(fills), n)
	}
}

// audits are the records of an action, newest first.
func (w *world) audits(action, subject string) (rows []store.AuditRow) {
	w.Helper()
	w.must(w.db.View(w.Context(), func(r store.Reader) (err error) {
		rows, err = r.Audit(w.Context(), store.AuditFilter{Action: action, Subject: subject})
		return err
	}))
	return rows
}

func (w *world) audit(action, subject string) store.AuditRow {
	w.Helper()
	rows := w.audits(action, subject)
	if len(rows) != 1 {
		w.Fatalf("%d audit rows of %s %s", len(rows), action, subject)
	}
	return rows[0]
}

// F19: a nonce that was given back below a signed one goes to the next payment; with none there, it is filled.
func TestF19AFreeNonceBelowASignedOneIsTakenOrFilled(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		hot := w.wallets[0]
		held := w.reserve(hot, "held", 2)
		rs := w.submit("a")
		w.pass("bind", "sign", "send")
		if at := w.attempt("a"); at.Nonce != 2 || at.State != store.AttemptSigned {
			t.Fatalf("a is %s at nonce %d: nothing is sent above a missing nonce", at.State, at.Nonce)
		}
		for _, row := range held.Rows {
			w.must(w.ledger.Release(t.Context(), hot.Address, hot.ChainID, row.Nonce, row.Fence))
		}
		rs = append(rs, w.submit("b")...)
		w.settle()
		if at := w.attempt("b"); at.Nonce != 0 {
			t.Errorf("b has nonce %d", at.Nonce)
		}
		w.wantPaidOnce(rs...)
		w.wantFills(1)
		w.wantSpent(hot, 3)
	})
}

func (w *world) reserve(hot wallet.Wallet, request string, count int) nonce.Reservation {
	w.Helper()
	r, err := w.ledger.Reserve(w.Context(), nonce.Call{Address: hot.Address, ChainID: hot.ChainID, Request: request, Count: count})
	w.must(err)
	return r
}

// F31: a transfer that the chain undoes is failed: final, the nonce used, not paid again.
func TestF31APaymentThatFailsOnTheChainEndsFailed(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		rich := crypto.PubkeyToAddress(w.rich.PublicKey)
		n, err := w.client.NonceAt(t.Context(), rich, nil)
		w.must(err)
		r := w.request("a")
		r.To = crypto.CreateAddress(rich, n).Hex()
		_, _, err = w.desk.Submit(t.Context(), r)
		w.must(err)
		w.pass("bind", "sign")
		_, err = w.node.Deploy(t.Context(), w.rich, testtoken.Refuser()) // the recipient becomes a contract that takes nothing
		w.must(err)
		w.settle()
		if got := w.want("a", store.WithdrawalEnded, store.OutcomeFailed); got.Reason == "" {
			t.Error("no reason")
		}
		if at := w.attempt("a"); at.Success || at.Fee == "0" || at.Fee == "" {
			t.Errorf("the attempt is %+v", at)
		}
		w.settle()
		w.wantSpent(w.wallets[0], 1)
	})
}

func TestSuccessWithoutATransferIsNeitherPaidNorFailed(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.token("FEE", testtoken.TakesFee) // the recipient gets one less than the intent says
		r := w.request("a")
		r.Asset, r.Amount = "FEE", "5"
		_, _, err := w.desk.Submit(t.Context(), r)
		w.must(err)
		w.settle()
		w.want("a", store.WithdrawalNeedsReview, "")
		w.settle()
		w.want("a", store.WithdrawalNeedsReview, "")
		w.wantSpent(w.wallets[0], 1)
	})
}

func TestAGoProgramPaysWithNoncesItReserved(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		res := w.reserve(w.wallets[0], "batch", 2)
		to := []string{w.recipient(), w.recipient()}
		for row := range 2 {
			for range 2 { // said again it is the same payment
				got, err := w.engine.Pay(t.Context(), res, row, withdrawal.PayRequest{To: to[row], Amount: "1000", BaseUnits: true})
				if err != nil || got.Request != fmt.Sprintf("batch#%d", row) || got.Nonce == nil || *got.Nonce != uint64(row) || got.Hash == "" {
					t.Fatalf("pay: %+v, %v", got, err)
				}
			}
		}
		_, err := w.engine.Pay(t.Context(), res, 0, withdrawal.PayRequest{To: to[0], Amount: "1001", BaseUnits: true})
		if !errors.Is(err, fault.Refused) || !strings.Contains(err.Error(), "1000") || !strings.Contains(err.Error(), "1001") {
			t.Errorf("other content: %v", err)
		}
		w.settle()
		for row, address := range to {
			w.want(fmt.Sprintf("batch#%d", row), store.WithdrawalEnded, store.OutcomePaid)
			if got := w.balance(address); got.Cmp(big.NewInt(1000)) != 0 {
				t.Errorf("row %d paid %s", row, got)
			}
		}
		w.wantSpent(w.wallets[0], 2)
	})
}

// A signing machine that does not answer leaves a payment that is asked for; the daemon has it signed.
func TestWhatAProgramAskedForIsSignedByTheDaemonIfNeedBe(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		res := w.reserve(w.wallets[0], "one", 1)
		w.machine.dies = 1
		to := w.recipient()
		got, err := w.engine.Pay(t.Context(), res, 0, withdrawal.PayRequest{To: to, Amount: "1000", BaseUnits: true})
		if err != nil || got.Hash != "" || got.State != store.WithdrawalAssigned {
			t.Fatalf("pay: %+v, %v", got, err)
		}
		w.settle()
		w.wantPaidOnce(withdrawal.Request{ID: "one", To: to, Amount: "1000"})
	})
}

// F21: who slept through the expiry of a reservation is refused before the signing machine hears of it.
func TestF21AReservationThatWentToSomebodyElseCannotPay(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		hot := w.wallets[0]
		old := w.reserve(hot, "sleeper", 1)
		w.must(w.ledger.Release(t.Context(), hot.Address, hot.ChainID, 0, old.Rows[0].Fence))
		w.reserve(hot, "other", 1)
		w.machine.asked = func([]signing.Intent) { t.Error("the signing machine was asked") }
		_, err := w.engine.Pay(t.Context(), old, 0, withdrawal.PayRequest{To: w.recipient(), Amount: "1000", BaseUnits: true})
		if !errors.Is(err, fault.Refused) {
			t.Errorf("pay: %v", err)
		}
		if row := w.audit("withdrawal.accept", "sleeper"); row.Result != store.ResultRefused {
			t.Errorf("its record is %+v", row)
		}
	})
}

func TestWhatAProgramCannotPayIsRefused(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		res := w.reserve(w.wallets[0], "one", 1)
		refuser, err := w.node.Deploy(t.Context(), w.rich, testtoken.Refuser())
		w.must(err)
		elsewhere := res
		elsewhere.Wallet.Device = ""
		for name, c := range map[string]struct {
			res  nonce.Reservation
			row  int
			q    withdrawal.PayRequest
			kind error
		}{
			"a key elsewhere":         {elsewhere, 0, withdrawal.PayRequest{To: w.recipient(), Amount: "1"}, fault.Refused},
			"no such row":             {res, 1, withdrawal.PayRequest{To: w.recipient(), Amount: "1"}, fault.Usage},
			"not the wallet's funds":  {res, 0, withdrawal.PayRequest{To: w.recipient(), Amount: "11"}, fault.Unavailable},
			"a recipient who refuses": {res, 0, withdrawal.PayRequest{To: refuser.Hex(), Amount: "1"}, fault.Refused},
			"nothing":                 {res, 0, withdrawal.PayRequest{To: w.recipient(), Amount: "0"}, fault.Usage},
			"nobody":                  {res, 0, withdrawal.PayRequest{To: common.Address{}.Hex(), Amount: "1"}, fault.Usage},
			"an asset nobody knows":   {res, 0, withdrawal.PayRequest{To: w.recipient(), Amount: "1", Asset: "DOGE"}, fault.Usage},
		} {
			if _, err := w.engine.Pay(t.Context(), c.res, c.row, c.q); !errors.Is(err, c.kind) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if list, err := w.desk.List(t.Context(), withdrawal.ListFilter{}); err != nil || len(list) != 0 {
			t.Errorf("there are %+v, %v", list, err)
		}
	})
}

// A wallet never has more under way than it has room for, whoever asks.
func TestRoomIsKept(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		ids := make([]string, maxUnmined+4)
		for i := range ids {
			ids[i] = fmt.Sprint("r-", i)
		}
		rs := w.submit(ids...)
		w.pass("bind", "sign", "send")
		info, err := w.ledger.Info(t.Context(), w.wallets[0].Address, 1337)
		w.must(err)
		if info.Load.Unmined != maxUnmined {
			t.Errorf("%d are under way", info.Load.Unmined)
		}
		res := w.reserve(w.wallets[0], "one", 1)
		if _, err := w.engine.Pay(t.Context(), res, 0, withdrawal.PayRequest{To: w.recipient(), Amount: "1"}); !errors.Is(err, fault.Unavailable) {
			t.Errorf("pay without room: %v", err)
		}
		w.must(w.ledger.Release(t.Context(), w.wallets[0].Address, 1337, res.Rows[0].Nonce, res.Rows[0].Fence))
		w.settle()
		w.settle()
		w.wantPaidOnce(rs...)
	})
}
