package withdrawal

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
)

// guardFacts are what the guard step judges by, for one chain. They are read in this order: the chain, then the ledger. So a
// count of the chain is never newer than the ledger that it is held against.
type guardFacts struct {
	now       time.Time // the store's
	chainType string
	chainID   int64
	stuck     time.Duration // how long the lowest nonce may be in no block
	headAge   time.Duration // how old the newest block may be; 0: any age
	leads     bool          // this daemon judges what is about the whole chain, and about payments

	wallets  []walletFacts // those that this daemon drives
	nodes    []chain.NodeState
	fees     *string // why fees are above the cap, empty if they are not; nil: not known
	signer   signerFacts
	gate     gateFacts
	restored store.RestoreMark
	waiting  *store.Withdrawal  // the oldest that is not asked for yet; nil: none
	poor     []store.Withdrawal // per asset the oldest that no wallet has the funds for
	review   []reviewFacts

	open   []store.Alarm        // of this chain
	ended  map[string]time.Time // of sticky alarms: when each key was lifted last
	streak map[string]int       // by key, in how many passes in a row before this it was seen
}

// walletFacts are what is known of one wallet.
type walletFacts struct {
	row      store.Wallet
	out      []store.Attempt  // asked, signed or sent, by nonce
	unasked  []uint64         // nonces free or reserved, lowest first
	foreign  []store.External // of used nonces
	unfilled []store.Attempt  // refused gap fills at nonces that still lack one

	count     *chain.Count // nil: not known
	delegate  *string      // empty: none; nil: not known
	lowest    uint64       // the lowest nonce with an attempt in out, and since when it is that; zero: not seen yet
	lowestFor time.Time
}

// signerFacts are what the signing machine says of itself.
type signerFacts struct {
	known, silent, locked bool
	frozen                string // why; empty: it is not
}

// gateFacts are what the comparison of ledger and signing machine came to.
type gateFacts struct {
	agreed bool     // they agree, as far as is known now
	known  bool     // they were compared
	found  *finding // why they do not agree
}

// reviewFacts are a payment that waits for a person.
type reviewFacts struct {
	row      store.Withdrawal
	conflict *store.Attempt // the attempt that the signing machine refused as a conflict
	foreign  bool           // its nonce was spent by something that is not coffer's
}

// verdict is what judge comes to.
type verdict struct {
	raise  []store.Alarm // what is so now, by key
	end    []store.Alarm // open ones that are over
	streak map[string]int
}

// judge says which alarms are true now, and which open ones are over. It has no effects. What is not known begins and ends
// nothing: a node that does not answer ends no alarm about what it would have said.
func judge(f guardFacts) verdict {
	j := judgement{f: &f, doubt: map[string]bool{}, seen: map[string]store.Alarm{}}
	for i := range f.wallets {
		j.wallet(&f.wallets[i])
	}
	if f.leads {
		j.chain()
		j.payments()
	}
	return j.close()
}

// judgement is a judge at work.
type judgement struct {
	f     *guardFacts
	seen  map[string]store.Alarm // by key
	doubt map[string]bool        // subjects of which nothing is known
}

func (j *judgement) say(a store.Alarm) {
	if _, there := j.seen[a.Key]; !there { // the first of several that are one alarm is the lowest, or the oldest
		j.seen[a.Key] = a
	}
}

// since says that something sticky is so since then. What was so before a person lifted the alarm is known to that person.
func (j *judgement) since(at time.Time, a store.Alarm) {
	if lifted, was := j.f.ended[a.Key]; !was || at.After(lifted) {
		j.say(a)
	}
}

func (j *judgement) unknown(kind AlarmKind, address string) {
	j.doubt[subject(kind, j.f.chainType, j.f.chainID, address)] = true
}

// close compares what is so with what is open.
func (j *judgement) close() verdict {
	v := verdict{streak: map[string]int{}}
	for _, key := range slices.Sorted(maps.Keys(j.seen)) {
		a := j.seen[key]
		v.streak[key] = j.f.streak[key] + 1
		if v.streak[key] >= alarmKinds[AlarmKind(a.Kind)].passes {
			v.raise = append(v.raise, a)
		}
	}
	mine := map[int64]bool{}
	for _, w := range j.f.wallets {
		mine[w.row.ID] = true
	}
	for _, a := range j.f.open {
		rule, ok := alarmKinds[AlarmKind(a.Kind)]
		_, stands := j.seen[a.Key]
		switch {
		case !ok || rule.about == aboutLedger || rule.sticky || a.Sticky || stands: // a kind of a newer program's is not ours to end
		case rule.about == aboutWallet && !mine[a.WalletID], rule.about != aboutWallet && !j.f.leads:
		case j.doubt[subject(AlarmKind(a.Kind), a.ChainType, a.ChainID, a.Address)]:
		default:
			v.end = append(v.end, a)
		}
	}
	slices.SortFunc(v.end, func(a, b store.Alarm) int { return cmp.Compare(a.ID, b.ID) })
	return v
}

// payments judges what waits for a person, each payment on its own.
func (j *judgement) payments() {
	for _, r := range j.f.review {
		j.say(j.f.alarm(AlarmNeedsReview, nil, r.row.Payment, r.row.Payment, "withdrawal %s waits for a person: %s", r.row.Payment, r.row.Reason))
	}
}

// at shows a moment in a text. It is a moment and no age, so that the text stays the same while nothing happens.
func at(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// verdictOf is what a node said last of an attempt that was sent.
func verdictOf(a store.Attempt) chain.Verdict {
	word, _, _ := strings.Cut(a.Note, ":")
	return chain.Verdict(word)
}
