package policy

import (
	"os"
	"testing"

	"coffer.internal/signing"
)

func TestEachCounterThatIsJudgedByIsFoundAgain(t *testing.T) {
	text, err := os.ReadFile("testdata/exchange.toml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range p.rules {
		for _, address := range []string{"", from} {
			i := signing.Intent{ChainType: r.chains[0].chainType, ChainID: r.chains[0].id, From: from}
			c, ok := p.Counted(r.counter(i, address))
			limits := r.allKeys
			if address != "" {
				limits = r.eachKey
			}
			if ok != limits.any() {
				t.Errorf("rule %q, address %q: found %v", r.name, address, ok)
			}
			if ok && (c.Rule != r.name || c.Address != address || c.Hour.Amount != limits.hour || c.Day.Fee != limits.feeDay || c.Day.Count != limits.dayCount) {
				t.Errorf("rule %q, address %q: %+v", r.name, address, c)
			}
		}
	}
	for _, none := range []string{
		"", "rule", "rule/ether/evm:1", "rule/ether/evm:1/coin/a/b", "sum/ether/evm:1/coin", "rule/none/evm:1/coin", "rule/ether/evm:1/" + usdt, "rule/usdt/evm:1/coin",
	} {
		if c, ok := p.Counted(none); ok {
			t.Errorf("%q is %+v", none, c)
		}
	}
	if n := len(p.Limits()); n < 3 {
		t.Errorf("%d scopes with limits", n)
	}
}
