package withdrawal

import (
	"fmt"
	"strings"

	"coffer.internal/internal/store"
)

// AlarmKind is what an alarm is about. The list is closed: what is not in alarmKinds cannot be raised.
type AlarmKind string

// About one wallet.
const (
	AlarmNotAccepted    AlarmKind = "not_accepted"    // signed, and no node took it (F02)
	AlarmStuck          AlarmKind = "stuck"           // the lowest nonce is in no block (F20)
	AlarmRejected       AlarmKind = "rejected"        // a node says that it can never take it
	AlarmForeignUse     AlarmKind = "foreign_use"     // the chain has spent what was never asked for (F11)
	AlarmForeignSpend   AlarmKind = "foreign_spend"   // the chain has spent on something else what was asked for (F10)
	AlarmOccupied       AlarmKind = "occupied"        // something else stands at a nonce in a node's pool (F09)
	AlarmDelegated      AlarmKind = "delegated"       // the account's code was handed to a contract (F17)
	AlarmNoGas          AlarmKind = "no_gas"          // what is under way cannot be paid for (F32)
	AlarmSignerConflict AlarmKind = "signer_conflict" // ledger and signing machine contradict each other
	AlarmGapRefused     AlarmKind = "gap_refused"     // the signing machine refused to fill a gap
	AlarmNoncesUnknown  AlarmKind = "nonces_unknown"  // signed for elsewhere, and the ledger was restored: nonces may have been given since
)

// About one chain.
const (
	AlarmWrongChain    AlarmKind = "wrong_chain"    // a node is on another chain (F37)
	AlarmNodesDisagree AlarmKind = "nodes_disagree" // nodes have different blocks at one height
	AlarmHeadOld       AlarmKind = "head_old"       // no node has a new block
	AlarmClock         AlarmKind = "clock"          // the newest block is from the future (F36)
	AlarmNodesSilent   AlarmKind = "nodes_silent"   // the majority of the nodes gives no clean answer
	AlarmNodeSilent    AlarmKind = "node_silent"    // one does not, and the majority does
	AlarmNodeBehind    AlarmKind = "node_behind"    // one has old blocks, and others new ones
	AlarmSignerSilent  AlarmKind = "signer_silent"  // something waits for the signing machine, which does not answer
	AlarmSignerLocked  AlarmKind = "signer_locked"  // something waits for it, and it is locked
	AlarmSignerFrozen  AlarmKind = "signer_frozen"  // something waits for it, and it is frozen: a person or the machine itself found something wrong
	// AlarmLedgerBehind: the signing machine has signed what the ledger does not know (F26): the database is older than the machine.
	AlarmLedgerBehind AlarmKind = "ledger_behind_signer"
	// AlarmSignerRolledBack: the ledger holds answers that the signing machine does not know: it is older than the database.
	AlarmSignerRolledBack AlarmKind = "signer_rolled_back"
	AlarmPaused           AlarmKind = "paused_after_restore"
	AlarmNoFunds          AlarmKind = "no_funds" // a queued payment that no wallet has the funds for
	AlarmFeeCap           AlarmKind = "fee_cap"  // fees are above the chain's cap, and something waits (F30)
)

// AlarmNeedsReview is about one payment.
const AlarmNeedsReview AlarmKind = "needs_review"

// About the ledger, raised and ended beside the guard.
const (
	AlarmReconcileDiffers AlarmKind = "reconcile_differs" // ledger and chain differ in what nobody can explain
	AlarmAuditUnsealed    AlarmKind = "audit_unsealed"    // audit rows wait to be sealed
	AlarmBreakGlass       AlarmKind = "break_glass"       // one officer alone carried out what takes two
	AlarmNoBackup         AlarmKind = "no_backup"         // the last backup failed, or none was written for too long
	AlarmSettingsUnsigned AlarmKind = "settings_unsigned" // operators are named, and none signed for what coffer.toml says
	// AlarmSettingsRevoked: a daemon runs by settings that are not in force any more.
	AlarmSettingsRevoked AlarmKind = "settings_not_accepted"
)

// What an alarm is about.
const (
	aboutWallet  = "wallet"
	aboutChain   = "chain"
	aboutPayment = "payment"
	aboutLedger  = "ledger" // none of the guard's: whoever raises it ends it
)

// alarmRule is what holds for all alarms of a kind.
type alarmRule struct {
	about  string
	brake  bool // while one is open, the wallet, or every wallet of the chain, gets no new payment
	sticky bool // only a person ends it: that it is no more to be seen says nothing
	passes int  // seen in so many passes in a row it is believed; what comes and goes by itself for a moment is no alarm
	todo   string
}

