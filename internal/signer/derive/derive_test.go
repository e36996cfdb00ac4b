package derive

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/bip39"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The vectors of BIP-32, numbers 1 to 4: seed, path, extended private key.
var bip32Vectors = [][3]string{
	{"000102030405060708090a0b0c0d0e0f", "m", "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi"},
	{"000102030405060708090a0b0c0d0e0f", "m/0'", "xprv9uHRZZhk6KAJC1avXpDAp4MDc3sQKNxDiPvvkX8Br5ngLNv1TxvUxt4cV1rGL5hj6KCesnDYUhd7oWgT11eZG7XnxHrnYeSvkzY7d2bhkJ7"},
	{"000102030405060708090a0b0c0d0e0f", "m/0'/1", "xprv9wTYmMFdV23N2TdNG573QoEsfRrWKQgWeibmLntzniatZvR9BmLnvSxqu53Kw1UmYPxLgboyZQaXwTCg8MSY3H2EU4pWcQDnRnrVA1xe8fs"},
	{"000102030405060708090a0b0c0d0e0f", "m/0'/1/2'", "xprv9z4pot5VBttmtdRTWfWQmoH1taj2axGVzFqSb8C9xaxKymcFzXBDptWmT7FwuEzG3ryjH4ktypQSAewRiNMjANTtpgP4mLTj34bhnZX7UiM"},
	{"000102030405060708090a0b0c0d0e0f", "m/0'/1/2'/2/1000000000", "xprvA41z7zogVVwxVSgdKUHDy1SKmdb533PjDz7J6N6mV6uS3ze1ai8FHa8kmHScGpWmj4WggLyQjgPie1rFSruoUihUZREPSL39UNdE3BBDu76"},
	{"fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542", "m", "xprv9s21ZrQH143K31xYSDQpPDxsXRTUcvj2iNHm5NUtrGiGG5e2DtALGdso3pGz6ssrdK4PFmM8NSpSBHNqPqm55Qn3LqFtT2emdEXVYsCzC2U"},
	{"fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542", "m/0/2147483647'/1/2147483646'/2", "xprvA2nrNbFZABcdryreWet9Ea4LvTJcGsqrMzxHx98MMrotbir7yrKCEXw7nadnHM8Dq38EGfSh6dqA9QWTyefMLEcBYJUuekgW4BYPJcr9E7j"},
	{"4b381541583be4423346c643850da4b320e46a87ae3d2a4e6da11eba819cd4acba45d239319ac14f863b8d5ab5a0d0c64d2e8a1e7d1457df2e5a3c51c73235be", "m/0'", "xprv9uPDJpEQgRQfDcW7BkF7eTya6RPxXeJCqCJGHuCJ4GiRVLzkTXBAJMu2qaMWPrS7AANYqdq6vcBcBUdJCVVFceUvJFjaPdGZ2y9WACViL4L"},
	{"3ddd5602285899a946114506157c7997e5444528f3003f6134712147db19b678", "m/0'/1'", "xprv9xJocDuwtYCMNAo3Zw76WENQeAS6WGXQ55RCy7tDJ8oALr4FWkuVoHJeHVAcAqiZLE7Je3vZJHxspZdFHfnBEjHqU5hG1Jaj32dVoS6XLT1"},
}

func TestTheVectorsOfBIP32(t *testing.T) {
	for _, v := range bip32Vectors {
		key, err := bip32(unhex(t, v[0]), v[1])
		if err != nil || key.String() != v[2] {
			t.Errorf("%s of %s…: %v, %v", v[1], v[0][:8], key, err)
		}
	}
	t.Logf("BIP-32: %d vectors", len(bip32Vectors))
}

func TestTheVectorsOfSLIP0010(t *testing.T) {
	const one, two = "000102030405060708090a0b0c0d0e0f", "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542"
	vectors := [][3]string{ // seed, path, private key
		{one, "m", "2b4be7f19ee27bbf30c667b642d5f4aa69fd169872f8fc3059c08ebae2eb19e7"},
		{one, "m/0'", "68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3"},
		{one, "m/0'/1'", "b1d0bad404bf35da785a64ca1ac54b2617211d2777696fbffaf208f746ae84f2"},
		{one, "m/0'/1'/2'/2'/1000000000'", "8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793"},
		{two, "m", "171cb88b1b3c1db25add599712e36245d75bc65a1a5c9e18d76f9f2b1eab4012"},
		{two, "m/0'", "1559eb2bbec5790b0c65d8693e4d0875b1747f4970ae8b650486ed7470845635"},
	}
	for _, v := range vectors {
		key, err := Ed25519(unhex(t, v[0]), v[1])
		if err != nil || hex.EncodeToString(key.Seed()) != v[2] {
			t.Errorf("%s of %s…: %v", v[1], v[0][:8], err)
		}
	}
	t.Logf("SLIP-0010 ed25519: %d vectors", len(vectors))
	if _, err := Ed25519(unhex(t, one), "m/0"); err == nil {
		t.Error("a step that is not hardened was derived")
	}
}

