package withdrawal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"coffer.internal/internal/chain/evm/testtoken"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/withdrawal"
)

func TestWithdrawalsArePaid(t *testing.T) {
	onBoth(t, 2, func(w *world) {
		w.token("TEST", testtoken.Good)
		coins := w.submit("a", "b", "c")
		token := w.request("d")
		token.Asset, token.Amount = "TEST", "7"
		_, _, err := w.desk.Submit(w.Context(), token)
		w.must(err)
		w.settle()
		w.wantPaidOnce(coins...)
		w.want("d", store.WithdrawalEnded, store.OutcomePaid)
		for _, hot := range w.wallets {
			w.wantSpent(hot, 2)
		}
		at := w.attempt("a")
		if at.State != store.AttemptFinal || !at.Success || at.Fee == "" || at.BlockNumber == 0 {
			t.Errorf("the attempt is %+v", at)
		}
	})
}

// F03: recovery never prepares a payment anew: nonce, intent and bytes are what they were.
func TestF03ARequestKeepsItsNonceItsIntentAndItsBytes(t *testing.T) {
	onBoth(t, 2, func(w *world) {
		w.journaling = nil // which would tell the answer by itself
		w.open()
		rs := w.submit("a")
		w.pass("bind")
		asked := w.attempt("a")
		for range 3 { // daemons that die before the signing machine answers
			w.machine.dies = 1
			w.open()
			if err := withdrawal.Pass(w.Context(), w.engine); !errors.Is(err, errDied) {
				t.Fatalf("pass: %v", err)
			}
		}
		w.open()
		w.pass("bind", "sign")
		signed := w.attempt("a")
		if signed.ID != asked.ID || signed.Nonce != asked.Nonce || !bytes.Equal(signed.Intent, asked.Intent) {
			t.Errorf("asked was nonce %d, %s; signed is nonce %d, %s", asked.Nonce, asked.Intent, signed.Nonce, signed.Intent)
		}
		for range 3 { // daemons that die after they sent it
			w.open()
			w.pass("bind", "sign", "send")
		}
		w.settle()
		if last := w.attempt("a"); !bytes.Equal(last.Raw, signed.Raw) || last.Hash != signed.Hash {
			t.Error("the bytes are not what they were")
		}
		w.wantPaidOnce(rs...)
	})
}

// F05: a node that does not answer may have the transaction. The same bytes are sent again, and nothing else.
func TestF05ANodeThatDoesNotAnswerMayHaveTheTransaction(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		rs := w.submit("a", "b")
		w.proxy.DropAnswers("eth_sendRawTransaction", 1)
		w.pass("bind", "sign", "send")
		for _, id := range []string{"a", "b"} {
			if at := w.attempt(id); at.State != store.AttemptSent || !strings.HasPrefix(at.Note, "unknown: ") {
				t.Fatalf("%s is %s, %q: its bytes may be out", id, at.State, at.Note)
			}
		}
		if n, err := w.client.PendingTransactionCount(t.Context()); err != nil || n != 2 {
			t.Fatalf("the node has %d, %v: it heard both", n, err)
		}
		w.settle()
		w.wantPaidOnce(rs...)
		w.wantSpent(w.wallets[0], 2)
	})
}

// F22: the database is the queue. Whatever a daemon left behind, in whatever state, the next one takes up.
func TestF22WhatADaemonLeftBehindInAnyStateIsTakenUp(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		rs := w.submit("mined")
		w.pass()
		w.node.Commit()
		w.pass("track")
		for _, until := range []struct {
			id    string
			steps []string
		}{{"sent", []string{"bind", "sign", "send"}}, {"signed", []string{"bind", "sign"}}, {"asked", []string{"bind"}}} {
			rs = append(rs, w.submit(until.id)...)
			w.pass(until.steps...)
		}
		for id, state := range map[string]string{
			"mined": store.AttemptMined, "sent": store.AttemptSent, "signed": store.AttemptSigned, "asked": store.AttemptAsked,
		} {
			if got := w.attempt(id).State; got != state {
				t.Fatalf("%s is %s", id, got)
			}
		}
		rs = append(rs, w.submit("assigned")...)
		w.proxy.Refuse(true) // bound, and then no intent can be made
		_, err := w.ledger.Bind(t.Context(), w.binding("assigned"))
		w.must(err)
		w.proxy.Refuse(false)
		w.want("assigned", store.WithdrawalAssigned, "")
		rs = append(rs, w.submit("queued")...)

		w.open()
		w.settle()
		w.wantPaidOnce(rs...)
		w.wantSpent(w.wallets[0], 6)
	})
}

