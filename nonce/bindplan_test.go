package nonce

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

func rich() Purse {
	return Purse{Native: big.NewInt(1e18), Tokens: map[string]*big.Int{"0xToken": big.NewInt(1e18)}}
}

func coins(id string, amount int64) Binding {
	return Binding{Payment: id, Request: id, Amount: big.NewInt(amount), MaxFee: big.NewInt(10)}
}

func tokens(id string, amount int64) Binding {
	return Binding{Payment: id, Request: id, Contract: "0xToken", Amount: big.NewInt(amount), MaxFee: big.NewInt(10)}
}

// bindAll accepts the payments as withdrawals and binds them.
func bindAll(t *testing.T, m *model, c BindCall) []Bound {
	t.Helper()
	for _, p := range c.Payments {
		if _, ok := m.requests[p.Request]; !ok {
			m.accept(p.Request)
		}
	}
	return mustPlan(t, m, m.bind(c)).answers[0].Value.bound
}

func reason(t *testing.T, b Bound, want string) {
	t.Helper()
	if !errors.Is(b.Err, fault.Unavailable) || !strings.Contains(b.Err.Error(), want) {
		t.Errorf("%s: got %v, want a reason with %q", b.Payment, b.Err, want)
	}
}

func TestABindingTakesFromThePurseOfItsWallet(t *testing.T) {
	m := newModel(hot(true))
	purse := Purse{Native: big.NewInt(125), Tokens: map[string]*big.Int{"0xToken": big.NewInt(7)}}
	c := BindCall{MaxUnmined: 16, Purses: map[int64]Purse{1: purse}, Payments: []Binding{
		coins("a", 80), tokens("b", 5), tokens("c", 5), coins("d", 20), coins("e", 15), tokens("f", 2),
	}}
	got := bindAll(t, m, c)
	for i, bound := range []bool{true, true, false, false, true, false} {
		if (got[i].Err == nil) != bound {
			t.Errorf("%s: %v", got[i].Payment, got[i].Err)
		}
	}
	reason(t, got[2], "no funds: it can spend 2 of token 0xToken, the amount is 5")
	reason(t, got[3], "no funds: it can spend 25 of the coin, amount and fee may take 30")
	reason(t, got[5], "no funds for the fee: it can spend 0 of the coin, the fee may take 10")
	if purse.Native.Int64() != 125 || purse.Tokens["0xToken"].Int64() != 7 {
		t.Error("the caller's purse was changed")
	}
	for _, id := range []string{"a", "b", "e"} {
		if m.withdrawals[id] != store.WithdrawalAssigned {
			t.Errorf("%s is %s", id, m.withdrawals[id])
		}
	}
}

func TestAWalletTakesNoMoreThanItHasRoomFor(t *testing.T) {
	m := newModel(hot(true), hot(true))
	m.unmined[1] = 2
	purses := map[int64]Purse{1: rich(), 2: rich()}
	got := bindAll(t, m, BindCall{MaxUnmined: 3, Purses: purses, Payments: []Binding{
		coins("a", 1), coins("b", 1), coins("c", 1), coins("d", 1), coins("e", 1),
	}})
	reason(t, got[4], "no room: 3 of 3 unmined")
	if m.wallets[0].Nonce != 1 || m.wallets[1].Nonce != 3 {
		t.Errorf("the wallets gave %d and %d, want 1 and 3", m.wallets[0].Nonce, m.wallets[1].Nonce)
	}
	again := bindAll(t, m, BindCall{MaxUnmined: 3, Purses: purses, Payments: []Binding{coins("a", 1), coins("f", 1)}})
	if again[0].Err != nil || again[0].Row != got[0].Row {
		t.Errorf("a, bound before, got %+v", again[0])
	}
	reason(t, again[1], "no room: 3 of 3 unmined")
}

func TestPlainReservationsTakeNoRoom(t *testing.T) {
	m := newModel(hot(true))
	mustPlan(t, m, m.plain(1, "mine", 20))
	got := bindAll(t, m, BindCall{MaxUnmined: 1, Purses: map[int64]Purse{1: rich()}, Payments: []Binding{coins("a", 1)}})
	if got[0].Err != nil || got[0].Row.Nonce != 20 {
		t.Errorf("got %+v", got[0])
	}
}

func TestF03APaymentBoundTwiceKeepsItsNonce(t *testing.T) {
	m := newModel(hot(true), hot(true))
	c := BindCall{MaxUnmined: 16, Purses: map[int64]Purse{1: rich(), 2: rich()}, Payments: []Binding{coins("a", 1), coins("a", 1)}}
	got := bindAll(t, m, c)
	if got[0].Err != nil || got[1].Err != nil || got[0].Row != got[1].Row || got[0].Wallet.ID != got[1].Wallet.ID {
		t.Fatalf("twice in one batch: %+v and %+v", got[0], got[1])
	}
	m.rows[1][0].State = store.NonceUsed // asked for
	m.now = m.now.Add(time.Hour)
	again := bindAll(t, m, c)
	if again[0].Err != nil || again[0].Row.Nonce != got[0].Row.Nonce || again[0].Row.Fence != got[0].Row.Fence {
		t.Errorf("asked for, and an hour later: %+v", again[0])
	}
}