func TestTheVectorsOfBIP84(t *testing.T) {
	seed := testSeed(t)
	vectors := [][2]string{
		{"m/84'/0'/0'/0/0", "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"},
		{"m/84'/0'/0'/0/1", "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g"},
		{"m/84'/0'/0'/1/0", "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el"},
	}
	for _, v := range vectors {
		if got, err := Address(seed, BTC, 0, v[0]); err != nil || got != v[1] {
			t.Errorf("%s: %s, %v", v[0], got, err)
		}
	}
	t.Logf("BIP-84: %d vectors", len(vectors))
}

// The addresses that every wallet shows for the words abandon … about.
func TestKeysOfEachChainTypeAreTheUsualOnes(t *testing.T) {
	seed := testSeed(t)
	for _, c := range []struct {
		chainType string
		chainID   int64
		path      string
		address   string
	}{
		{EVM, 1, "m/44'/60'/0'/0/0", "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"},
		{BTC, 0, "m/84'/0'/0'/0/0", "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"},
		{BTC, 1, "m/84'/1'/0'/0/0", "tb1q6rz28mcfaxtmd6v789l9rrlrusdprr9pqcpvkl"},
		{BTC, 3, "m/84'/1'/0'/0/0", "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk"},
		{Solana, 101, "m/44'/501'/0'/0'", "HAgk14JpMQLgt6rVgv7cBQFJWFto5Dqxi472uT3DKpqk"},
	} {
		path, err := Path(Hot, c.chainType, c.chainID, 0)
		if err != nil || path != c.path {
			t.Errorf("%s %d: path %s, %v", c.chainType, c.chainID, path, err)
		}
		if got, err := Address(seed, c.chainType, c.chainID, path); err != nil || got != c.address {
			t.Errorf("%s %d: address %s, %v", c.chainType, c.chainID, got, err)
		}
	}
}

func TestAnIndexAboveTheHighestHasNoPath(t *testing.T) {
	for chainType, chainID := range map[string]int64{EVM: 1, BTC: 0, Solana: 101} {
		last, err := Path(Hot, chainType, chainID, MaxIndex)
		if err != nil {
			t.Errorf("%s: %v", chainType, err)
		}
		if _, err := Address(testSeed(t), chainType, chainID, last); err != nil {
			t.Errorf("%s: %v", last, err)
		}
		if p, err := Path(Hot, chainType, chainID, MaxIndex+1); err == nil {
			t.Errorf("%s: %s", chainType, p)
		}
	}
}

func TestEachNetworkOfBitcoinCountsItsOwnKeys(t *testing.T) {
	for chainID, want := range map[int64]string{0: "btc/0", 1: "btc/1", 2: "btc/1", 3: "btc/1"} {
		if got, err := Counter(BTC, chainID); err != nil || got != want {
			t.Errorf("chain %d: %s, %v", chainID, got, err)
		}
	}
}

// A signature of Solana is good on every cluster that knows its blockhash.
func TestTheMainClusterOfSolanaHasKeysOfItsOwn(t *testing.T) {
	for chainID, want := range map[int64][2]string{
		101: {"solana/501", "m/44'/501'/7'/0'"}, 102: {"solana/1", "m/44'/1'/7'/0'"}, 103: {"solana/1", "m/44'/1'/7'/0'"}, 104: {"solana/1", "m/44'/1'/7'/0'"},
	} {
		counter, counterErr := Counter(Solana, chainID)
		path, pathErr := Path(Hot, Solana, chainID, 7)
		if counterErr != nil || pathErr != nil || counter != want[0] || path != want[1] {
			t.Errorf("cluster %d: %s, %s, %v, %v", chainID, counter, path, counterErr, pathErr)
		}
	}
	for _, chainID := range []int64{0, 1, 100, 105} {
		if got, err := Counter(Solana, chainID); !errors.Is(err, fault.Usage) {
			t.Errorf("cluster %d: %s, %v", chainID, got, err)
		}
	}
}

func TestASigningKeyBelongsToItsAddress(t *testing.T) {
	seed := testSeed(t)
	key, err := Secp256k1(seed, "m/44'/60'/0'/0/7")
	if err != nil {
		t.Fatal(err)
	}
	address, err := Address(seed, EVM, 1, "m/44'/60'/0'/0/7")
	if err != nil || crypto.PubkeyToAddress(key.PublicKey).Hex() != address {
		t.Errorf("key of %s, address %s, %v", crypto.PubkeyToAddress(key.PublicKey), address, err)
	}
}

func testSeed(t *testing.T) []byte {
	t.Helper()
	words := make([]string, 12)
	for i := range words {
		words[i] = "abandon"
	}
	words[11] = "about"
	seed, err := bip39.Seed(words, "")
	if err != nil {
		t.Fatal(err)
	}
	return seed
}
