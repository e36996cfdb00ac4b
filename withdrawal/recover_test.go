package withdrawal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/chain/evm/testtoken"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/signing"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

func (w *world) recover(dryRun bool) withdrawal.Recovery {
	w.Helper()
	r, err := withdrawal.Recover(w.Context(), w.recoverOptions(dryRun))
	w.must(err)
	return r
}

func (w *world) recoverOptions(dryRun bool) withdrawal.RecoverOptions {
	return withdrawal.RecoverOptions{
		DB: w.db, Machine: w.journaling.(withdrawal.RecoverMachine), Chains: []withdrawal.ChainSetup{w.setup}, Actor: "operator", DryRun: dryRun,
	}
}

// again submits what a caller submitted before: it must be found.
func (w *world) again(rs ...withdrawal.Request) {
	w.Helper()
	for _, r := range rs {
		if _, already, err := w.desk.Submit(w.Context(), r); err != nil || !already {
			w.Errorf("%s submitted again: already %v, %v", r.ID, already, err)
		}
	}
}

func requestsOf(as []withdrawal.RecoveredAttempt) (ids []string) {
	for _, a := range as {
		ids = append(ids, fmt.Sprintf("%s %s", a.Request, a.State))
	}
	return ids
}

// F26: a database of before some dozen payments is put back. Nothing is paid until what the machine signed is rebuilt from its journal;
// then each is paid once, and ledger and chain agree.
func TestF26AnOldDatabaseIsRebuiltFromTheSigningMachine(t *testing.T) {
	onOld(t, 2, func(w *world, old func()) {
		w.token("TEST", testtoken.Good)
		var paid []withdrawal.Request
		for i := range 24 {
			r := w.request(fmt.Sprint("paid-", i))
			if i%5 == 0 {
				r.Asset, r.Amount = "TEST", "3"
			}
			_, _, err := w.desk.Submit(w.Context(), r)
			w.must(err)
			paid = append(paid, r)
		}
		w.settle()
		w.settle()
		unsent := w.submit("unsent-1", "unsent-2") // signed, and not sent before the disk was lost
		w.pass("bind", "sign")
		old()

		// The callers do not know, and submit the last ones again; another one is new.
		late := w.request("late")
		_, _, err := w.desk.Submit(w.Context(), late)
		w.must(err)
		if err := withdrawal.Pass(w.Context(), w.engine); fault.Code(err) != "ledger_behind_signer" {
			t.Fatalf("pass: %v", err)
		}

		dry := w.recover(true)
		if len(dry.Attempts) < 26 || len(dry.Conflicts) > 0 {
			t.Errorf("to be rebuilt: %v, conflicts %v", requestsOf(dry.Attempts), dry.Conflicts)
		}
		if _, err := w.desk.Story(w.Context(), "paid-3"); !errors.Is(err, fault.NotFound) {
			t.Errorf("a rehearsal wrote: %v", err)
		}
		done := w.recover(false)
		if !slices.Equal(requestsOf(done.Attempts), requestsOf(dry.Attempts)) || len(done.Conflicts) > 0 {
			t.Errorf("rebuilt: %v, conflicts %v", requestsOf(done.Attempts), done.Conflicts)
		}
		if more := w.recover(false); len(more.Attempts) > 0 {
			t.Errorf("rebuilt again: %v", requestsOf(more.Attempts))
		}
		w.again(paid...)
		w.again(unsent...)
		w.open()
		w.settle()
		w.settle()
		w.wantPaidOnce(slices.DeleteFunc(slices.Clone(append(append(paid, unsent...), late)), func(r withdrawal.Request) bool { return r.Asset != "" })...)
		for _, r := range paid {
			w.want(r.ID, store.WithdrawalEnded, store.OutcomePaid)
		}
		var spent uint64
		for _, hot := range w.wallets {
			info, err := w.ledger.Info(w.Context(), hot.Address, hot.ChainID)
			w.must(err)
			w.wantSpent(hot, info.Wallet.Nonce)
			spent += info.Wallet.Nonce
		}
		if spent != 27 {
			t.Errorf("%d nonces are spent on 27 payments", spent)
		}
		if kinds := w.openAlarms(); kinds != nil {
			t.Errorf("alarms: %v", kinds)
		}
	})
}

