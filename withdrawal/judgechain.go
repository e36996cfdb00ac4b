package withdrawal

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// chain judges what is about all wallets of the chain.
func (j *judgement) chain() {
	j.silence()
	j.heads()
	j.machine()
	j.gate()
	j.restored()
	for i := range j.f.poor {
		w := &j.f.poor[i]
		a := j.f.alarm(AlarmNoFunds, nil, w.Payment, cmp.Or(w.Asset, "coin"), "no hot wallet has the funds for withdrawal %s, which waits since %s; maybe not for others of %s either",
			w.Payment, at(w.CreatedAt), cmp.Or(w.Asset, "the coin"))
		a.Payment = "" // it is about all that wait for this asset
		j.say(a)
	}
	j.fees()
}

// silence judges which nodes answer. Own payments are judged by the majority, so while that answers, one that does not is no
// brake.
func (j *judgement) silence() {
	if len(j.f.nodes) == 0 {
		for _, k := range []AlarmKind{AlarmWrongChain, AlarmNodesSilent, AlarmNodeSilent} {
			j.unknown(k, "")
		}
		return
	}
	var silent []chain.NodeState
	for _, n := range j.f.nodes {
		switch {
		case n.WrongChain:
			j.say(j.asFirstSaid(j.f.alarm(AlarmWrongChain, nil, "", n.Name, "node %s is on another chain: %s", n.Name, n.Problem)))
		case n.Problem != "":
			silent = append(silent, n)
		}
	}
	if 2*len(silent) >= len(j.f.nodes) {
		names := make([]string, len(silent))
		for i, n := range silent {
			names[i] = n.Name
		}
		j.unknown(AlarmWrongChain, "") // a silent one may still be on another chain
		j.say(j.f.alarm(AlarmNodesSilent, nil, "", "", "%d of %d nodes give no clean answer: %s", len(silent), len(j.f.nodes), strings.Join(names, ", ")))
		return
	}
	for _, n := range silent {
		j.say(j.asFirstSaid(j.f.alarm(AlarmNodeSilent, nil, "", n.Name, "node %s gives no clean answer: %s", n.Name, n.Problem)))
	}
}

// asFirstSaid keeps the words with which an open alarm was raised: those of a broken connection differ each time, and would be
// written each time.
func (j *judgement) asFirstSaid(a store.Alarm) store.Alarm {
	if i := slices.IndexFunc(j.f.open, func(o store.Alarm) bool { return o.Key == a.Key }); i >= 0 {
		a.Why = j.f.open[i].Why
	}
	return a
}

// heads judges the nodes' newest blocks.
func (j *judgement) heads() {
	var newest time.Time
	clean := 0
	for _, n := range j.f.nodes {
		if n.Problem == "" && !n.WrongChain {
			clean++
			if n.HeadAt.After(newest) {
				newest = n.HeadAt
			}
		}
	}
	if clean < len(j.f.nodes) || clean == 0 { // the one that is missing may be the one that is behind, or has another block
		j.unknown(AlarmNodesDisagree, "")
		j.unknown(AlarmNodeBehind, "")
	}
	if clean == 0 {
		j.unknown(AlarmHeadOld, "")
		j.unknown(AlarmClock, "")
		return
	}
	var splits []string
	for _, n := range j.f.nodes {
		if n.Split != "" {
			splits = append(splits, n.Name+": "+n.Split)
		}
	}
	if splits != nil {
		j.say(j.f.alarm(AlarmNodesDisagree, nil, "", "", "%s", strings.Join(splits, "; ")))
	}
	if j.f.headAge == 0 {
		return
	}
	oldest := j.f.now.Add(-j.f.headAge)
	switch {
	case newest.Before(oldest):
		j.say(j.f.alarm(AlarmHeadOld, nil, "", "", "the newest block of all nodes is of %s, and may be %s old", at(newest), j.f.headAge))
	case newest.After(j.f.now.Add(j.f.headAge)):
		j.say(j.f.alarm(AlarmClock, nil, "", "", "the nodes' newest block is more than %s ahead of the clock", j.f.headAge))
	}
	for _, n := range j.f.nodes {
		if n.Problem == "" && !n.WrongChain && n.HeadAt.Before(oldest) && !newest.Before(oldest) {
			j.say(j.f.alarm(AlarmNodeBehind, nil, "", n.Name, "node %s has had no new block since %s, and others have", n.Name, at(n.HeadAt)))
		}
	}
}

// machine judges the signing machine, if something waits for it.
func (j *judgement) machine() {
	var since time.Time
	for _, w := range j.f.wallets {
		for _, a := range w.out {
			if a.State == store.AttemptAsked && (since.IsZero() || a.AskedAt.Before(since)) {
				since = a.AskedAt
			}
		}
	}
	if since.IsZero() && j.f.waiting != nil {
		since = j.f.waiting.CreatedAt
	}
	switch {
	case since.IsZero():
	case !j.f.signer.known:
		j.unknown(AlarmSignerSilent, "")
		j.unknown(AlarmSignerLocked, "")
		j.unknown(AlarmSignerFrozen, "")
	case j.f.signer.silent:
		j.unknown(AlarmSignerLocked, "")
		j.unknown(AlarmSignerFrozen, "")
		j.say(j.f.alarm(AlarmSignerSilent, nil, "", "", "the signing machine does not answer, and something waits for it since %s", at(since)))
	case j.f.signer.frozen != "":
		j.say(j.f.alarm(AlarmSignerFrozen, nil, "", "", "the signing machine is frozen, and something waits for it since %s: %s", at(since), j.f.signer.frozen))
	case j.f.signer.locked:
		j.say(j.f.alarm(AlarmSignerLocked, nil, "", "", "the signing machine is locked, and something waits for it since %s", at(since)))
	}
}

// gate judges whether ledger and signing machine agree.
func (j *judgement) gate() {
	if !j.f.gate.known {
		j.unknown(AlarmLedgerBehind, "")
		j.unknown(AlarmSignerRolledBack, "")
	}
	if f := j.f.gate.found; f != nil {
		j.say(j.f.alarm(f.kind, nil, "", "", "%s", f.why))
	}
}

// restored judges whether a restore waits for its acceptance.
func (j *judgement) restored() {
	if j.f.restored.Paused {
		j.say(j.f.alarm(AlarmPaused, nil, "", "", "%s", storefault.PausedWhy(j.f.restored)))
	}
}

// fees: above the cap nothing new is bound, and nothing under way is replaced. Without anything that waits it is no alarm (F30).
func (j *judgement) fees() {
	var since time.Time
	if j.f.waiting != nil {
		since = j.f.waiting.CreatedAt
	}
	for _, w := range j.f.wallets {
		if s, is := w.waits(); is && (since.IsZero() || s.Before(since)) {
			since = s
		}
	}
	switch {
	case since.IsZero():
	case j.f.fees == nil:
		j.unknown(AlarmFeeCap, "")
	case *j.f.fees != "":
		j.say(j.f.alarm(AlarmFeeCap, nil, "", "", "the oldest that waits for lower fees does so since %s: fees are above the chain's cap", at(since)))
	}
}
