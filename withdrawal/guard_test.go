package withdrawal_test

import (
	"context"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/store"
	"coffer.internal/signing"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// alarms are the open ones, by kind.
func (w *world) alarms() map[string]withdrawal.Alarm {
	w.Helper()
	all, err := w.desk.Alarms(w.Context(), false)
	w.must(err)
	by := map[string]withdrawal.Alarm{}
	for _, a := range all {
		by[a.Kind] = a
	}
	return by
}

// guards makes passes of the guard.
func (w *world) guards(passes int) {
	w.Helper()
	for range passes {
		w.pass("guard")
	}
}

func (w *world) wantAlarms(kinds ...withdrawal.AlarmKind) {
	w.Helper()
	got := w.alarms()
	if len(got) != len(kinds) {
		w.Errorf("open alarms: %+v, want %v", got, kinds)
	}
	for _, k := range kinds {
		if _, ok := got[string(k)]; !ok {
			w.Errorf("no alarm %s: %+v", k, got)
		}
	}
}

func (w *world) brake(hot wallet.Wallet) string {
	w.Helper()
	info, err := w.ledger.Info(w.Context(), hot.Address, hot.ChainID)
	w.must(err)
	return info.Load.Brake
}

// use spends the wallet's next nonce of the chain by something that coffer knows nothing of: the machine signs for another copy of
// the ledger.
func (w *world) use(hot wallet.Wallet, nonce uint64) {
	w.Helper()
	ledger, err := w.db.Ledger(w.Context())
	w.must(err)
	drafts, err := w.setup.Chain.Draft(w.Context(), []chain.Order{{
		Ledger: ledger, Purpose: signing.PurposePayment, ChainID: hot.ChainID, From: hot.Address, Nonce: nonce,
		Payment: chain.Payment{ID: "not ours", To: w.recipient(), Amount: big.NewInt(1)},
	}})
	w.must(err)
	answers, err := w.machine.Machine.Sign(w.Context(), signing.BatchOf(drafts[0].Intent))
	w.must(err)
	w.journaling = nil // whoever else has the key has it elsewhere, in truth: the ledger sees only the chain
	w.open()
	var tx types.Transaction
	w.must(tx.UnmarshalBinary(answers[0].Raw))
	w.must(w.client.SendTransaction(w.Context(), &tx))
	w.node.Commit()
}

func TestF11AWalletThatSomebodyElseUsesIsBrakedAtOnceAndReconciledAndWaitsForAPerson(t *testing.T) {
	onBoth(t, 2, func(w *world) {
		shared, other := w.wallets[0], w.wallets[1]
		w.use(shared, 0)
		w.guards(1)
		w.wantAlarms(withdrawal.AlarmForeignUse)
		if why := w.brake(shared); !strings.Contains(why, "nonce 0 was spent on the chain by something that is not coffer's") {
			t.Errorf("the brake says %q", why)
		}
		paid := w.submit("a", "b")
		w.settle()
		w.wantPaidOnce(paid...)
		w.wantSpent(other, 2)

		w.guards(3)
		w.wantSpent(shared, 1) // the cursor follows
		w.guards(3)
		a := w.alarms()[string(withdrawal.AlarmForeignUse)]
		if a.ID == 0 || w.brake(shared) == "" {
			t.Fatal("it ended by itself")
		}
		if !strings.Contains(a.ToDo, "coffer alarms lift 1 --reason TEXT") {
			t.Errorf("to do: %s", a.ToDo)
		}
		if _, _, err := w.desk.LiftAlarm(w.Context(), a.ID, " "); err == nil {
			t.Error("lifted without a reason")
		}
		lifted, already, err := w.desk.LiftAlarm(w.Context(), a.ID, "key rotated")
		w.must(err)
		if already || lifted.EndedAt.IsZero() || lifted.EndedBy != "tester" {
			t.Errorf("%v, %+v", already, lifted)
		}
		if row := w.audit("alarm.lift", a.Key); row.Reason != "key rotated" || row.Before != "alarm, brake" {
			t.Errorf("%+v", row)
		}
		if _, already, err = w.desk.LiftAlarm(w.Context(), a.ID, "again"); err != nil || !already {
			t.Errorf("lifted twice: %v, %v", already, err)
		}
		w.guards(3)
		w.wantAlarms()
		paid = append(paid, w.submit("c")...)
		w.settle()
		w.wantPaidOnce(paid...)
		w.wantSpent(shared, 2)
	})
}

func TestF12AnOlderCountNeitherBrakesNorLowersAnything(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		paid := w.submit("a")
		w.settle()
		w.wantPaidOnce(paid...)
		w.bend(&bentChain{counts: func(cs []chain.Count) {
			for i := range cs {
				cs[i].Latest, cs[i].Highest = 0, 0
			}
		}})
		w.guards(4)
		w.wantAlarms()
		w.wantSpent(w.wallets[0], 1)
	})
}

