package config_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/config"
	"coffer.internal/internal/fault"
)

func TestAnAmountOfWeiSaysItsUnit(t *testing.T) {
	for text, want := range map[string]string{
		"30 gwei": "30000000000", "1.5 gwei": "1500000000", "100 wei": "100", "0.05 ether": "50000000000000000", "0.000000001 gwei": "1",
		"1.000000000000000001 ether": "1000000000000000001", "250 ether": "250000000000000000000", "1.50 gwei": "1500000000",
	} {
		got := load(t, fmt.Sprintf("[chain.evm.1]\nmax_fee = %q\n", text)).Chains[0].Fees.Max
		if got.String() != want {
			t.Errorf("%s is %s wei, not %s", text, got, want)
		}
	}
	for _, text := range []string{
		"", "30", "30gwei", "30 Gwei", "30  gwei", " 30 gwei", "30 gwei ", "-1 gwei", "+1 gwei", "1e9 wei", "0x10 wei", "030 gwei", "1_000 wei",
		"1,5 gwei", ".5 gwei", "5. gwei", "1.5 wei", "0.0000000001 gwei", "0 gwei", "0.0 ether", "30 eth", "30 gwei\n", "٣ gwei",
		"9999999999999999999999999 ether", "10000000000000000000000000 wei x",
	} {
		for _, key := range []string{"max_fee", "max_fee_per_gas", "min_priority_fee"} {
			_, err := config.Load(homeWith(t, fmt.Sprintf("[chain.evm.1]\n%s = %q\n", key, text)), env(), config.Flags{})
			if want := fmt.Sprintf("chain.evm.1.%s = %q", key, text); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), want) || fault.Hint(err) == "" {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
}

func TestFeesThatCannotBeMeantAreRefused(t *testing.T) {
	for text, says := range map[string]string{
		"[chain.evm.1]\nfee_percentile = 101\n":                                        "fee_percentile = 101 must be from 1 to 100",
		"[chain.evm.1]\nfee_blocks = 0\n":                                              "fee_blocks = 0 must be from 1 to 100",
		"[chain.evm.1]\nbump_percent = 9\n":                                            "bump_percent = 9 must be from 10 to 1000",
		"[chain.evm.1]\nbump_after = \"1ms\"\n":                                        `bump_after = "1ms" must be from 100ms`,
		"[chain.evm.1]\nl1_fee = \"zk\"\n":                                             `l1_fee = "zk" is not a way`,
		"[chain.evm.1]\nmax_fee_per_gas = 30\n":                                        "max_fee_per_gas = 30 must be an amount",
		"[chain.evm.1]\nmin_priority_fee = \"2 gwei\"\nmax_fee_per_gas = \"1 gwei\"\n": "min_priority_fee = 2000000000 wei is above max_fee_per_gas",
		"[chain.btc.0]\nmax_fee = \"1 gwei\"\n":                                        "chain.btc.0.max_fee",
		"[chain.solana.101]\nbump_after = \"20s\"\n":                                   "chain.solana.101.bump_after",
	} {
		_, err := config.Load(homeWith(t, text), env(), config.Flags{})
		if !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), says) || fault.Hint(err) == "" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTheTemplateAndThePageTellTheBuiltInFeesOfEachChain(t *testing.T) {
	page, err := os.ReadFile("../../docs/fees.md")
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]struct {
		perGas, most string
		after        time.Duration
		l1           string
	}{
		"1": {"500 gwei", "0.1 ether", 45 * time.Second, ""}, "11155111": {"5000 gwei", "1 ether", 45 * time.Second, ""},
		"10": {"50 gwei", "0.05 ether", 15 * time.Second, "op-stack"}, "8453": {"50 gwei", "0.05 ether", 15 * time.Second, "op-stack"},
		"56": {"50 gwei", "0.05 ether", 15 * time.Second, ""}, "42161": {"50 gwei", "0.05 ether", 15 * time.Second, ""},
		"137": {"5000 gwei", "5 ether", 15 * time.Second, ""}, "43114": {"1000 gwei", "0.5 ether", 15 * time.Second, ""},
		"1337": {"10000 gwei", "10 ether", 2 * time.Second, ""}, "31337": {"10000 gwei", "10 ether", 2 * time.Second, ""},
		"777777": {"500 gwei", "1 ether", 30 * time.Second, ""},
	} {
		got := load(t, "[chain.evm."+id+"]\n").Chains[0].Fees
		said := load(t, fmt.Sprintf("[chain.evm.%s]\nmax_fee_per_gas = %q\nmax_fee = %q\n", id, want.perGas, want.most)).Chains[0].Fees
		if got.MaxPerGas.Cmp(said.MaxPerGas) != 0 || got.Max.Cmp(said.Max) != 0 || got.BumpAfter != want.after || got.L1 != want.l1 {
			t.Errorf("chain %s: %+v", id, got)
		}
		both := fmt.Sprintf("%q and %q", want.perGas, want.most)
		if !strings.Contains(strings.ReplaceAll(config.Template, "\n# ", " "), both) || !strings.Contains(config.Template, fmt.Sprintf("%q", fmt.Sprint(want.after))) {
			t.Errorf("the template does not tell %s", both)
		}
		if row := fmt.Sprintf("| %s | %s | %s | %s |", want.perGas, want.most, want.after, cmp.Or(want.l1, "none")); !strings.Contains(string(page), row) {
			t.Errorf("docs/fees.md has no row with %s", row)
		}
		if got.MinPriority.Cmp(big.NewInt(1)) != 0 || got.Percentile != 50 || got.Blocks != 10 || got.BumpPercent != 10 {
			t.Errorf("chain %s: %+v", id, got)
		}
	}
	if got := load(t, "[chain.evm.10]\nl1_fee = \"none\"\n").Chains[0].Fees; got.L1 != "" {
		t.Errorf("%+v", got)
	}
}
