package withdrawal

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

const hotAddress = "0xde709f2102306220921060314715629080e2fb77"

// quiet are the facts of a chain with one wallet, cursor 10, on which all is well.
func quiet() guardFacts {
	none, fees := "", ""
	return guardFacts{
		gate: gateFacts{agreed: true, known: true},
		now:  noon, chainType: "evm", chainID: 1, stuck: 10 * time.Minute, headAge: time.Minute, leads: true, fees: &fees,
		wallets: []walletFacts{{
			row:   store.Wallet{ID: 7, Address: hotAddress, ChainType: "evm", ChainID: 1, Nonce: 10, Active: true, Device: "d"},
			count: &chain.Count{Latest: 10, Highest: 10, Nodes: 3, Agreed: true}, delegate: &none,
		}},
		nodes: []chain.NodeState{
			{Name: "http://a", Head: 5, HeadAt: noon.Add(-time.Second)}, {Name: "http://b", Head: 5, HeadAt: noon.Add(-time.Second)},
			{Name: "http://c", Head: 5, HeadAt: noon.Add(-time.Second)},
		},
		signer: signerFacts{known: true}, ended: map[string]time.Time{}, streak: map[string]int{},
	}
}

// out is an attempt under way that was signed so long ago.
func out(nonce uint64, state, note string, age time.Duration) store.Attempt {
	return store.Attempt{WalletID: 7, Address: hotAddress, Nonce: nonce, State: state, Note: note, AskedAt: noon.Add(-age), SignedAt: noon.Add(-age)}
}

// judged judges in as many passes as any kind takes, and gives the kinds that are raised.
func judged(f guardFacts) (kinds []string, v verdict) {
	for range 3 {
		v = judge(f)
		f.streak = v.streak
	}
	for _, a := range v.raise {
		kinds = append(kinds, a.Kind)
	}
	return kinds, v
}

