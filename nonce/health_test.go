package nonce

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

var healthNow = time.Unix(1e9, 0)

// rowsFrom makes slots at and above the chain's count out of words: free, reserved, expired, late, asked, stuck (asked and not
// answered for long), refused, signed, final, elsewhere (sent elsewhere), external.
func rowsFrom(latest uint64, words string) (slots []store.Slot, cursor uint64) {
	cursor = latest
	for word := range strings.FieldsSeq(words) {
		s := store.Slot{Nonce: store.Nonce{WalletID: 1, Nonce: cursor, State: store.NonceUsed, UpdatedAt: healthNow.Add(-time.Minute)}}
		switch word {
		case "free":
			s.State = store.NonceFree
		case "reserved":
			s.State, s.ExpiresAt = store.NonceReserved, healthNow.Add(time.Second)
		case "expired":
			s.State, s.ExpiresAt = store.NonceReserved, healthNow
		case "late":
			s.State, s.UpdatedAt = store.NonceReserved, healthNow.Add(-time.Hour)
		case "asked":
			s.Asked = true
		case "stuck":
			s.Asked, s.UpdatedAt = true, healthNow.Add(-time.Hour)
		case "signed":
			s.Signed = true
		case "final":
			s.Signed, s.Final = true, true
		case "elsewhere":
			s.Signed, s.Hash = true, "0x1"
		}
		cursor++
		if word != "external" {
			slots = append(slots, s)
		}
	}
	return slots, cursor
}

func counted(latest, pending uint64) HealthCount {
	return HealthCount{Latest: latest, Highest: latest, Pending: pending, Agreed: true}
}

