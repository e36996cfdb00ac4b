package evmtx

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
)

func TestTransactionsAreTheBytesThatGoEthereumSigns(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	number := func() *big.Int { // of all lengths, zero too
		b := make([]byte, rnd.IntN(33))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return new(big.Int).SetBytes(b)
	}
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		chainID, to := new(big.Int).SetUint64(rnd.Uint64N(1<<62)>>rnd.IntN(62)+1), common.BigToAddress(number())
		nonce, gas, data := rnd.Uint64()>>rnd.IntN(64), rnd.Uint64()>>rnd.IntN(64), number().Bytes()
		var tx types.TxData = &types.DynamicFeeTx{ChainID: chainID, Nonce: nonce, GasTipCap: number(), GasFeeCap: number(), Gas: gas, To: &to, Value: number(), Data: data}
		if n%2 == 0 {
			tx = &types.LegacyTx{Nonce: nonce, GasPrice: number(), Gas: gas, To: &to, Value: number(), Data: data}
		}
		raw, hash, err := NewKey(key).seal(tx, chainID, crypto.PubkeyToAddress(key.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		want, err := types.SignNewTx(key, types.LatestSignerForChainID(chainID), tx)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := want.MarshalBinary(); err != nil || !bytes.Equal(b, raw) || want.Hash().Hex() != hash {
			t.Fatalf("%+v: %x, %s, go-ethereum: %x, %s, %v", tx, raw, hash, b, want.Hash(), err)
		}
	}
	if _, _, err := NewKey(key).seal(&types.AccessListTx{}, big.NewInt(1), crypto.PubkeyToAddress(key.PublicKey)); err == nil {
		t.Error("another kind of transaction was signed")
	}
}

func TestAddressesAndNumbersHaveOneForm(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var a common.Address
		for i := range a {
			a[i] = byte(rnd.Uint32())
		}
		good := a.Hex()
		at := 2 + rnd.IntN(40)
		bent := good[:at] + strings.Map(func(c rune) rune { return c ^ 0x20 }, good[at:at+1]) + good[at+1:]
		if isLetter := good[at] > '9'; !isChecksummed(good) || isLetter && isChecksummed(bent) {
			t.Errorf("%s, and bent at %d: %t, %t", good, at, isChecksummed(good), isChecksummed(bent))
		}
	}
	for _, a := range []string{"", "0x", "0X" + from[2:], from[2:], from + "0", from[:41], "0x" + from[2:41] + "g", " " + from[1:]} {
		if canonical("to", a) == "" {
			t.Errorf("%q is taken", a)
		}
	}
	top := new(big.Int).Lsh(big.NewInt(1), 256)
	for s, good := range map[string]bool{
		"0": true, "1": true, new(big.Int).Sub(top, big.NewInt(1)).String(): true, top.String(): false, strings.Repeat("9", 77): true,
		strings.Repeat("9", 78): false, strings.Repeat("9", 79): false, "": false, "00": false, "01": false, "+1": false, "-0": false, "1_0": false, "٣": false,
	} {
		if (number("n", s) == "") != good {
			t.Errorf("%q: %t", s, !good)
		}
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{{"10", "9", true}, {"9", "10", false}, {"9", "9", false}, {"21", "12", true}, {"0", "1", false}} {
		if above(c.a, c.b) != c.want {
			t.Errorf("%s above %s: %t", c.a, c.b, !c.want)
		}
	}
}