// What was refused, filled, replaced and cancelled is rebuilt as what it was.
func TestF26EveryKindOfAnswerIsRebuilt(t *testing.T) {
	onOld(t, 1, func(w *world, old func()) {
		rs := w.submit("a", "b", "c", "d")
		w.pass("bind", "sign", "send")
		_, _, err := w.desk.Cancel(w.Context(), "b", "the customer asked")
		w.must(err)
		_, _, err = w.desk.Bump(w.Context(), "c", "")
		w.must(err)
		w.pass("mend", "sign", "send")
		story := map[string][]store.Attempt{}
		for _, r := range rs {
			story[r.ID] = w.story(r.ID).Attempts
		}
		if len(story["b"]) != 2 || len(story["c"]) != 2 {
			t.Fatalf("b has %d attempts, c has %d", len(story["b"]), len(story["c"]))
		}
		old()
		if r := w.recover(false); len(r.Attempts) != 6 || len(r.Conflicts) > 0 {
			t.Fatalf("rebuilt: %v, conflicts %v", requestsOf(r.Attempts), r.Conflicts)
		}
		for id, was := range story {
			is := w.story(id).Attempts
			if len(is) != len(was) {
				t.Fatalf("%s has %d attempts, and had %d", id, len(is), len(was))
			}
			for i := range is {
				a, b := is[i], was[i]
				if a.Digest != b.Digest || a.Nonce != b.Nonce || a.Purpose != b.Purpose || !bytes.Equal(a.Raw, b.Raw) || a.Hash != b.Hash || a.Receipt.Seq != b.Receipt.Seq {
					t.Errorf("%s: attempt %d is %+v, and was %+v", id, i, a, b)
				}
			}
		}
		w.again(rs...)
		w.open()
		w.settle()
		w.wantPaidOnce(rs[0], rs[2], rs[3])
		w.want("b", store.WithdrawalEnded, store.OutcomeCancelled)
		w.wantSpent(w.wallets[0], 4)
	})
}

// A nonce that the old database gave away since goes to whom it is signed for, if nothing was asked for at it.
func TestF26AReservationGivesWayToWhatIsSigned(t *testing.T) {
	onOld(t, 1, func(w *world, old func()) {
		signed := w.submit("a", "b")
		w.pass("bind", "sign")
		old()
		waits := w.submit("x", "y")
		_, err := w.ledger.Bind(w.Context(), w.binding("x"))
		w.must(err)
		r := w.recover(false)
		if len(r.Attempts) != 2 || len(r.Conflicts) > 0 || !strings.Contains(r.Attempts[0].Note, "request x loses nonce 0") {
			t.Fatalf("%+v", r)
		}
		w.want("x", store.WithdrawalQueued, "")
		w.open()
		w.settle()
		w.wantPaidOnce(append(signed, waits...)...)
		w.wantSpent(w.wallets[0], 4)
	})
}

// What was asked for at a nonce that is signed for another contradicts: it is shown, nothing of it is changed, and the others are rebuilt.
func TestF26WhatWasAskedForContradictsAndWaitsForAPerson(t *testing.T) {
	onOld(t, 1, func(w *world, old func()) {
		w.submit("a", "b")
		w.pass("bind", "sign")
		old()
		w.submit("x")
		journaling := w.journaling
		w.journaling = nil // a daemon of before there was a comparison
		w.open()
		w.pass("bind")
		w.journaling = journaling
		w.open()
		r := w.recover(false)
		if len(r.Conflicts) != 1 || r.Conflicts[0].Request != "a" || !strings.Contains(r.Conflicts[0].Why, "is here that of payment x, attempt") {
			t.Fatalf("%+v", r.Conflicts)
		}
		if len(r.Attempts) != 1 || r.Attempts[0].Request != "b" {
			t.Errorf("rebuilt: %v", requestsOf(r.Attempts))
		}
		if err := withdrawal.Pass(w.Context(), w.engine, "sign"); fault.Code(err) != "ledger_behind_signer" {
			t.Errorf("sign: %v", err)
		}
	})
}