// bentChain is a chain of which some is seen otherwise.
type bentChain struct {
	*evm.Chain
	counts    func([]chain.Count)
	delegate  string
	withNodes func([]chain.NodeState)
}

func (c *bentChain) Counts(ctx context.Context, addresses []string) ([]chain.Count, error) {
	counts, err := c.Chain.Counts(ctx, addresses)
	if err == nil && c.counts != nil {
		c.counts(counts)
	}
	return counts, err
}

func (c *bentChain) Delegates(ctx context.Context, addresses []string) ([]string, error) {
	all, err := c.Chain.Delegates(ctx, addresses)
	if err == nil && len(all) > 0 && c.delegate != "" {
		all[0] = c.delegate
	}
	return all, err
}

func (c *bentChain) Nodes(ctx context.Context) []chain.NodeState {
	nodes := c.Chain.Nodes(ctx)
	if c.withNodes != nil {
		c.withNodes(nodes)
	}
	return nodes
}

// bend puts a bent chain in the place of the real one, and opens everything anew.
func (w *world) bend(c *bentChain) {
	c.Chain = w.setup.Chain.(*evm.Chain)
	w.setup.Chain = c
	w.open()
}

func TestF17ADelegationNobodyOrderedBrakesTheWalletUntilItIsGone(t *testing.T) {
	onBoth(t, 2, func(w *world) {
		c := &bentChain{delegate: common.HexToAddress("0xd1").Hex()}
		w.bend(c)
		w.guards(1)
		w.wantAlarms(withdrawal.AlarmDelegated)
		paid := w.submit("a")
		w.settle()
		w.wantPaidOnce(paid...)
		w.wantSpent(w.wallets[0], 0)
		c.delegate = ""
		w.guards(1)
		w.wantAlarms()
		if why := w.brake(w.wallets[0]); why != "" {
			t.Errorf("still braked: %s", why)
		}
	})
}

func TestF37AChainWhoseNodeIsOnAnotherOneIsBraked(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		c := &bentChain{withNodes: func(ns []chain.NodeState) { ns[0].WrongChain, ns[0].Problem = true, "it says chain 5" }}
		w.bend(c)
		w.guards(1)
		w.wantAlarms(withdrawal.AlarmWrongChain)
		w.submit("a")
		w.pass("bind")
		if got := w.want("a", store.WithdrawalQueued, ""); got.Nonce != nil {
			t.Errorf("%+v", got)
		}
		c.withNodes = nil
		w.guards(1)
		w.wantAlarms()
	})
}

func TestANodeThatDoesNotAnswerIsAnAlarmAfterThreePassesAndOverWhenItAnswers(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.proxy.Refuse(true)
		w.guards(2)
		w.wantAlarms()
		w.guards(1)
		w.wantAlarms(withdrawal.AlarmNodesSilent)
		before := w.alarms()[string(withdrawal.AlarmNodesSilent)]
		w.guards(2)
		if after := w.alarms()[string(withdrawal.AlarmNodesSilent)]; after != before {
			t.Errorf("it was written again though nothing changed: %+v, then %+v", before, after)
		}
		w.proxy.Refuse(false)
		w.guards(1)
		w.wantAlarms()
		row := w.audit("alarm.end", before.Key)
		if row.Actor != "tester" {
			t.Errorf("%+v", row)
		}
		paid := w.submit("a")
		w.settle()
		w.wantPaidOnce(paid...)
	})
}