// alarmKinds is the one table of them; docs/alarms.md shows it, and a test holds the two together. In todo, {address}, {chain}
// (type and id), {id} (chain id) and {payment} stand for the alarm's own.
var alarmKinds = map[AlarmKind]alarmRule{
	AlarmNotAccepted: {aboutWallet, true, false, 1,
		"see what the nodes answer: coffer nonce list {address} {id}, coffer health {address} {id}; it is sent again by itself"},
	AlarmStuck: {aboutWallet, true, false, 1,
		"see it with coffer nonce list {address} {id}; then coffer tx bump REQUEST, or coffer tx cancel REQUEST"},
	AlarmRejected: {aboutWallet, true, false, 1,
		"see which with coffer tx list; if the reason does not go away: coffer tx cancel REQUEST"},
	AlarmForeignUse: {aboutWallet, true, true, 1,
		"find out who else has the key; the cursor follows the chain by itself; then coffer alarms lift ALARM --reason TEXT, or coffer deactivate {address} {id}"},
	AlarmForeignSpend: {aboutWallet, true, true, 1,
		"find out who else has the key; each payment has an alarm of its own; then coffer alarms lift ALARM --reason TEXT, or coffer deactivate {address} {id}"},
	AlarmOccupied: {aboutWallet, true, true, 1,
		"find out who else has the key: coffer health {address} {id}; then coffer alarms lift ALARM --reason TEXT, or coffer deactivate {address} {id}"},
	AlarmDelegated: {aboutWallet, true, false, 1,
		"find out who signed the authorization; delegate to the zero address to end it, or coffer deactivate {address} {id}"},
	AlarmNoGas: {aboutWallet, true, false, 1,
		"send coin to {address}; what is under way goes on by itself"},
	AlarmSignerConflict: {aboutWallet, true, true, 1,
		"compare coffer tx show REQUEST with coffer-signer status: another ledger, or an older copy of this one, uses the machine; then coffer alarms lift ALARM --reason TEXT"},
	AlarmGapRefused: {aboutWallet, true, false, 1,
		"see why with coffer audit list --action attempt.sign; all above that nonce waits until the chain has spent it"},
	AlarmNoncesUnknown: {aboutWallet, true, true, 1,
		"ask whoever signs for it which nonces are spent or promised; coffer sync {address} {id} NONCE if the cursor is too low; then coffer alarms lift ALARM --reason TEXT"},
	AlarmPaused: {aboutChain, true, false, 1,
		"coffer restore report shows each difference; then coffer restore accept --reason TEXT"},
	AlarmWrongChain: {aboutChain, true, false, 1,
		"correct rpc of [chain.{chain}] in coffer.toml, or that node; then restart coffer run"},
	AlarmNodesDisagree: {aboutChain, true, false, 3,
		"compare that block on a node of somebody else's; take the wrong node out of rpc of [chain.{chain}], then restart coffer run"},
	AlarmHeadOld: {aboutChain, true, false, 1,
		"see whether the chain stands still or the nodes are cut off from it; head_max_age of [chain.{chain}] is the bound"},
	AlarmClock: {aboutChain, false, false, 3,
		"set the clock of the database's machine (of this machine, with SQLite): see date -u and its time service"},
	AlarmNodesSilent: {aboutChain, true, false, 3,
		"repair them, or name others in rpc of [chain.{chain}] and restart coffer run"},
	AlarmNodeSilent: {aboutChain, false, false, 3,
		"repair it, or take it out of rpc of [chain.{chain}] and restart coffer run; until then nothing is called failed or cancelled"},
	AlarmNodeBehind: {aboutChain, false, false, 3,
		"repair it, or take it out of rpc of [chain.{chain}] and restart coffer run; until then nothing is called failed or cancelled"},
	AlarmSignerSilent: {aboutChain, false, false, 3,
		"coffer-signer status; then coffer-signer serve --passphrase-file FILE"},
	AlarmSignerLocked: {aboutChain, false, false, 1,
		"stop that process, then coffer-signer serve --passphrase-file FILE"},
	AlarmSignerFrozen: {aboutChain, false, false, 1,
		"coffer-signer status tells why; coffer-signer unfreeze, by two officers, when that is over (docs/signer.md)"},
	AlarmLedgerBehind: {aboutChain, true, false, 1,
		"stop the daemons; coffer recover --dry-run shows what is missing; then coffer recover, and start coffer run"},
	AlarmSignerRolledBack: {aboutChain, true, false, 1,
		"coffer signer export FILE; at the machine: coffer-signer load FILE, then coffer-signer unfreeze"},
	AlarmNoFunds: {aboutChain, false, false, 1,
		"top up a hot wallet: coffer list {id}, then coffer info ADDRESS {id}; or coffer tx cancel {payment}"},
	AlarmFeeCap: {aboutChain, false, false, 1,
		"wait for lower fees, or raise the cap of [chain.{chain}] in coffer.toml and restart coffer run"},
	AlarmReconcileDiffers: {aboutLedger, false, false, 1,
		"coffer reconcile --chain-id {id} lists them, each with what to do (docs/reconcile.md); it ends when a later run is clean"},
	AlarmAuditUnsealed: {aboutLedger, false, false, 1,
		"see in the log of coffer run why sealing fails; coffer audit checkpoint seals by hand; what is not sealed can be changed without a trace"},
	AlarmBreakGlass: {aboutLedger, false, true, 1,
		"another officer looks at what was done (coffer audit list --action proposal.break_glass), then coffer alarms lift ALARM --reason TEXT"},
	AlarmNoBackup: {aboutLedger, false, false, 1,
		"see in the log of coffer run why it fails, and whether dir of [backup] in coffer.toml has room; coffer backup DIR writes one by hand"},
	AlarmSettingsUnsigned: {aboutLedger, false, false, 1,
		"coffer config shows what coffer.toml says, on each machine that has one; an officer signs for it: coffer config accept (docs/operators.md)"},
	AlarmSettingsRevoked: {aboutLedger, false, false, 1,
		"coffer config shows what differs; have them accepted again with coffer config accept, or mend coffer.toml and restart coffer run"},
	AlarmNeedsReview: {aboutPayment, false, false, 1,
		"coffer tx show {payment}; then, by what it says, coffer tx requeue {payment} or coffer tx cancel {payment}"},
}