// A wallet that the old database never had is registered again, with the cursor above all that is signed.
func TestF26AWalletThatIsNotThereIsRegisteredAgain(t *testing.T) {
	onOld(t, 1, func(w *world, old func()) {
		registry := wallet.NewRegistry(w.db, w.machine, "tester")
		hot, _, err := registry.CreateHot(w.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1337})
		w.must(err)
		_, _, err = registry.SetActive(w.Context(), w.wallets[0].Address, 1337, false)
		w.must(err)
		w.give(hot, ether(1))
		rs := w.submit("a", "b")
		w.pass("bind", "sign")
		old()
		r := w.recover(false)
		if len(r.Wallets) != 1 || r.Wallets[0].Address != hot.Address || r.Wallets[0].Path != hot.Path || len(r.Attempts) != 2 {
			t.Fatalf("%+v", r)
		}
		w.open()
		w.settle()
		w.wantPaidOnce(rs...)
		w.wantSpent(hot, 2)
	})
}

// give sends coin of the rich account to a wallet.
func (w *world) give(to wallet.Wallet, amount *big.Int) {
	w.Helper()
	n, err := w.client.NonceAt(w.Context(), w.richAddress(), nil)
	w.must(err)
	id, address := big.NewInt(w.setup.ID), common.HexToAddress(to.Address)
	tx, err := types.SignNewTx(w.rich, types.LatestSignerForChainID(id), &types.LegacyTx{
		Nonce: n, To: &address, Gas: 21_000, GasPrice: big.NewInt(100 * params.GWei), Value: amount,
	})
	w.must(err)
	w.must(w.client.SendTransaction(w.Context(), tx))
	w.node.Commit()
}

// A machine that went back is told by the receipts that are held, and nothing is asked of it.
func TestASigningMachineThatWentBackIsAskedForNothing(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		rs := w.submit("a", "b")
		w.settle()
		w.wantPaidOnce(rs...)
		w.journaling = forgetful{w.journaling, 1}
		w.open()
		w.submit("c")
		err := withdrawal.Pass(w.Context(), w.engine, "bind")
		if fault.Code(err) != "signer_rolled_back" || !errors.Is(err, signing.ErrNoAnswer) || !strings.Contains(fault.Hint(err), "coffer signer export") {
			t.Fatalf("%v, hint %q", err, fault.Hint(err))
		}
		w.must(withdrawal.PassOnly(w.Context(), w.engine, "guard"))
		if kinds := w.openAlarms(); !slices.Equal(kinds, []string{"signer_rolled_back"}) {
			t.Errorf("alarms: %v", kinds)
		}
		if _, err := withdrawal.Recover(w.Context(), withdrawal.RecoverOptions{DB: w.db, Machine: forgetful{w.journaling, 1}, Actor: "operator"}); fault.Code(err) != "signer_rolled_back" {
			t.Errorf("recover: %v", err)
		}
	})
}

// forgetful is a machine whose journal ends earlier than it did.
type forgetful struct {
	withdrawal.Journaling
	highest uint64
}

func (f forgetful) Highest(context.Context, string) (uint64, error) { return f.highest, nil }

func (f forgetful) NewKey(context.Context, signing.KeyRequest) (signing.Key, error) {
	return signing.Key{}, errDied
}

func (f forgetful) FindKey(context.Context, string, string, string) (signing.Key, bool, error) {
	return signing.Key{}, false, errDied
}
