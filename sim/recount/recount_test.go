package recount

import (
	"crypto/ecdsa"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
)

var (
	key, _ = crypto.ToECDSA(crypto.Keccak256([]byte("wallet")))
	wallet = crypto.PubkeyToAddress(key.PublicKey)
	token  = common.HexToAddress("0x01")
	anna   = common.HexToAddress("0xa1")
	bert   = common.HexToAddress("0xb1")
)

func mined(t *testing.T, by *ecdsa.PrivateKey, nonce uint64, to common.Address, wei int64, success bool, logs ...Transfer) Mined {
	t.Helper()
	tx, err := types.SignNewTx(by, types.LatestSignerForChainID(big.NewInt(1)), &types.DynamicFeeTx{
		ChainID: big.NewInt(1), Nonce: nonce, To: &to, Value: big.NewInt(wei), Gas: 21_000, GasFeeCap: big.NewInt(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := tx.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return Mined{raw, success, logs}
}

func TestWhatIsWrongOnTheChainIsCounted(t *testing.T) {
	coin := Payment{ID: "coin", To: anna, Amount: big.NewInt(5), Outcome: "paid"}
	tok := Payment{ID: "token", To: bert, Token: token, Amount: big.NewInt(7), Outcome: "paid"}
	moves := Transfer{Token: token, From: wallet, To: bert, Amount: big.NewInt(7)}
	unpaid := func(p Payment, outcome string) Payment { p.Outcome = outcome; return p }
	for _, c := range []struct {
		name     string
		chain    []Mined
		payments []Payment
		highest  uint64
		want     Count
		wrong    int
	}{
		{"all is well", []Mined{mined(t, key, 0, anna, 5, true), mined(t, key, 1, token, 0, true, moves)}, []Payment{coin, tok}, 1, Count{Paid: 2}, 0},
		{"paid twice", []Mined{mined(t, key, 0, anna, 5, true), mined(t, key, 1, anna, 5, true)}, []Payment{coin}, 1, Count{Twice: 1}, 1},
		{"paid once too much", []Mined{mined(t, key, 0, anna, 6, true)}, []Payment{coin}, 0, Count{Twice: 1}, 1},
		{"paid in both coin and token", []Mined{mined(t, key, 0, bert, 7, true), mined(t, key, 1, token, 0, true, moves)}, []Payment{tok}, 1, Count{Twice: 1}, 1},
		{"never paid", []Mined{mined(t, key, 0, bert, 1, false)}, []Payment{coin}, 0, Count{Lost: 1}, 1},
		{"paid too little", []Mined{mined(t, key, 0, anna, 4, true)}, []Payment{coin}, 0, Count{Lost: 1}, 1},
		{"paid though refused", []Mined{mined(t, key, 0, anna, 5, true)}, []Payment{unpaid(coin, "refused")}, 0, Count{Paid: 1}, 1},
		{"paid, and nobody knows", []Mined{mined(t, key, 0, anna, 5, true)}, []Payment{unpaid(coin, "")}, 0, Count{Paid: 1}, 1},
		{"too little though cancelled", []Mined{mined(t, key, 0, anna, 4, true)}, []Payment{unpaid(coin, "cancelled")}, 0, Count{}, 1},
		{"refused and not paid", []Mined{mined(t, key, 0, bert, 0, true)}, []Payment{unpaid(coin, "refused")}, 0, Count{}, 0},
		{"a nonce is missing", []Mined{mined(t, key, 0, anna, 5, true)}, []Payment{coin}, 2, Count{Paid: 1, Skipped: 2}, 1},
	} {
		counter := New(1, []common.Address{wallet})
		for _, m := range c.chain {
			if err := counter.Add(m); err != nil {
				t.Fatal(err)
			}
		}
		got := counter.Sum(c.payments, map[common.Address]uint64{wallet: c.highest})
		if len(got.Wrong) != c.wrong {
			t.Errorf("%s: %q", c.name, got.Wrong)
		}
		got.Wrong = nil
		if got.Paid != c.want.Paid || got.Twice != c.want.Twice || got.Lost != c.want.Lost || got.Skipped != c.want.Skipped {
			t.Errorf("%s: %+v, not %+v", c.name, got, c.want)
		}
	}
}

func TestABranchThatCannotBeIsAnError(t *testing.T) {
	counter := New(1, []common.Address{wallet})
	if err := counter.Add(mined(t, key, 1, anna, 5, true)); err == nil {
		t.Error("nonce 1 came first")
	}
	if err := counter.Add(Mined{Raw: []byte{1}}); err == nil {
		t.Error("bytes that are no transaction")
	}
}
