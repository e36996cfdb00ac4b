package seed

import (
	"bytes"
	"errors"
	"testing"

	"crypto/ed25519"

	"coffer.internal/internal/signer/keys"
	"coffer.internal/internal/signer/keys/keystest"
)

func held() []keystest.Key {
	return []keystest.Key{
		{ChainType: "evm", ChainID: 1, Path: "m/44'/60'/0'/0/0"}, {ChainType: "evm", ChainID: 1, Path: "m/44'/60'/1'/0/0"},
		{ChainType: "btc", ChainID: 3, Path: "m/84'/1'/0'/0/0"}, {ChainType: "btc", ChainID: 3, Path: "m/84'/1'/2'/0/0"},
		{ChainType: "solana", ChainID: 101, Path: "m/44'/501'/0'/0'"}, {ChainType: "solana", ChainID: 101, Path: "m/44'/501'/0'/1'"},
	}
}

func TestKeysOfASeedAreABackend(t *testing.T) {
	keystest.Run(t, func(*testing.T) keys.Backend { return New(bytes.Repeat([]byte{7}, 64)) }, held())
}

func TestCloseZeroesTheKeysOfEveryChain(t *testing.T) {
	k := New(bytes.Repeat([]byte{7}, 64))
	var used []privateKey
	for _, at := range held() {
		private, err := k.get(at.ChainType, at.Path)
		if err != nil {
			t.Fatal(err)
		}
		used = append(used, private)
	}
	k.Close()
	for _, private := range used {
		if err := zero(private); err != nil {
			t.Error(err)
		}
	}
}

func zero(k privateKey) error {
	switch k := k.(type) {
	case evmKey:
		for _, w := range k.D.Bits() {
			if w != 0 {
				return errors.New("a key of EVM is still in memory")
			}
		}
	case btcKey:
		if !k.Key.IsZero() {
			return errors.New("a key of Bitcoin is still in memory")
		}
	case solanaKey:
		if string(k.PrivateKey) != string(make([]byte, ed25519.PrivateKeySize)) {
			return errors.New("a key of Solana is still in memory")
		}
	}
	return nil
}
