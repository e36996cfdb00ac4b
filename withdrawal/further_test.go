package withdrawal_test

import (
	"context"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/chain/evm/testtoken"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/store"
	"coffer.internal/signing"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// states lists the states of a payment's attempts, oldest first.
func (w *world) states(id string) []string {
	w.Helper()
	var all []string
	for _, a := range w.story(id).Attempts {
		all = append(all, a.State)
	}
	return all
}

func (w *world) wantStates(id string, want ...string) {
	w.Helper()
	got := w.states(id)
	for len(got) < len(want) {
		got = append(got, "none")
	}
	for i := range got {
		if i >= len(want) || got[i] != want[i] {
			w.Fatalf("the attempts of %s are %v, want %v", id, got, want)
		}
	}
}

func (w *world) bump(id string) (already bool) {
	w.Helper()
	_, already, err := w.desk.Bump(w.Context(), id, "in a hurry")
	w.must(err)
	return already
}

func (w *world) cancel(id string) (already bool) {
	w.Helper()
	_, already, err := w.desk.Cancel(w.Context(), id, "the customer asked")
	w.must(err)
	return already
}

// onChain is how many transactions of a wallet the chain has counted.
func (w *world) onChain(hot wallet.Wallet) uint64 {
	w.Helper()
	n, err := w.client.NonceAt(w.Context(), common.HexToAddress(hot.Address), nil)
	w.must(err)
	return n
}

// F07, F08: what is not mined gets higher fees at the same nonce, and nothing else is touched; one of the two is mined.
func TestF07F08ABumpIsAReplacementAtThatNonceAlone(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		rs := w.submit("a", "b")
		w.pass("bind", "sign", "send")
		if w.bump("a") || !w.bump("a") {
			w.Error("a bump said twice is not the same bump")
		}
		w.pass("mend", "sign", "send")
		w.wantStates("a", "sent", "sent")
		w.wantStates("b", "sent")
		as := w.story("a").Attempts
		if as[0].Nonce != as[1].Nonce || as[0].Hash == as[1].Hash || as[1].Purpose != string(signing.PurposePayment) {
			w.Errorf("the attempts are %+v", as)
		}
		w.settle()
		w.wantPaidOnce(rs...)
		w.wantStates("a", "superseded", "final")
		w.wantSpent(w.wallets[0], 2)
		if _, _, err := w.desk.Bump(w.Context(), "a", ""); !errors.Is(err, fault.Refused) {
			w.Errorf("a bump after the end: %v", err)
		}
	})
}

// F30, F20: blocks pass it by; the lowest nonce is bumped by itself, and only that.
func TestF20WhatBlocksPassByIsBumpedByItself(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.setup.BumpAfter = 1
		w.open()
		rs := w.submit("a", "b")
		w.pass("bind", "sign", "send")
		for range 4 {
			w.pass("mend")
			w.node.ClearPool() // the node does not mine it
			w.node.Commit()
		}
		w.pass("mend", "sign")
		if a, b := w.states("a"), w.states("b"); len(a) != 2 || len(b) != 1 {
			w.Fatalf("a has %v, b has %v", a, b)
		}
		w.settle()
		w.wantPaidOnce(rs...)
		w.wantSpent(w.wallets[0], 2)
	})
}

// slowChain does something while it is asked what became of transactions.
type slowChain struct {
	chain.Chain
	meanwhile func()
}

func (c *slowChain) Watch(ctx context.Context, txs []chain.Tx) ([]chain.Sighting, error) {
	seen, err := c.Chain.Watch(ctx, txs)
	if c.meanwhile != nil {
		c.meanwhile()
	}
	return seen, err
}

// lateChain answers the draft of a further attempt late.
type lateChain struct {
	chain.Chain
	drafting, draft chan struct{}
}

