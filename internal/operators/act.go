package operators

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"coffer.internal/internal/fault"
)

// Verb is what is to be done.
type Verb string

// The verbs.
const (
	Activate         Verb = "activate"
	Deactivate       Verb = "deactivate"
	CreateHot        Verb = "create_hot"
	CreateInternal   Verb = "create_internal"
	CreateBatch      Verb = "create_batch"
	Sync             Verb = "sync"
	SyncAll          Verb = "sync_all"
	BatchSync        Verb = "batch_sync"
	DeviceRebind     Verb = "device_rebind"
	TxBump           Verb = "tx_bump"
	TxCancel         Verb = "tx_cancel"
	TxRequeue        Verb = "tx_requeue"
	TxClose          Verb = "tx_close"
	AlarmLift        Verb = "alarm_lift"
	ClearCache       Verb = "clear_cache"
	AuditKeyCreate   Verb = "audit_key_create"
	Recover          Verb = "recover"
	RestoreAccept    Verb = "restore_accept"
	OperatorAdd      Verb = "operator_add"
	OperatorRevoke   Verb = "operator_revoke"
	OperatorRotate   Verb = "operator_rotate"
	ProposalWithdraw Verb = "proposal_withdraw"
	ConfigAccept     Verb = "config_accept"
	ConfigRevoke     Verb = "config_revoke"
)

// Act is one thing to be done, with all that says what exactly. Which fields a verb has is in forms; every other one is empty.
type Act struct {
	Verb       Verb     `json:"verb"`
	Address    string   `json:"address,omitempty"`
	ChainID    *int64   `json:"chain_id,omitempty"`
	ChainType  string   `json:"chain_type,omitempty"`
	WalletType string   `json:"wallet_type,omitempty"`
	Nonce      *uint64  `json:"nonce,omitempty"`
	SameKeyAs  string   `json:"same_key_as,omitempty"`
	Ref        string   `json:"ref,omitempty"`
	Device     string   `json:"device,omitempty"` // of device_rebind: the new one
	Path       string   `json:"path,omitempty"`
	From       string   `json:"from,omitempty"` // of device_rebind: the old device
	FromChain  bool     `json:"from_chain,omitempty"`
	Force      bool     `json:"force,omitempty"`
	Request    string   `json:"request,omitempty"`
	Alarm      int64    `json:"alarm,omitempty"`
	Operator   string   `json:"operator,omitempty"` // name
	Role       string   `json:"role,omitempty"`
	Key        string   `json:"key,omitempty"` // as in authorized_keys, without comment
	Proposal   int64    `json:"proposal,omitempty"`
	Restore    int64    `json:"restore,omitempty"` // number of a restore
	Despite    bool     `json:"despite_unknown,omitempty"`
	Settings   string   `json:"settings,omitempty"` // digest of what a coffer.toml says
	View       []string `json:"view,omitempty"`     // what it says, without secrets
	Only       bool     `json:"only,omitempty"`     // no others are in force
	Rows       []Row    `json:"rows,omitempty"`
}

// Row is one of many things that are done together. Line is where it stands in its file, for messages.
type Row struct {
	Line       int    `json:"line,omitempty"`
	Address    string `json:"address,omitempty"`
	Ref        string `json:"ref,omitempty"`
	ChainType  string `json:"chain_type,omitempty"`
	ChainID    int64  `json:"chain_id"`
	WalletType string `json:"wallet_type,omitempty"`
	Nonce      uint64 `json:"nonce"`
}

// form is what a verb's act looks like, and whose it is.
type form struct {
	fields []string // those it must have, then, after "", those that it may have
	roles  []Role
}

