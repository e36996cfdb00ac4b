package evmtx

import (
	"testing"

	"github.com/ethereum/go-ethereum/crypto"

	"coffer.internal/signing"
)

func BenchmarkSign(b *testing.B) {
	key, err := crypto.GenerateKey()
	if err != nil {
		b.Fatal(err)
	}
	from := crypto.PubkeyToAddress(key.PublicKey)
	i := signing.Intent{
		Version: signing.Version, Ledger: "ledger", Payment: "p", Purpose: signing.PurposePayment, ChainType: "evm", ChainID: 1337, From: from.Hex(), Nonce: 7,
		EVM: &signing.EVMTransfer{
			To: "0x52908400098527886E0F7030069857D2E4169EE7", Amount: "1000000000000000000", GasLimit: 21000,
			MaxFeePerGas: "30000000000", MaxPriorityFeePerGas: "1000000000",
		},
	}
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if r := Check(i); r != nil {
				b.Fatal(r)
			}
		}
	})
	b.Run("address", func(b *testing.B) {
		for b.Loop() {
			_ = crypto.PubkeyToAddress(key.PublicKey)
		}
	})
	b.Run("bare", func(b *testing.B) {
		hash := i.Digest()
		for b.Loop() {
			_, _ = crypto.Sign(hash[:], key)
		}
	})
	b.Run("whole", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := NewKey(key).Sign(i); err != nil {
				b.Fatal(err)
			}
		}
	})
}