func (c *lateChain) Draft(ctx context.Context, orders []chain.Order) ([]chain.Drafted, error) {
	if len(orders[0].Replaces) > 0 && c.drafting != nil {
		close(c.drafting)
		<-c.draft
		c.drafting = nil
	}
	return c.Chain.Draft(ctx, orders)
}

// F08, F22: a replacement is asked for on an older look, after the pass that finds the first attempt final has read what is out. It can be
// in no block any more, and may not stay on its way for ever: the wallet would be called stuck.
func TestF08AReplacementThatIsAskedForTooLateIsSettled(t *testing.T) {
	onBothAlways(t, 1, func(w *world) {
		late := &lateChain{Chain: w.setup.Chain, drafting: make(chan struct{}), draft: make(chan struct{})}
		slow := &slowChain{Chain: late}
		w.setup.Chain = slow
		w.open()
		rs := w.submit("a")
		w.pass("bind", "sign", "send")
		w.bump("a")
		drafting, mended := late.drafting, make(chan error, 1)
		go func() { mended <- withdrawal.PassOnly(w.Context(), w.engine, "mend") }()
		<-drafting
		for range 1 + confirmations {
			w.node.Commit()
		}
		slow.meanwhile = func() { // the pass has read what is out, and asks the chain
			slow.meanwhile = nil
			if got := w.states("a"); got[0] == store.AttemptSent { // it is written down as mined first
				slow.meanwhile = func() {
					slow.meanwhile = nil
					close(late.draft)
					w.must(<-mended)
				}
			}
		}
		w.pass("track")
		w.wantStates("a", "final", "asked")
		w.pass("sign", "send")
		w.wantStates("a", "final", "sent")
		w.settle()
		w.wantPaidOnce(rs...)
		w.wantStates("a", "final", "superseded")
		w.wantSpent(w.wallets[0], 1)
	})
}

// F10, F24: what a pass saw of the old nonce says nothing about a payment that a person queued again while it looked, wherever that is
// by now.
func TestF10APassThatLookedAtTheOldNonceLeavesAPaymentThatWasQueuedAgain(t *testing.T) {
	for name, bound := range map[string]bool{"still queued": false, "bound again": true} {
		onBoth(t, 1, func(w *world) {
			slow := &slowChain{Chain: w.setup.Chain}
			w.setup.Chain = slow
			w.open()
			rs := w.submit("a")
			w.pass("bind", "sign", "send")
			w.spendElsewhere(w.wallets[0])
			for range 3 + confirmations {
				w.pass("track")
				w.node.Commit()
			}
			w.pass("track")
			w.want("a", store.WithdrawalNeedsReview, "")
			w.release("a")
			slow.meanwhile = func() {
				slow.meanwhile = nil
				_, _, err := w.desk.Requeue(w.Context(), "a", "released")
				w.must(err)
				if bound {
					w.must(withdrawal.PassOnly(w.Context(), w.engine, "bind"))
				}
			}
			w.pass("track")
			if got := w.story("a").Withdrawal; got.State == store.WithdrawalNeedsReview {
				w.Errorf("%s: it is in review again: %s", name, got.Reason)
			}
			w.settle()
			w.settle()
			w.wantPaidOnce(rs...)
		})
	}
}

// dearChain is one whose next block is too dear for whatever stands in its pool, or for nothing.
type dearChain struct {
	*evm.Chain
	dear bool
}

func (c *dearChain) Draft(ctx context.Context, orders []chain.Order) ([]chain.Drafted, error) {
	drafts, err := c.Chain.Draft(ctx, orders)
	for i := range drafts {
		drafts[i].Outpriced = c.dear && len(orders[i].Replaces) > 0
	}
	return drafts, err
}