func TestEveryAlarmOfTheClosedListIsRaisedByItsCauseAndByNothingElse(t *testing.T) {
	contract := "0x52908400098527886E0F7030069857D2E4169EE7"
	at := func(n uint64) *uint64 { return &n }
	for _, c := range []struct {
		name string
		bend func(*guardFacts)
		want []AlarmKind
	}{
		{"all is well", func(*guardFacts) {}, nil},
		{"F02 signed and taken by no node", func(f *guardFacts) {
			f.wallets[0].out = []store.Attempt{out(8, store.AttemptSigned, "busy: pool full", 3*time.Minute), out(9, store.AttemptSent, "unknown: time-out", 3*time.Minute)}
			f.wallets[0].lowest = 8
		}, []AlarmKind{AlarmNotAccepted}},
		{"F02 a replacement has no answer, and a node took what it replaces", func(f *guardFacts) {
			f.wallets[0].out = []store.Attempt{out(9, store.AttemptSent, "", 3*time.Minute), out(9, store.AttemptSent, "unknown: time-out", 3*time.Minute)}
			f.wallets[0].lowest = 9
		}, nil},
		{"F02 neither has one", func(f *guardFacts) {
			f.wallets[0].out = []store.Attempt{out(9, store.AttemptSent, "unknown: time-out", 3*time.Minute), out(9, store.AttemptSent, "unknown: time-out", time.Second)}
			f.wallets[0].lowest = 9
		}, []AlarmKind{AlarmNotAccepted}},
		{"signed a moment ago", func(f *guardFacts) {
			f.wallets[0].out = []store.Attempt{out(9, store.AttemptSigned, "", time.Minute)}
			f.wallets[0].lowest = 9
		}, nil},
		{"F20 the lowest is in no block", func(f *guardFacts) {
			f.wallets[0].out = []store.Attempt{out(8, store.AttemptSent, "", 11*time.Minute), out(9, store.AttemptSent, "", time.Hour)}
			f.wallets[0].lowest = 8
		}, []AlarmKind{AlarmStuck}},
		{"F20 what waits for the lowest is not stuck", func(f *guardFacts) {
			f.wallets[0].out = []store.Attempt{out(8, store.AttemptSent, "", time.Minute), out(9, store.AttemptSent, "", time.Hour)}
			f.wallets[0].lowest = 8
		}, nil},
		{"F20 what became the lowest a moment ago is not stuck", func(f *guardFacts) {
			f.wallets[0].out = []store.Attempt{out(9, store.AttemptSent, "", time.Hour)}
			f.wallets[0].lowest, f.wallets[0].lowestFor = 9, noon.Add(-time.Minute)
		}, nil},
		{"the lowest waits for its signature", func(f *guardFacts) {
			f.wallets[0].out = []store.Attempt{out(9, store.AttemptAsked, "", time.Hour)}
			f.wallets[0].lowest = 9
		}, nil},
		{"F09 something else stands at the nonce", func(f *guardFacts) {
			f.wallets[0].out = []store.Attempt{out(9, store.AttemptSigned, "occupied: replacement transaction underpriced", time.Second)}
			f.wallets[0].lowest = 9
		}, []AlarmKind{AlarmOccupied}},
		{"our own earlier attempt stands at the nonce", func(f *guardFacts) {
			f.wallets[0].out = []store.Attempt{out(9, store.AttemptSent, "", time.Second), out(9, store.AttemptSigned, "occupied: replacement transaction underpriced", time.Second)}
			f.wallets[0].lowest = 9
		}, nil},
		{"a node can never take it", func(f *guardFacts) {
			f.wallets[0].out = []store.Attempt{out(9, store.AttemptSigned, "rejected: oversized data", time.Second)}
			f.wallets[0].lowest = 9
		}, []AlarmKind{AlarmRejected}},
		{"F32 what is under way cannot be paid for", func(f *guardFacts) {
			f.wallets[0].out = []store.Attempt{out(9, store.AttemptSigned, "unfunded: insufficient funds", time.Second)}
			f.wallets[0].lowest = 9
		}, []AlarmKind{AlarmNoGas}},
		{"F32 no wallet has the funds", func(f *guardFacts) {
			f.poor = []store.Withdrawal{{Payment: "p", Asset: "USDT", CreatedAt: noon}}
		}, []AlarmKind{AlarmNoFunds}},
		{"F11 the chain counts more than was handed out", func(f *guardFacts) { f.wallets[0].count.Latest = 11 }, []AlarmKind{AlarmForeignUse}},
		{"F11 the chain spent what is reserved", func(f *guardFacts) { f.wallets[0].unasked = []uint64{9} }, []AlarmKind{AlarmForeignUse}},
		{"F12 an older count accuses nobody", func(f *guardFacts) { f.wallets[0].count.Latest = 4 }, nil},
		{"F12 nodes that do not agree accuse nobody", func(f *guardFacts) { f.wallets[0].count = &chain.Count{Latest: 11, Highest: 12} }, nil},
		{"F10 an asked nonce was spent by something else", func(f *guardFacts) {
			f.review = []reviewFacts{{row: store.Withdrawal{Payment: "p", WalletID: 7, Nonce: at(9), UpdatedAt: noon}, foreign: true}}
		}, []AlarmKind{AlarmForeignSpend, AlarmNeedsReview}},
		{"F10 a gap fill's nonce was spent by something else", func(f *guardFacts) {
			f.wallets[0].foreign = []store.External{{WalletID: 7, From: 9, To: 9, Evidence: evidenceChain, At: noon}}
		}, []AlarmKind{AlarmForeignSpend}},
		{"F17 a delegation nobody ordered", func(f *guardFacts) { f.wallets[0].delegate = &contract }, []AlarmKind{AlarmDelegated}},
		{"the signing machine contradicts the ledger", func(f *guardFacts) {
			f.review = []reviewFacts{{row: store.Withdrawal{Payment: "p"}, conflict: &store.Attempt{WalletID: 7, Nonce: 9, UpdatedAt: noon}}}
		}, []AlarmKind{AlarmNeedsReview, AlarmSignerConflict}},
		{"a gap is not filled", func(f *guardFacts) { f.wallets[0].unfilled = []store.Attempt{{Nonce: 3}} }, []AlarmKind{AlarmGapRefused}},
		{"F37 another chain", func(f *guardFacts) { f.nodes[1] = chain.NodeState{Name: "http://b", WrongChain: true} }, []AlarmKind{AlarmWrongChain}},
		{"nodes have different blocks", func(f *guardFacts) { f.nodes[1].Split = "block 4 is 0xab, others have 0xcd" }, []AlarmKind{AlarmNodesDisagree}},
		{"no node has a new block", func(f *guardFacts) {
			for i := range f.nodes {
				f.nodes[i].HeadAt = noon.Add(-2 * time.Minute)
			}
		}, []AlarmKind{AlarmHeadOld}},
		{"any age is allowed", func(f *guardFacts) {
			f.headAge = 0
			for i := range f.nodes {
				f.nodes[i].HeadAt = noon.Add(-2 * time.Hour)
			}
		}, nil},
		{"F36 the clock went back", func(f *guardFacts) {
			for i := range f.nodes {
				f.nodes[i].HeadAt = noon.Add(2 * time.Minute)
			}
		}, []AlarmKind{AlarmClock}},
		{"one node is behind", func(f *guardFacts) { f.nodes[2].HeadAt = noon.Add(-2 * time.Minute) }, []AlarmKind{AlarmNodeBehind}},
		{"one node of three is silent", func(f *guardFacts) { f.nodes[2] = chain.NodeState{Name: "http://c", Problem: "EOF"} }, []AlarmKind{AlarmNodeSilent}},
		{"two of three are", func(f *guardFacts) {
			f.nodes[1], f.nodes[2] = chain.NodeState{Name: "http://b", Problem: "EOF"}, chain.NodeState{Name: "http://c", Problem: "EOF"}
		}, []AlarmKind{AlarmNodesSilent}},
		{"the signing machine does not answer", func(f *guardFacts) {
			f.waiting, f.signer.silent = &store.Withdrawal{CreatedAt: noon}, true
		}, []AlarmKind{AlarmSignerSilent}},
		{"it is locked", func(f *guardFacts) {
			f.wallets[0].out, f.signer.locked = []store.Attempt{out(9, store.AttemptAsked, "", time.Second)}, true
		}, []AlarmKind{AlarmSignerLocked}},
		{"it is frozen", func(f *guardFacts) {
			f.wallets[0].out, f.signer.frozen = []store.Attempt{out(9, store.AttemptAsked, "", time.Second)}, "odd"
		}, []AlarmKind{AlarmSignerFrozen}},
		{"it is locked, and nothing waits for it", func(f *guardFacts) { f.signer.locked = true }, nil},
		{"F30 fees are above the cap", func(f *guardFacts) {
			high := "the base fee is 900 gwei"
			f.waiting, f.fees = &store.Withdrawal{CreatedAt: noon}, &high
		}, []AlarmKind{AlarmFeeCap}},
		{"F30 and what is under way waits", func(f *guardFacts) {
			high := "the base fee is 900 gwei"
			f.wallets[0].out, f.wallets[0].lowest, f.fees = []store.Attempt{out(9, store.AttemptSent, "", time.Minute)}, 9, &high
		}, []AlarmKind{AlarmFeeCap}},
		{"a restore waits for its acceptance", func(f *guardFacts) { f.restored = store.RestoreMark{ID: 1, Paused: true} }, []AlarmKind{AlarmPaused}},
		{"a restore is accepted", func(f *guardFacts) { f.restored = store.RestoreMark{ID: 1} }, nil},
		{"fees are above the cap, and nothing waits", func(f *guardFacts) { high := "the base fee is 900 gwei"; f.fees = &high }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := quiet()
			c.bend(&f)
			got, v := judged(f)
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Fatalf("raised %v, want %v", got, c.want)
			}
			for _, a := range v.raise {
				rule := alarmKinds[AlarmKind(a.Kind)]
				if a.Brake != rule.brake || a.Sticky != rule.sticky || a.Why == "" || a.ToDo == "" || strings.Contains(a.ToDo, "{") {
					t.Errorf("%+v", a)
				}
				if rule.about == aboutWallet && a.WalletID != 7 || rule.about != aboutWallet && a.WalletID != 0 {
					t.Errorf("%s is about wallet %d", a.Kind, a.WalletID)
				}
			}
		})
	}
}