var (
	daily    = []Role{Daily, Officer}
	officers = []Role{Officer}
	anybody  = []Role{Daily, Officer, Auditor}

	forms = map[Verb]form{
		Activate:         {[]string{"address", "chain_id"}, daily},
		Deactivate:       {[]string{"address", "chain_id"}, daily},
		CreateHot:        {[]string{"chain_id", "chain_type", "", "same_key_as", "ref", "nonce"}, daily},
		CreateInternal:   {[]string{"address", "chain_id", "chain_type", "wallet_type", "", "nonce", "device", "path"}, daily},
		CreateBatch:      {[]string{"rows"}, daily},
		Sync:             {[]string{"address", "chain_id", "", "nonce", "from_chain", "force"}, daily},
		SyncAll:          {[]string{"", "chain_id"}, daily},
		BatchSync:        {[]string{"rows"}, daily},
		DeviceRebind:     {[]string{"from", "device"}, daily},
		TxBump:           {[]string{"request"}, daily},
		TxCancel:         {[]string{"request"}, daily},
		TxRequeue:        {[]string{"request"}, daily},
		TxClose:          {[]string{"request"}, officers},
		AlarmLift:        {[]string{"alarm"}, daily},
		ClearCache:       {nil, daily},
		AuditKeyCreate:   {nil, []Role{Auditor, Officer}},
		Recover:          {nil, daily},
		RestoreAccept:    {[]string{"restore", "", "despite_unknown"}, officers},
		OperatorAdd:      {[]string{"operator", "role", "key"}, officers},
		OperatorRevoke:   {[]string{"operator"}, officers},
		OperatorRotate:   {[]string{"operator", "key"}, officers},
		ProposalWithdraw: {[]string{"proposal"}, anybody},
		ConfigAccept:     {[]string{"settings", "", "view", "only"}, officers},
		ConfigRevoke:     {[]string{"settings"}, officers},
	}
)

// Known says whether there is such a verb.
func Known(v Verb) bool {
	_, ok := forms[v]
	return ok
}

// Check refuses an act that is not of its verb's form: with a field that would be signed and not executed, or without one that it needs.
func (a Act) Check() error {
	f, ok := forms[a.Verb]
	if !ok {
		return badAct("there is no act %q", clipped(string(a.Verb)))
	}
	var has map[string]json.RawMessage
	if err := json.Unmarshal(a.Full(), &has); err != nil {
		return badAct("%s is not read back: %v", a.Verb, err)
	}
	delete(has, "verb")
	must := true
	for _, name := range f.fields {
		if name == "" {
			must = false
			continue
		}
		if _, there := has[name]; must && !there {
			return badAct("%s needs %s", a.Verb, name)
		}
		delete(has, name)
	}
	for name := range has {
		return badAct("%s has no %s", a.Verb, name)
	}
	return nil
}

func badAct(format string, args ...any) error {
	return fault.New(fault.Usage, "bad_act", "docs/operators.md lists the acts and their fields", format, args...)
}

// Full is the one encoding of an act: JSON with the fields in their order, no white space.
func (a Act) Full() []byte { return line(a) }

// Brief is the act as it is signed: as Full, but of rows only how many there are and the SHA-256 of their JSON array.
func (a Act) Brief() []byte {
	if len(a.Rows) == 0 {
		return a.Full()
	}
	sum := sha256.Sum256(line(a.Rows))
	rows := struct {
		Count  int    `json:"count"`
		SHA256 string `json:"sha256"`
	}{len(a.Rows), hex.EncodeToString(sum[:])}
	a.Rows = nil
	return slices.Concat(bytes.TrimSuffix(a.Full(), []byte("}")), []byte(`,"rows":`), line(rows), []byte("}"))
}

// ParseAct reads what Full writes, and nothing else.
func ParseAct(b []byte) (Act, error) {
	var a Act
	if err := strict(b, &a); err != nil {
		return Act{}, badAct("this is no act: %v", err)
	}
	if !bytes.Equal(a.Full(), b) {
		return Act{}, badAct("this is an act, but not in its one encoding")
	}
	return a, a.Check()
}

// Subject says in a few words what the act is about, for audit rows.
func (a Act) Subject() string {
	var parts []string
	if a.ChainType != "" {
		parts = append(parts, a.ChainType)
	}
	if a.ChainID != nil {
		parts = append(parts, fmt.Sprint(*a.ChainID))
	}
	for _, s := range []string{a.Address, a.Request, a.From, a.Operator, a.Settings} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	switch {
	case a.Proposal != 0:
		parts = append(parts, fmt.Sprint("proposal ", a.Proposal))
	case a.Alarm != 0:
		parts = append(parts, fmt.Sprint("alarm ", a.Alarm))
	case a.Restore != 0:
		parts = append(parts, fmt.Sprint("restore ", a.Restore))
	case len(a.Rows) > 0:
		parts = append(parts, fmt.Sprintf("%d rows", len(a.Rows)))
	}
	return clipped(strings.Join(parts, " "))
}

// Action is what the act is called in audit rows that are about the act itself, not about what it does.
func (a Act) Action() string { return "act." + string(a.Verb) }

// line is JSON on one line, <, > and & as they are.
func line(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("operators: text and numbers are always encoded: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// strict reads one JSON value of known fields.
func strict(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if dec.More() {
		return fmt.Errorf("something follows it")
	}
	return nil
}