// F30: the chain became too dear for all that waits; it is all replaced, not one nonce after the other.
func TestF30WhatTheChainBecameTooDearForIsBumpedTogether(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		dear := &dearChain{Chain: w.setup.Chain.(*evm.Chain)}
		w.setup.BumpAfter, w.setup.Chain = 1, dear
		w.open()
		rs := w.submit("a", "b", "c")
		w.pass("bind", "sign", "send")
		for range 4 {
			dear.dear = true
			w.pass("mend")
			w.node.ClearPool() // the node does not mine it
			w.node.Commit()
		}
		w.pass("mend", "sign")
		for _, r := range rs {
			if got := w.states(r.ID); len(got) != 2 {
				w.Errorf("%s has %v", r.ID, got)
			}
		}
		w.settle()
		w.wantPaidOnce(rs...)
	})
}

func TestF19ACancelledPaymentThatWasNotAskedForEndsAtOnce(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.submit("queued")
		if w.cancel("queued") || !w.cancel("queued") {
			w.Error("a cancellation said twice is not the same one")
		}
		w.want("queued", store.WithdrawalEnded, store.OutcomeCancelled)
		w.submit("assigned")
		_, err := w.ledger.Bind(w.Context(), w.binding("assigned"))
		w.must(err)
		w.cancel("assigned")
		w.want("assigned", store.WithdrawalEnded, store.OutcomeCancelled)
		rs := w.submit("next")
		w.settle()
		w.wantPaidOnce(rs...)
		w.wantSpent(w.wallets[0], 1) // F19: its nonce went to the next payment
	})
}

func TestACancellationTakesTheNonceOfAPaymentUnderWay(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		rs := w.submit("a")
		w.pass("bind", "sign", "send")
		if w.cancel("a") || !w.cancel("a") {
			w.Error("a cancellation said twice is not the same one")
		}
		w.want("a", store.WithdrawalAssigned, "")
		others := w.submit("b")
		w.pass("bind", "mend", "sign", "send")
		w.settle()
		w.want("a", store.WithdrawalEnded, store.OutcomeCancelled)
		w.wantStates("a", "superseded", "final")
		if got := w.balance(rs[0].To); got.Sign() != 0 {
			w.Errorf("the customer of a cancelled payment has %s", got)
		}
		w.wantPaidOnce(others...)
		w.wantSpent(w.wallets[0], 2)
	})
}

func TestAPaymentThatIsMinedBeforeItsCancellationIsPaid(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		rs := w.submit("a")
		w.pass("bind", "sign", "send")
		w.cancel("a")
		w.pass("mend", "sign")
		w.node.Commit()
		w.settle()
		w.wantPaidOnce(rs...)
		w.wantStates("a", "final", "superseded")
		w.wantSpent(w.wallets[0], 1)
	})
}

// The machine signed the payment, and nobody heard of it. The cancellation is asked for over that, and decides.
func TestACancellationOverAnUnansweredAsk(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		rs := w.submit("a")
		w.pass("bind")
		w.cancel("a")
		w.pass("mend", "sign")
		w.settle()
		w.want("a", store.WithdrawalEnded, store.OutcomeCancelled)
		if got := w.balance(rs[0].To); got.Sign() != 0 {
			w.Errorf("the customer of a cancelled payment has %s", got)
		}
		w.wantStates("a", "refused", "final")
	})
}

func TestAPaymentToAWalletOfOurOwnIsRefused(t *testing.T) {
	onBoth(t, 2, func(w *world) {
		r := w.request("a")
		r.To = w.wallets[1].Address
		if _, _, err := w.desk.Submit(w.Context(), r); !errors.Is(err, fault.Refused) {
			w.Errorf("accepted: %v", err)
		}
		late := w.request("b") // registered after it was accepted
		_, _, err := w.desk.Submit(w.Context(), late)
		w.must(err)
		_, _, err = wallet.NewRegistry(w.db, w.machine, "tester").CreateInternal(w.Context(), wallet.InternalRequest{
			Address: late.To, ChainType: wallet.EVM, ChainID: w.setup.ID, Type: wallet.Cold,
		})
		w.must(err)
		w.settle()
		w.want("b", store.WithdrawalEnded, store.OutcomeRefused)
		w.wantSpent(w.wallets[0], 0)
	})
}

