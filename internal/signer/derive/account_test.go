package derive

import (
	"errors"
	"testing"

	"coffer.internal/internal/fault"
)

func TestEachAccountHasPathsOfItsOwn(t *testing.T) {
	for _, c := range []struct {
		chainType string
		chainID   int64
		want      [3]string
	}{
		{EVM, 1, [3]string{"m/44'/60'/0'/0/7", "m/44'/60'/1'/0/7", "m/44'/60'/2'/0/7"}},
		{EVM, 31337, [3]string{"m/44'/60'/0'/0/7", "m/44'/60'/1'/0/7", "m/44'/60'/2'/0/7"}},
		{BTC, 0, [3]string{"m/84'/0'/0'/0/7", "m/84'/0'/1'/0/7", "m/84'/0'/2'/0/7"}},
		{BTC, 3, [3]string{"m/84'/1'/0'/0/7", "m/84'/1'/1'/0/7", "m/84'/1'/2'/0/7"}},
		{Solana, 101, [3]string{"m/44'/501'/7'/0'", "m/44'/501'/7'/1'", "m/44'/501'/7'/2'"}},
		{Solana, 104, [3]string{"m/44'/1'/7'/0'", "m/44'/1'/7'/1'", "m/44'/1'/7'/2'"}},
	} {
		for n, account := range Accounts() {
			path, err := Path(account, c.chainType, c.chainID, 7)
			if err != nil || path != c.want[n] {
				t.Errorf("%s %d %s: %s, %v", c.chainType, c.chainID, account, path, err)
			}
			if got, index, err := AccountOf(c.chainType, c.chainID, path); got != account || index != 7 || err != nil {
				t.Errorf("%s is read as %s %d, %v", path, got, index, err)
			}
		}
	}
}

// The words abandon … about, account 1 of each chain, as other wallets show it.
func TestWalletsFindAccountsAgain(t *testing.T) {
	seed := testSeed(t)
	for _, c := range []struct {
		chainType string
		chainID   int64
		address   string
	}{
		{EVM, 1, "0x78839F6054d7ed13918bAe0473BA31b1Ca9D7265"},
		{BTC, 0, "bc1qku0qh0mc00y8tk0n65x2tqw4trlspak0fnjmfz"},
	} {
		path, err := Path(Cold, c.chainType, c.chainID, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Address(seed, c.chainType, c.chainID, path); err != nil || got != c.address {
			t.Errorf("%s: %s, %v", path, got, err)
		}
	}
}

func TestAPathThatIsNoneOfOursHasNoAccount(t *testing.T) {
	for _, c := range []struct {
		chainType string
		chainID   int64
		path      string
	}{
		{EVM, 1, ""}, {EVM, 1, "m"}, {EVM, 1, "m/0"}, {EVM, 1, "m/44'/60'/3'/0/0"}, {EVM, 1, "m/44'/60'/0'/1/0"}, {EVM, 1, "m/44'/60'/0'/0/0'"},
		{EVM, 1, "m/44'/60'/0/0/0"}, {EVM, 1, "m/44'/60'/0'/0/00"}, {EVM, 1, "m/44'/60'/0'/0/0/"}, {EVM, 1, "m/84'/0'/0'/0/0"},
		{BTC, 0, "m/84'/1'/0'/0/0"}, {BTC, 3, "m/84'/0'/0'/0/0"}, {Solana, 101, "m/44'/501'/0'"}, {Solana, 101, "m/44'/501'/0/0'"},
		{Solana, 101, "m/44'/1'/0'/0'"}, {"dogecoin", 1, "m/44'/60'/0'/0/0"},
	} {
		if a, i, err := AccountOf(c.chainType, c.chainID, c.path); err == nil {
			t.Errorf("%s %d %q: %s %d", c.chainType, c.chainID, c.path, a, i)
		}
	}
}

func TestAnAccountThatIsNoneIsRefused(t *testing.T) {
	if a, err := ParseAccount(""); a != Hot || err != nil {
		t.Errorf("%s, %v", a, err)
	}
	for _, s := range []string{"COLD", "warm", " cold", "1"} {
		if a, err := ParseAccount(s); !errors.Is(err, fault.Usage) || fault.Code(err) != "bad_account" {
			t.Errorf("%q: %s, %v", s, a, err)
		}
	}
	if _, err := Path("warm", EVM, 1, 0); err == nil {
		t.Error("there is a path for it")
	}
}