func TestAPaymentWhoseReservationExpiredMovesOnlyIfItsWalletCannotPay(t *testing.T) {
	m := newModel(hot(true), hot(true))
	c := BindCall{MaxUnmined: 16, Purses: map[int64]Purse{1: rich(), 2: rich()}, Payments: []Binding{coins("a", 1)}}
	bindAll(t, m, c)
	m.now = m.now.Add(time.Hour)
	got := bindAll(t, m, c)
	if got[0].Wallet.ID != 1 || got[0].Row.Nonce != 0 || got[0].Row.Fence != 2 {
		t.Fatalf("its wallet can pay: got %+v", got[0])
	}
	m.now = m.now.Add(time.Hour)
	m.wallets[0].Active = false
	got = bindAll(t, m, c)
	if got[0].Err != nil || got[0].Wallet.ID != 2 || got[0].Row.Nonce != 0 || got[0].Row.Fence != 1 {
		t.Fatalf("its wallet is inactive: got %+v", got[0])
	}
	if n := m.rows[1][0]; n.State != store.NonceFree {
		t.Errorf("the nonce left behind is %s, not free", n.State)
	}
}

func TestAPaymentThatDoesNotWaitIsRefusedAndTheOthersStand(t *testing.T) {
	m := newModel(hot(true))
	for _, id := range []string{"a", "b", "c"} {
		m.accept(id)
	}
	m.withdrawals["b"] = store.WithdrawalEnded
	got := bindAll(t, m, BindCall{MaxUnmined: 16, Purses: map[int64]Purse{1: rich()}, Payments: []Binding{
		coins("a", 1), coins("b", 1), coins("c", 1),
	}})
	if got[0].Err != nil || got[2].Err != nil || got[2].Row.Nonce != 1 {
		t.Errorf("a and c: %+v, %+v", got[0], got[2])
	}
	if !errors.Is(got[1].Err, fault.Refused) || got[1].Err.Error() != "withdrawal b does not wait for a nonce: it is ended" {
		t.Errorf("b: %v", got[1].Err)
	}
}

func TestAPaymentThatStandsStillNeedsItsFunds(t *testing.T) {
	m := newModel(hot(true))
	c := BindCall{MaxUnmined: 16, Purses: map[int64]Purse{1: {Native: big.NewInt(100)}}, Payments: []Binding{coins("a", 60)}}
	bindAll(t, m, c)
	c.Payments = append(c.Payments, coins("b", 60))
	got := bindAll(t, m, c)
	if got[0].Err != nil {
		t.Error(got[0].Err)
	}
	reason(t, got[1], "no funds: it can spend 30 of the coin, amount and fee may take 70")
}

func TestABrakedWalletGetsNothingNewAndKeepsWhatItHas(t *testing.T) {
	m := newModel(hot(true), hot(true))
	c := BindCall{MaxUnmined: 16, Purses: map[int64]Purse{1: rich(), 2: rich()}, Payments: []Binding{coins("a", 1), coins("b", 1)}}
	before := bindAll(t, m, c)
	if before[0].Wallet.ID != 1 {
		t.Fatalf("%+v", before)
	}
	m.brakes = map[int64]string{1: "somebody else has the key"}
	again := bindAll(t, m, c)
	if again[0].Wallet.ID != 1 || again[0].Row.Nonce != before[0].Row.Nonce {
		t.Errorf("what was bound before the brake is now %+v", again[0])
	}
	c.Payments = []Binding{coins("c", 1), coins("d", 1), coins("e", 1)}
	for _, b := range bindAll(t, m, c) {
		if b.Err != nil || b.Wallet.ID != 2 {
			t.Errorf("%s goes to wallet %d, %v", b.Payment, b.Wallet.ID, b.Err)
		}
	}
	best := m.best("best", 1)
	if a := mustPlan(t, m, best).answers[0]; a.Err != nil || a.Value.reservation.Wallet.ID != 2 {
		t.Errorf("the best wallet is %d, %v", a.Value.reservation.Wallet.ID, a.Err)
	}
	plain := mustPlan(t, m, m.plain(1, "named", 1)).answers[0]
	if !errors.Is(plain.Err, fault.Unavailable) || !strings.Contains(plain.Err.Error(), "braked: somebody else has the key") {
		t.Errorf("by its name it answers %v", plain.Err)
	}
	m.brakes[2] = "no node answers"
	c.Payments = []Binding{coins("f", 1)}
	none := bindAll(t, m, c)[0]
	reason(t, none, "braked: somebody else has the key")
	reason(t, none, "braked: no node answers")
	m.brakes = nil
	if b := bindAll(t, m, c)[0]; b.Err != nil {
		t.Errorf("without brakes: %v", b.Err)
	}
}