func TestF32WhatNoWalletHasTheFundsForIsAnAlarmUntilOneIsToppedUp(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		r := w.request("a")
		r.Amount = ether(11).String()
		_, _, err := w.desk.Submit(w.Context(), r)
		w.must(err)
		w.pass("bind")
		w.guards(1)
		w.wantAlarms(withdrawal.AlarmNoFunds)
		w.topUp(w.wallets[0], 5)
		w.pass("bind")
		w.guards(1)
		w.wantAlarms()
		w.settle()
		w.want("a", store.WithdrawalEnded, store.OutcomePaid)
	})
}

// topUp gives a wallet so many ether.
func (w *world) topUp(hot wallet.Wallet, n int64) {
	w.Helper()
	to := common.HexToAddress(hot.Address)
	from := w.richAddress()
	nonce, err := w.client.NonceAt(w.Context(), from, nil)
	w.must(err)
	id := big.NewInt(w.setup.ID)
	tx, err := types.SignNewTx(w.rich, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, To: &to, Value: ether(n), Gas: 21_000, GasFeeCap: big.NewInt(100e9), GasTipCap: big.NewInt(1e9),
	})
	w.must(err)
	w.must(w.client.SendTransaction(w.Context(), tx))
	w.node.Commit()
}

func TestAFrozenMachineIsAnAlarmOnlyWhileSomethingWaitsForIt(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.machine.status = func(s signing.Status) (signing.Status, error) { s.Frozen = "odd"; return s, nil }
		w.guards(1)
		w.wantAlarms()
		w.submit("a")
		w.guards(1)
		w.wantAlarms(withdrawal.AlarmSignerFrozen)
		w.machine.status = func(s signing.Status) (signing.Status, error) { return s, errDied }
		w.guards(3)
		w.wantAlarms(withdrawal.AlarmSignerFrozen, withdrawal.AlarmSignerSilent) // whether it is frozen, nobody knows now
		w.machine.status = nil
		w.guards(1)
		w.wantAlarms()
	})
}

func TestAMachineThatIsLockedOrSilentIsAnAlarmOnlyWhileSomethingWaitsForIt(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.machine.status = func(s signing.Status) (signing.Status, error) { s.Locked = true; return s, nil }
		w.guards(1)
		w.wantAlarms()
		w.submit("a")
		w.guards(1)
		w.wantAlarms(withdrawal.AlarmSignerLocked)
		w.machine.status = func(s signing.Status) (signing.Status, error) { return s, errDied }
		w.guards(3)
		w.wantAlarms(withdrawal.AlarmSignerLocked, withdrawal.AlarmSignerSilent) // whether it is locked, nobody knows now
		w.machine.status = nil
		w.guards(1)
		w.wantAlarms()
	})
}

func TestAConflictAtTheSigningMachineBrakesTheWalletUntilAPersonLiftsIt(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.refuseOnce("a", signing.RefusedAsConflict)
		w.submit("a")
		w.pass("bind", "sign")
		w.guards(1)
		w.wantAlarms(withdrawal.AlarmNeedsReview, withdrawal.AlarmSignerConflict)
		if w.brake(w.wallets[0]) == "" {
			t.Error("not braked")
		}
		a := w.alarms()[string(withdrawal.AlarmSignerConflict)]
		_, _, err := w.desk.LiftAlarm(w.Context(), a.ID, "the old copy is gone")
		w.must(err)
		w.guards(2)
		w.wantAlarms(withdrawal.AlarmNeedsReview)
	})
}

func TestF21AGuardThatLostItsWalletWritesNothingAboutIt(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		c := &bentChain{}
		w.bend(c)
		w.guards(1)
		w.must(w.db.Update(w.Context(), func(tx store.Tx) error {
			ids := []int64{w.wallets[0].ID}
			was, err := tx.Leases(w.Context(), ids)
			if err != nil {
				return err
			}
			if err := tx.DropLeases(w.Context(), was[0].Holder, ids); err != nil {
				return err
			}
			_, err = tx.TakeLeases(w.Context(), "another daemon", ids, time.Hour)
			return err
		}))
		c.delegate = common.HexToAddress("0xd1").Hex()
		w.must(withdrawal.PassOnly(w.Context(), w.engine, "guard"))
		w.wantAlarms()
	})
}