func TestWhatIsOverEndsAndWhatIsNotKnownEndsNothing(t *testing.T) {
	everything := func(f *guardFacts) []store.Alarm {
		var all []store.Alarm
		for kind, rule := range alarmKinds {
			w := &f.wallets[0].row
			if rule.about != aboutWallet {
				w = nil
			}
			a := f.alarm(kind, w, "", "", "why")
			a.ID = int64(len(all) + 1)
			all = append(all, a)
		}
		return all
	}
	ended := func(f guardFacts) map[AlarmKind]bool {
		f.open = everything(&f)
		got := map[AlarmKind]bool{}
		for _, a := range judge(f).end {
			got[AlarmKind(a.Kind)] = true
		}
		return got
	}
	over := ended(quiet())
	for kind, rule := range alarmKinds {
		if ends := !rule.sticky && rule.about != aboutLedger; over[kind] != ends {
			t.Errorf("%s is ended: %v, when all is well; want %v", kind, over[kind], ends)
		}
	}
	for _, c := range []struct {
		name  string
		bend  func(*guardFacts)
		stays []AlarmKind
	}{
		{"nobody says anything of the nodes", func(f *guardFacts) { f.nodes = nil },
			[]AlarmKind{AlarmWrongChain, AlarmNodesDisagree, AlarmHeadOld, AlarmClock, AlarmNodesSilent, AlarmNodeSilent, AlarmNodeBehind}},
		{"all nodes are silent", func(f *guardFacts) {
			for i := range f.nodes {
				f.nodes[i] = chain.NodeState{Name: f.nodes[i].Name, Problem: "EOF"}
			}
		}, []AlarmKind{AlarmWrongChain, AlarmNodesDisagree, AlarmHeadOld, AlarmClock, AlarmNodesSilent, AlarmNodeBehind}},
		{"one is silent", func(f *guardFacts) { f.nodes[0] = chain.NodeState{Name: "http://a", Problem: "EOF"} }, []AlarmKind{AlarmNodesDisagree, AlarmNodeBehind}},
		{"the delegation could not be read", func(f *guardFacts) { f.wallets[0].delegate = nil }, []AlarmKind{AlarmDelegated}},
		{"the signing machine was not asked", func(f *guardFacts) { f.waiting, f.signer = &store.Withdrawal{CreatedAt: noon}, signerFacts{} }, []AlarmKind{AlarmSignerSilent, AlarmSignerLocked, AlarmSignerFrozen}},
		{"fees could not be read", func(f *guardFacts) { f.waiting, f.fees = &store.Withdrawal{CreatedAt: noon}, nil }, []AlarmKind{AlarmFeeCap}},
		{"ledger and signing machine were not compared", func(f *guardFacts) { f.gate = gateFacts{} }, []AlarmKind{AlarmLedgerBehind, AlarmSignerRolledBack}},
		{"another daemon judges the chain", func(f *guardFacts) { f.leads = false },
			[]AlarmKind{AlarmWrongChain, AlarmNodesDisagree, AlarmHeadOld, AlarmClock, AlarmNodesSilent, AlarmNodeSilent, AlarmNodeBehind, AlarmSignerSilent, AlarmSignerLocked, AlarmSignerFrozen, AlarmLedgerBehind, AlarmSignerRolledBack, AlarmPaused, AlarmNoFunds, AlarmFeeCap, AlarmNeedsReview}},
		{"another daemon drives the wallet", func(f *guardFacts) { f.wallets[0].row.ID = 8 },
			[]AlarmKind{AlarmNotAccepted, AlarmStuck, AlarmRejected, AlarmDelegated, AlarmNoGas, AlarmGapRefused}},
	} {
		f := quiet()
		open := everything(&f)
		c.bend(&f)
		f.open = open
		var stays []AlarmKind
		v := judge(f)
		for _, a := range open {
			rule := alarmKinds[AlarmKind(a.Kind)]
			if !slices.ContainsFunc(v.end, func(e store.Alarm) bool { return e.Key == a.Key }) && !rule.sticky && rule.about != aboutLedger {
				stays = append(stays, AlarmKind(a.Kind))
			}
		}
		slices.Sort(stays)
		slices.Sort(c.stays)
		if !slices.Equal(stays, c.stays) {
			t.Errorf("%s: %v stay, want %v", c.name, stays, c.stays)
		}
	}
}