func TestEachVerdictOnAWallet(t *testing.T) {
	at := func(n ...uint64) *[]uint64 { return &n }
	for _, c := range []struct {
		name    string
		rows    string // from the chain's count on
		count   HealthCount
		cursor  *uint64              // if it is not at the end of the rows
		change  func(f *healthFacts) // nil: nothing
		verdict HealthVerdict
		nonces  *[]uint64 // from and to of each range; nil: not looked at
	}{
		{name: "nothing is under way", count: counted(5, 5), verdict: Healthy},
		{name: "a fresh wallet", count: counted(0, 0), verdict: Healthy},
		{name: "all is ours", rows: "signed asked reserved", count: counted(5, 6), verdict: InFlight, nonces: at(5, 7)},
		{name: "mined, and not final yet", count: counted(5, 5), verdict: InFlight,
			change: func(f *healthFacts) { f.load.InFlight = 1 }},
		{name: "sent elsewhere", rows: "elsewhere reserved", count: counted(5, 5), verdict: InFlight,
			change: func(f *healthFacts) { f.wallet.Device = "" }},
		{name: "callers of one moment", rows: "reserved asked signed", count: counted(5, 5), verdict: InFlight},
		{name: "others' transactions wait in the pools", count: counted(5, 9), verdict: Healthy},
		{name: "others' transactions, which an operator said are spent", rows: "external external", count: counted(5, 7), verdict: InFlight},

		{name: "a free nonce", rows: "free", count: counted(5, 5), verdict: GapOpen, nonces: at(5, 5)},
		{name: "an expired reservation counts as free", rows: "reserved expired", count: counted(5, 5), verdict: GapOpen, nonces: at(6, 6)},
		{name: "only refused attempts, and nothing signed above", rows: "signed refused asked", count: counted(5, 6), verdict: GapOpen, nonces: at(6, 6)},
		{name: "F13: a pending count hides no gap", rows: "free free", count: counted(5, 7), verdict: GapOpen, nonces: at(5, 6)},

		{name: "a free nonce below a signed one", rows: "free signed free", count: counted(5, 5), verdict: GapBelowSigned, nonces: at(5, 5)},
		{name: "F13: a pending count hides no gap below a signed one", rows: "free signed", count: counted(5, 7), verdict: GapBelowSigned, nonces: at(5, 5)},
		{name: "an expired one below", rows: "expired signed", count: counted(5, 5), verdict: GapBelowSigned},
		{name: "only refused attempts below", rows: "signed refused signed", count: counted(5, 6), verdict: GapBelowSigned, nonces: at(6, 6)},
		{name: "a signature that does not come", rows: "stuck signed", count: counted(5, 5), verdict: GapBelowSigned, nonces: at(5, 5)},
		{name: "a reservation that nobody uses, below one sent elsewhere", rows: "late elsewhere", count: counted(5, 5), verdict: GapBelowSigned,
			change: func(f *healthFacts) { f.wallet.Device = "" }},
		{name: "the signed one is far above", rows: "free", count: counted(5, 5), verdict: GapBelowSigned,
			change: func(f *healthFacts) { f.front.Top, f.all = &[]uint64{9}[0], false }},
		{name: "what the chain has mined above says nothing", rows: "free", count: counted(5, 5), verdict: GapOpen,
			change: func(f *healthFacts) { f.front.Top = &[]uint64{4}[0] }},

		{name: "the cursor is behind", count: counted(5, 5), cursor: &[]uint64{3}[0], verdict: BehindChain, nonces: at(3, 4)},
		{name: "behind, though the pools count nothing", count: counted(5, 0), cursor: &[]uint64{3}[0], verdict: BehindChain},
		{name: "the pending count alone makes nothing behind", count: counted(3, 9), cursor: &[]uint64{3}[0], verdict: Healthy},
		{name: "a free nonce that the chain has spent", rows: "signed", count: counted(5, 6), verdict: BehindChain, nonces: at(2, 2),
			change: func(f *healthFacts) { f.front.Below = []store.Nonce{{Nonce: 2, State: store.NonceFree}} }},
		{name: "a reservation here that the chain has spent", count: counted(5, 5), verdict: BehindChain, nonces: at(2, 2),
			change: func(f *healthFacts) { f.front.Below = []store.Nonce{{Nonce: 2, State: store.NonceReserved}} }},
		{name: "a reservation elsewhere that the chain has ended", count: counted(5, 5), verdict: Healthy,
			change: func(f *healthFacts) {
				f.wallet.Device, f.front.Below = "", []store.Nonce{{Nonce: 2, State: store.NonceReserved}}
			}},

		{name: "ahead of what any node knows", rows: "external external", count: counted(5, 5), verdict: AheadOfChain, nonces: at(5, 6)},
		{name: "what was final is gone from all nodes", rows: "final signed", count: counted(5, 9), verdict: AheadOfChain, nonces: at(5, 5)},
		{name: "ahead, with ours above", rows: "external signed", count: counted(5, 5), verdict: AheadOfChain, nonces: at(5, 5)},
		{name: "ahead of the pools too", rows: "external external", count: counted(5, 6), verdict: AheadOfChain, nonces: at(6, 6)},
		{name: "more rows than were read are no news", rows: "reserved", count: counted(5, 5), cursor: &[]uint64{99}[0], verdict: InFlight,
			change: func(f *healthFacts) { f.all = false }},

		{name: "the nodes do not agree", rows: "signed", count: HealthCount{Latest: 5, Highest: 6, Pending: 6}, verdict: Unclear},
		{name: "nobody answers", rows: "free signed", verdict: Unclear,
			count: HealthCount{Agreed: true, Err: fault.New(fault.Unreachable, "node_unreachable", "ask again", "no node answers")}},
		{name: "F12: an older node says nothing about the cursor", rows: "external", count: HealthCount{Latest: 5, Highest: 6, Pending: 6}, verdict: Unclear},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := healthFacts{
				now: healthNow, all: true, count: c.count,
				wallet: store.Wallet{ID: 1, Address: "0xA", ChainType: "evm", ChainID: 1, Device: "m"},
			}
			f.front.Slots, f.wallet.Nonce = rowsFrom(c.count.Latest, c.rows)
			if c.cursor != nil {
				f.wallet.Nonce = *c.cursor
			}
			if c.change != nil {
				c.change(&f)
			}
			h := judgeHealth(f)
			if h.Verdict != c.verdict || h.State != healthStates[c.verdict] {
				t.Fatalf("%s (%s) about %v, want %s", h.Verdict, h.State, h.Nonces, c.verdict)
			}
			var got []uint64
			for _, r := range h.Nonces {
				got = append(got, r.From, r.To)
			}
			if c.nonces != nil && fmt.Sprint(got) != fmt.Sprint(*c.nonces) {
				t.Errorf("about %v, want %v", got, *c.nonces)
			}
			if h.Why == "" || h.Means == "" || h.Hint == "" {
				t.Errorf("a person reads %q, %q, %q", h.Why, h.Means, h.Hint)
			}
			if (h.Chain == nil) != (c.verdict == Unclear) {
				t.Errorf("the chain counts %v", h.Chain)
			}
		})
	}
}