// spendElsewhere sends a transaction with a wallet's key past coffer, and mines it.
func (w *world) spendElsewhere(hot wallet.Wallet) {
	w.Helper()
	key, err := derive.Secp256k1(w.seed, hot.Path)
	w.must(err)
	id := big.NewInt(w.setup.ID)
	to := common.HexToAddress(w.recipient())
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: w.onChain(hot), To: &to, Gas: 21_000, Value: big.NewInt(1), GasFeeCap: big.NewInt(30 * params.GWei), GasTipCap: big.NewInt(10 * params.GWei),
	})
	w.must(err)
	w.must(w.client.SendTransaction(w.Context(), tx))
	w.node.Commit()
}

// F10, F11: the nonce of a payment under way is spent by something else. Nothing is paid again before a release at the signing
// machine; with it, the payment is paid once, at another nonce.
func TestF10AForeignSpendWaitsForAReleaseAndIsThenPaidOnce(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		hot := w.wallets[0]
		rs := w.submit("a")
		w.pass("bind", "sign", "send")
		w.spendElsewhere(hot)
		for range 3 {
			w.pass("track")
		}
		w.want("a", store.WithdrawalNeedsReview, "")
		if _, _, err := w.desk.Requeue(w.Context(), "a", "x"); !errors.Is(err, fault.Refused) {
			w.Errorf("requeued before anything is final: %v", err)
		}
		for range confirmations {
			w.node.Commit()
			w.pass("track")
		}
		w.want("a", store.WithdrawalNeedsReview, "")
		if _, _, err := w.desk.Requeue(w.Context(), "a", "x"); !errors.Is(err, fault.Refused) {
			w.Errorf("requeued without a release: %v", err)
		}
		w.release("a")
		_, already, err := w.desk.Requeue(w.Context(), "a", "released")
		w.must(err)
		if again, _, err := w.desk.Requeue(w.Context(), "a", "released"); already || err != nil || again.State != store.WithdrawalQueued {
			w.Errorf("requeued twice: %v, %+v, %v", already, again, err)
		}
		w.wantStates("a", "superseded")
		w.settle()
		w.settle()
		w.wantPaidOnce(rs...)
		w.wantStates("a", "superseded", "final")
		w.wantSpent(hot, 2)
	})
}

// A person may take his time over it: meanwhile nothing is outbid that stands on the chain, and the wallet pays others.
func TestF10APaymentInReviewIsNotReplacedAndHoldsUpNoOther(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		hot := w.wallets[0]
		w.setup.BumpAfter, w.setup.StuckAfter = 1, 1
		w.open()
		w.submit("a")
		w.pass("bind", "sign", "send")
		w.spendElsewhere(hot)
		for range 3 + confirmations {
			w.pass("track")
			w.node.Commit()
		}
		w.pass("track")
		w.want("a", store.WithdrawalNeedsReview, "")
		for range 4 {
			w.pass("mend", "sign", "send", "guard")
			w.node.Commit()
		}
		w.wantStates("a", "sent")
		for _, alarm := range w.alarms() {
			if alarm.Kind != string(withdrawal.AlarmNeedsReview) && !alarm.Sticky {
				w.Errorf("alarm %s: %s", alarm.Kind, alarm.Why)
			}
			if alarm.Sticky {
				_, _, err := w.desk.LiftAlarm(w.Context(), alarm.ID, "it was me")
				w.must(err)
			}
		}
		rs := w.submit("b")
		w.settle()
		w.settle()
		w.wantPaidOnce(rs...)
	})
}