func TestWhatFlickersIsBelievedAfterThreePassesInARow(t *testing.T) {
	f := quiet()
	f.nodes[2].Split = "block 4 is 0xab"
	for pass, want := range []int{0, 0, 1, 1} {
		v := judge(f)
		f.streak = v.streak
		if len(v.raise) != want {
			t.Fatalf("pass %d raises %d", pass+1, len(v.raise))
		}
	}
	f.nodes[2].Split = ""
	f.streak = judge(f).streak
	f.nodes[2].Split = "block 5 is 0xab"
	if v := judge(f); len(v.raise) != 0 {
		t.Error("a pass in between without it counts for nothing")
	}
	f.open = []store.Alarm{f.alarm(AlarmNodesDisagree, nil, "", "", "as before")}
	if v := judge(f); len(v.end) != 0 {
		t.Error("what is open and seen again ends because the daemon began anew")
	}
}

func TestWhatAPersonLiftedIsNotRaisedAgainForTheSameEvidence(t *testing.T) {
	nine := uint64(9)
	f := quiet()
	f.review = []reviewFacts{{row: store.Withdrawal{Payment: "p", WalletID: 7, Nonce: &nine, UpdatedAt: noon}, foreign: true}}
	key := subject(AlarmForeignSpend, "evm", 1, hotAddress)
	f.ended[key] = noon.Add(time.Second)
	if got, _ := judged(f); fmt.Sprint(got) != fmt.Sprint([]AlarmKind{AlarmNeedsReview}) {
		t.Errorf("raised %v", got)
	}
	f.ended[key] = noon.Add(-time.Second)
	if got, _ := judged(f); !slices.Contains(got, string(AlarmForeignSpend)) {
		t.Errorf("newer evidence raises %v", got)
	}
}