// subject is what makes an alarm's facts one: if nothing is known about it, no alarm about it begins or ends.
func subject(kind AlarmKind, chainType string, chainID int64, address string) string {
	s := fmt.Sprintf("%s:%s:%d", kind, chainType, chainID)
	if address != "" {
		s += ":" + address
	}
	return s
}

// naming puts a payment into the commands of an alarm that is about its wallet. A gap fill has none.
func naming(a store.Alarm, payment string) store.Alarm {
	if payment != "" {
		a.ToDo = strings.ReplaceAll(a.ToDo, "REQUEST", payment)
	}
	return a
}

// LedgerAlarm makes an alarm about the ledger, for whoever raises one beside the guard; an empty chain type: it is about no chain.
func LedgerAlarm(kind AlarmKind, chainType string, chainID int64, why string) Alarm {
	f := guardFacts{chainType: chainType, chainID: chainID}
	return f.alarm(kind, nil, "", "", "%s", why)
}

// AlarmRaised is the audit row of an alarm that begins.
func AlarmRaised(actor string, a Alarm) store.AuditRow {
	return store.AuditRow{Actor: actor, Action: actionRaise, Subject: a.Key, After: alarmText(a), Result: store.ResultDone, Reason: a.Why}
}

// AlarmEnded is the audit row of one that is over.
func AlarmEnded(actor string, a Alarm) store.AuditRow {
	return store.AuditRow{Actor: actor, Action: actionEndOf, Subject: a.Key, Before: alarmText(a), After: "over", Result: store.ResultDone}
}

// alarm makes a row of a kind. detail tells apart alarms of one subject, such as nodes; empty: there is only one.
func (f *guardFacts) alarm(kind AlarmKind, w *store.Wallet, payment, detail, why string, args ...any) store.Alarm {
	rule := alarmKinds[kind]
	a := store.Alarm{
		Kind: string(kind), ChainType: f.chainType, ChainID: f.chainID, Payment: payment, Brake: rule.brake, Sticky: rule.sticky,
		Why: fmt.Sprintf(why, args...),
	}
	if w != nil {
		a.WalletID, a.Address = w.ID, w.Address
	}
	a.Key = subject(kind, f.chainType, f.chainID, a.Address)
	if detail != "" {
		a.Key += ":" + detail
	}
	a.ToDo = strings.NewReplacer("{address}", a.Address, "{chain}", fmt.Sprintf("%s.%d", f.chainType, f.chainID),
		"{id}", fmt.Sprint(f.chainID), "{payment}", payment).Replace(rule.todo)
	return a
}