func TestEveryVerdictHasAStateAndAMeaning(t *testing.T) {
	all := []HealthVerdict{Healthy, InFlight, GapOpen, GapBelowSigned, BehindChain, AheadOfChain, Unclear}
	for _, v := range all {
		if _, ok := healthStates[v]; !ok || healthMeaning[v] == "" {
			t.Errorf("%s has no state or no meaning", v)
		}
	}
	if len(healthStates) != len(all) || len(healthMeaning) != len(all) {
		t.Error("a verdict is missing in this test")
	}
}

func TestTheWorstStateWins(t *testing.T) {
	order := []HealthState{HealthOK, HealthWarning, HealthUnknown, HealthCritical}
	for i, better := range order {
		for k, worse := range order {
			if worse.Worse(better) != (k > i) {
				t.Errorf("%s worse than %s: %v", worse, better, worse.Worse(better))
			}
		}
	}
}

func TestAWalletWhoseNonceIsASequenceNumberIsNotComparedWithAChain(t *testing.T) {
	for chainType, guard := range map[string]string{"btc": "inputs", "solana": "blockhash"} {
		f := healthFacts{
			now: healthNow, wallet: store.Wallet{ID: 1, Address: "x", ChainType: chainType, Nonce: 9},
			count: HealthCount{Err: fault.New(nil, "none", "", "no node")}, load: store.Load{Free: 2, Gaps: []uint64{3}},
		}
		if h := judgeHealth(f); h.Verdict != Healthy || !strings.Contains(h.Why, "2 free, which hold nothing up") || !strings.Contains(h.Means, guard) {
			t.Errorf("%s: %+v", chainType, h)
		}
		if f.load.InFlight = 1; judgeHealth(f).Verdict != InFlight {
			t.Errorf("%s: one in flight is %+v", chainType, judgeHealth(f))
		}
	}
}

// TestF13PendingAloneNeverDecides draws any facts: without an agreed count the verdict is unknown, with a cursor
// behind it critical, and the pending count alone changes no verdict but that on nonces that are not ours.
func TestF13PendingAloneNeverDecides(t *testing.T) {
	words := []string{"free", "reserved", "expired", "late", "asked", "stuck", "refused", "signed", "elsewhere"}
	rapid.Check(t, func(t *rapid.T) {
		latest := rapid.Uint64Range(0, 20).Draw(t, "latest")
		rows := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 8).Draw(t, "rows"), " ")
		f := healthFacts{now: healthNow, all: true, count: counted(latest, latest), wallet: store.Wallet{ID: 1, ChainType: "evm", Device: "m"}}
		f.front.Slots, f.wallet.Nonce = rowsFrom(latest, rows)
		alone := judgeHealth(f).Verdict
		f.count.Pending = rapid.Uint64Range(0, 40).Draw(t, "pending")
		if with := judgeHealth(f).Verdict; with != alone {
			t.Fatalf("%s with pending %d, %s without", with, f.count.Pending, alone)
		}
		if f.count.Agreed = false; judgeHealth(f).State != HealthUnknown {
			t.Fatal("a verdict though the nodes do not agree")
		}
		f.count.Agreed = true
		if f.count.Latest = f.wallet.Nonce + 1; judgeHealth(f).Verdict != BehindChain {
			t.Fatal("behind the chain, and nobody says so")
		}
	})
}
