package nonce

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"coffer.internal/internal/store"
)

// TestF27AnySyncKeepsTheLedger decides random syncs of random wallets: an asked nonce is never free again or spent by somebody
// else, and every nonce below the cursor stays accounted for.
func TestF27AnySyncKeepsTheLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := syncFacts{now: time.Unix(1e9, 0), wallet: store.Wallet{ID: 1, Address: "0xA", ChainType: "evm", ChainID: 1, Device: "m"}}
		states := rapid.SliceOfN(rapid.SampledFrom([]string{store.NonceFree, store.NonceReserved, store.NonceUsed, "mined"}), 0, 12).Draw(t, "rows")
		f.wallet.Nonce = uint64(len(states))
		c := SyncCall{To: rapid.Uint64Range(0, 16).Draw(t, "to"), Force: rapid.Bool().Draw(t, "force"), Reason: "test"}
		if rapid.Bool().Draw(t, "nodes") {
			n := rapid.Uint64Range(0, 16).Draw(t, "latest")
			c.Latest = &n
		} else if rapid.Bool().Draw(t, "from chain") {
			c.FromChain, c.Force, c.Latest = true, false, &c.To
		}
		for i, s := range states {
			n := store.Nonce{WalletID: 1, Nonce: uint64(i), State: s, Request: "r", Fence: 1}
			switch {
			case s == store.NonceFree || s == store.NonceReserved:
				f.open = append(f.open, n)
				continue
			case s == store.NonceUsed && f.load.LowestUnmined == nil:
				f.load.LowestUnmined = &n.Nonce
			}
			if n.State = store.NonceUsed; n.Nonce >= c.To {
				f.used = &n.Nonce
			}
		}
		d, refusal := decideSync(f, c)
		down, up := c.To < f.wallet.Nonce && !c.FromChain, c.To > f.wallet.Nonce
		spent := c.Latest != nil && c.To <= *c.Latest
		if want := max(f.wallet.Nonce, c.To); c.FromChain && (refusal != nil || d.to != want) {
			t.Fatalf("the nodes count %d, and the cursor went from %d to %d: %v", c.To, f.wallet.Nonce, d.to, refusal)
		}
		if refusal != nil {
			if !down && !up {
				t.Fatalf("the number it has already is refused: %v", refusal)
			}
			return
		}
		if down && (!c.Force || f.used != nil) {
			t.Fatal("went down without force, or to or below an asked nonce")
		}
		if up && !spent && f.load.LowestUnmined != nil {
			t.Fatal("passed over an asked nonce that nobody counts as spent")
		}
		if up && c.Latest != nil && !spent && !c.Force {
			t.Fatal("jumped over what the chain has not spent")
		}
		if len(d.dropped) > 0 && !spent && !c.Force {
			t.Fatal("a reservation was dropped without force")
		}
		external := map[uint64]bool{}
		for i, e := range d.externals {
			if i > 0 && e.From <= d.externals[i-1].To+1 {
				t.Fatalf("ranges touch: %+v", d.externals)
			}
			for n := e.From; n <= e.To; n++ {
				external[n] = true
			}
		}
		for n := range max(f.wallet.Nonce, c.To) {
			row := ""
			if n < uint64(len(states)) {
				row = states[n]
			}
			open := row == store.NonceFree || row == store.NonceReserved
			changes := up || (spent && !down)
			if want := changes && n < c.To && (row == "" || open); external[n] != want {
				t.Fatalf("nonce %d (%q) external: %v, want %v", n, row, external[n], want)
			}
		}
	})
}