func TestAnAlarmKeepsTheWordsOfTheFirstBrokenConnection(t *testing.T) {
	f := quiet()
	f.nodes[2] = chain.NodeState{Name: "http://c", Problem: "read 127.0.0.1:4711: reset"}
	f.open = []store.Alarm{f.alarm(AlarmNodeSilent, nil, "", "http://c", "node http://c gives no clean answer: read 127.0.0.1:1: reset")}
	_, v := judged(f)
	if len(v.raise) != 1 || v.raise[0].Why != f.open[0].Why {
		t.Errorf("%+v", v.raise)
	}
}

func TestTheListOfAlarmsIsTheOneInTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../docs/alarms.md")
	if err != nil {
		t.Fatal(err)
	}
	word := map[bool]string{true: "yes", false: "no"}
	about, rows := "", 0
	for line := range strings.Lines(string(page)) {
		if title, ok := strings.CutPrefix(strings.TrimSpace(line), "## About one "); ok {
			about = title
		}
		cells := strings.Split(line, "|")
		if len(cells) < 7 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		rows++
		kind := AlarmKind(strings.Trim(cells[1], " `"))
		rule, ok := alarmKinds[kind]
		want := fmt.Sprintf("%s | %s | %s | %d", about, word[rule.brake], word[rule.sticky], rule.passes)
		got := fmt.Sprintf("%s |%s|%s|%s", about, cells[2], cells[3], strings.TrimRight(cells[4], " "))
		if !ok || got != want || rule.about != about {
			t.Errorf("docs/alarms.md says of %s: %s; the program: %s, about a %s", kind, got, want, rule.about)
		}
	}
	if rows != len(alarmKinds) {
		t.Errorf("docs/alarms.md has %d of %d kinds", rows, len(alarmKinds))
	}
}

func TestWhatToDoAboutAStuckPaymentNamesIt(t *testing.T) {
	f := quiet()
	stuck := out(9, store.AttemptSent, "", time.Hour)
	stuck.Payment = "w-4711"
	f.wallets[0].out, f.wallets[0].lowest = []store.Attempt{stuck}, 9
	_, v := judged(f)
	if len(v.raise) != 1 || !strings.Contains(v.raise[0].ToDo, "coffer tx bump w-4711, or coffer tx cancel w-4711") {
		t.Errorf("%+v", v.raise)
	}
}