// F23: the same id and content gets the same answer, however many ask at once; other content is refused with both shown.
func TestF23TheSameRequestIsOnePayment(t *testing.T) {
	onBothAlways(t, 2, func(w *world) {
		r := w.request("a")
		var fresh int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				got, already, err := w.desk.Submit(w.Context(), r)
				if err != nil || got.Request != "a" {
					t.Errorf("submit: %+v, %v", got, err)
				}
				mu.Lock()
				defer mu.Unlock()
				if !already {
					fresh++
				}
			})
		}
		wg.Wait()
		if fresh != 1 {
			t.Errorf("%d were told that theirs was the first", fresh)
		}
		for _, other := range []withdrawal.Request{
			{ID: "a", ChainID: r.ChainID, To: r.To, Amount: "1001", BaseUnits: true},
			{ID: "a", ChainID: r.ChainID, To: w.recipient(), Amount: r.Amount, BaseUnits: true},
		} {
			_, _, err := w.desk.Submit(t.Context(), other)
			if !errors.Is(err, fault.Refused) || !strings.Contains(err.Error(), r.To) || !strings.Contains(err.Error(), other.Amount) {
				t.Errorf("other content: %v", err)
			}
		}
		_, err := w.ledger.Reserve(t.Context(), nonce.Call{Address: w.wallets[0].Address, ChainID: 1337, Request: "a"})
		if !errors.Is(err, fault.Refused) {
			t.Errorf("a reservation by the id of a withdrawal: %v", err)
		}
		w.settle()
		if _, already, err := w.desk.Submit(t.Context(), r); err != nil || !already {
			t.Errorf("submitted again after it was paid: %v, %v", already, err)
		}
		w.settle()
		w.wantPaidOnce(r)
	})
}

// F24: that it was sent cannot be written down. What became of it is read from the chain.
func TestF24WhatWasSentAndNotMarkedIsNotPaidAgain(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		rs := w.submit("a")
		w.pass("bind", "sign")
		w.db.gone = 1
		if err := withdrawal.Pass(t.Context(), w.engine, "send"); !errors.Is(err, errGone) {
			t.Fatalf("send: %v", err)
		}
		if at := w.attempt("a"); at.State != store.AttemptSigned {
			t.Fatalf("the attempt is %s", at.State)
		}
		w.node.Commit() // it is mined while nobody knows that it was sent
		w.open()
		w.pass("send")
		if at := w.attempt("a"); at.State != store.AttemptSent {
			t.Errorf("its nonce is spent, perhaps by these very bytes, and the attempt is %s", at.State)
		}
		w.settle()
		w.wantPaidOnce(rs...)
		w.wantSpent(w.wallets[0], 1)
	})
}

// F34: the signing machine dies between journaling and answering. Asked again, it gives the same signature.
func TestF34ASignatureThatWasNotHeardIsAskedForAgain(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.journaling = nil // which would tell the answer by itself
		w.open()
		rs := w.submit("a", "b", "c")
		w.pass("bind")
		for range 3 {
			w.machine.dies = 1
			if err := withdrawal.Pass(t.Context(), w.engine, "bind", "sign"); !errors.Is(err, errDied) {
				t.Fatalf("sign: %v", err)
			}
			for _, r := range rs {
				if at := w.attempt(r.ID); at.State != store.AttemptAsked {
					t.Fatalf("%s is %s without an answer", r.ID, at.State)
				}
			}
		}
		w.settle()
		w.wantPaidOnce(rs...)
		w.wantSpent(w.wallets[0], 3)
		if st, err := w.machine.Status(t.Context()); err != nil || st.Signed != 3 {
			t.Errorf("the machine signed %d, %v; three payments are three signatures", st.Signed, err)
		}
	})
}

// F29: a block is left behind. The same bytes go out again, and the payment is still one.
func TestF29APaymentWhoseBlockIsLeftBehindIsPaidOnce(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		before := w.node.Commit()
		rs := w.submit("a")
		w.pass("bind", "sign", "send")
		w.node.Commit()
		w.pass("track")
		mined := w.attempt("a")
		if mined.State != store.AttemptMined {
			t.Fatalf("the attempt is %s", mined.State)
		}
		w.must(w.node.Fork(before))
		w.node.ClearPool()
		w.node.Commit()
		w.node.Commit()
		w.pass("track")
		w.settle()
		w.wantPaidOnce(rs...)
		if at := w.attempt("a"); !bytes.Equal(at.Raw, mined.Raw) {
			t.Error("other bytes were sent")
		}
		w.wantSpent(w.wallets[0], 1)
	})
}

func TestManyCallersArePaidByARunningEngine(t *testing.T) {
	onBothAlways(t, 4, func(w *world) {
		ids := make([]string, 40)
		for i := range ids {
			ids[i] = fmt.Sprint("r-", i)
		}
		rs := make([]withdrawal.Request, len(ids))
		for i, id := range ids {
			rs[i] = w.request(id)
		}
		stop := w.run()
		var wg sync.WaitGroup
		for _, r := range rs {
			wg.Go(func() {
				if _, _, err := w.desk.Submit(w.Context(), r); err != nil {
					t.Error(err)
				}
				if _, err := w.desk.Wait(w.Context(), r.ID, withdrawal.Final, w.setup.Poll); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		stop()
		w.wantPaidOnce(rs...)
	})
}