func TestF10APaymentWhoseNonceWasSpentByOthersCanBeGivenUp(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		rs := w.submit("a")
		w.pass("bind", "sign", "send")
		w.spendElsewhere(w.wallets[0])
		for range 3 {
			w.pass("track")
		}
		if _, _, err := w.desk.Cancel(w.Context(), "a", "x"); !errors.Is(err, fault.Refused) {
			w.Errorf("given up before anything is final: %v", err)
		}
		for range confirmations {
			w.node.Commit()
			w.pass("track")
		}
		w.cancel("a")
		w.want("a", store.WithdrawalEnded, store.OutcomeCancelled)
		w.settle()
		if got := w.balance(rs[0].To); got.Sign() != 0 {
			w.Errorf("the customer of a payment that was given up has %s", got)
		}
	})
}

// F29: the block with the foreign transaction is left behind, and ours is mined instead.
func TestF29AReorganisationBringsOurNonceBack(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		hot := w.wallets[0]
		before := w.node.Commit()
		rs := w.submit("a")
		w.pass("bind", "sign", "send")
		w.node.ClearPool()
		w.spendElsewhere(hot)
		for range confirmations + 3 {
			w.node.Commit()
			w.pass("track")
		}
		w.want("a", store.WithdrawalNeedsReview, "")
		w.must(w.node.Fork(before))
		for range confirmations + 6 { // longer than what it leaves behind
			w.node.ClearPool()
			w.node.Commit()
		}
		w.pass("track")
		w.want("a", store.WithdrawalAssigned, "")
		w.settle()
		w.wantPaidOnce(rs...)
		w.wantSpent(hot, 1)
	})
}

// F21: a daemon that lost its wallets while it slept writes nothing about them any more; the one that has them goes on.
func TestF21ADaemonThatLostItsWalletsWritesNothing(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		rs := w.submit("a")
		w.pass("bind", "sign")
		sleeper := w.engine
		w.must(w.db.Update(w.Context(), func(tx store.Tx) error { return tx.DropLeases(w.Context(), "tester", nil) }))
		w.holder = "another"
		w.open()
		w.pass("send")
		w.wantStates("a", "sent")
		before := w.attempt("a")
		withdrawal.SendAgain(sleeper)
		w.node.Commit()
		w.must(withdrawal.PassOnly(w.Context(), sleeper, "send", "track"))
		if after := w.attempt("a"); after.State != before.State || !after.UpdatedAt.Equal(before.UpdatedAt) {
			w.Errorf("the sleeper made %+v of %+v", after, before)
		}
		w.settle()
		w.wantPaidOnce(rs...)
		w.wantSpent(w.wallets[0], 1)
	})
}

// A token that takes a fee: its transaction succeeded, and the customer did not get what was asked for. A person may release it.
func TestASuccessWithoutPayingCanBeReleasedAndPaidAgain(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.token("FEE", testtoken.TakesFee)
		r := w.request("a")
		r.Asset, r.Amount = "FEE", "5"
		_, _, err := w.desk.Submit(w.Context(), r)
		w.must(err)
		w.settle()
		w.want("a", store.WithdrawalNeedsReview, "")
		if _, _, err := w.desk.Cancel(w.Context(), "a", "x"); !errors.Is(err, fault.Refused) {
			w.Errorf("given up though something was paid: %v", err)
		}
		if _, _, err := w.desk.Requeue(w.Context(), "a", "x"); !errors.Is(err, fault.Refused) {
			w.Errorf("requeued without a release: %v", err)
		}
		w.release("a")
		_, _, err = w.desk.Requeue(w.Context(), "a", "released")
		w.must(err)
		w.settle()
		w.wantStates("a", "superseded", "final")
		w.want("a", store.WithdrawalNeedsReview, "")
	})
}

// release does what an operator does at the signing machine.
func (w *world) release(payment string) {
	w.Helper()
	_, _, _, err := w.journal.Release(w.Context(), journal.Release{Payment: payment, Reason: "it is external", By: "officer", At: time.Now()}, journal.Unapproved)
	w.must(err)
}
