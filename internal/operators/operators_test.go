package operators_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/store"
)

func TestAnActHasOneEncodingAndNothingThatIsNotExecuted(t *testing.T) {
	for text, good := range map[string]bool{
		`{"verb":"activate","address":"0xa","chain_id":1}`:                                       true,
		`{"verb":"sync","address":"0xa","chain_id":1,"nonce":7,"force":true}`:                    true,
		`{"verb":"clear_cache"}`:                                                                 true,
		`{"verb":"create_batch","rows":[{"ref":"a","chain_type":"evm","chain_id":1,"nonce":0}]}`: true,
		`{"verb":"activate","chain_id":1,"address":"0xa"}`:                                       false, // another order
		`{"verb":"activate","address":"0xa","chain_id":1,"force":true}`:                          false, // a field that is not its own
		`{"verb":"activate","address":"0xa"}`:                                                    false, // one is missing
		`{"verb":"activate","address":"0xa","chain_id":1,"then":"more"}`:                         false,
		`{"verb":"activate","address":"0xa","chain_id":1} `:                                      false,
		`{"verb":"give_all"}`:                                                                    false,
		`{"verb":"activate","address":"0xa","chain_id":1}{"verb":"clear_cache"}`:                 false,
	} {
		a, err := operators.ParseAct([]byte(text))
		if (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
		if good && string(a.Full()) != text {
			t.Errorf("%s is written as %s", text, a.Full())
		}
		if err != nil && !errors.Is(err, fault.Usage) {
			t.Errorf("%s: %v is no fault.Usage", text, err)
		}
	}
}

func TestOfManyRowsADigestIsSigned(t *testing.T) {
	a := operators.Act{Verb: operators.BatchSync, Rows: []operators.Row{{Address: "0xa", ChainID: 1, Nonce: 7}}}
	b := operators.Act{Verb: operators.BatchSync, Rows: []operators.Row{{Address: "0xa", ChainID: 1, Nonce: 8}}}
	if string(a.Brief()) == string(b.Brief()) {
		t.Error("other rows, the same text")
	}
	if want := `{"verb":"batch_sync","rows":{"count":1,"sha256":"`; !strings.HasPrefix(string(a.Brief()), want) {
		t.Errorf("%s", a.Brief())
	}
}

func TestAStatementHasOneEncoding(t *testing.T) {
	w := newWorld(t)
	st := operators.NewStatement(w.ledger, operators.Do, "alice", activate, "ticket <812> & more", w.now)
	got, err := operators.ParseStatement(st.Line())
	if err != nil || string(got.Line()) != string(st.Line()) {
		t.Fatalf("%v: %s", err, got.Line())
	}
	for _, text := range []string{"", "{}", string(st.Line()) + "\n", strings.Replace(string(st.Line()), `"v":1`, `"v":2`, 1), strings.Replace(string(st.Line()), `"v":1,`, `"v":1, `, 1)} {
		if _, err := operators.ParseStatement([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestKeysThatMayBeNamed(t *testing.T) {
	ed := newPerson(t, "a").Public()
	for what, c := range map[string]struct{ text, code string }{
		"ed25519":     {ed, ""},
		"with name":   {strings.TrimSpace(ed) + " alice@laptop\n", ""},
		"two":         {ed + ed, "bad_key"},
		"options":     {`command="sh" ` + ed, "bad_key"},
		"nothing":     {"", "bad_key"},
		"private":     {"-----BEGIN OPENSSH PRIVATE KEY-----\n", "private_key"},
		"rsa":         {newRSA(t), "key_kind"},
		"sk-ed25519":  {skKey, ""},
		"half of one": {ed[:40], "bad_key"},
	} {
		if _, _, err := operators.ParseKey(c.text); c.code == "" && err != nil || c.code != "" && fault.Code(err) != c.code {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func newRSA(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(ssh.MarshalAuthorizedKey(public))
}

const skKey = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIOUqTTnVvSQBZoCJoKYX1w8TPRBIMDOGQUzVvZkVqDGvAAAABHNzaDo= key"

func TestWhoSomebodyIsFollowsFromHisKeys(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.named("alice", operators.Officer), w.named("bob", operators.Viewer)
	old := w.named("carol", operators.Officer)
	w.update(func(tx store.Tx) error { return tx.RevokeOperator(w.ctx, w.operatorID("carol")) })
	stranger := newPerson(t, "eve")
	for what, c := range map[string]struct {
		keys       operators.Keys
		name       string
		want, code string
	}{
		"one of them":               {keyring{stranger, bob}, "", "bob", ""},
		"a good one before an old":  {keyring{old, alice}, "", "alice", ""},
		"an old one alone":          {keyring{old}, "", "carol", ""},
		"of two the one he names":   {keyring{alice, bob}, "bob", "bob", ""},
		"of two, none is named":     {keyring{alice, bob}, "", "", "which_operator"},
		"nobody":                    {keyring{stranger}, "", "", "operator_required"},
		"not the one he says he is": {keyring{bob}, "alice", "", "operator_required"},
		"no keys":                   {nil, "", "", "operator_required"},
	} {
		if c.keys == nil || len(c.keys.(keyring)) == 0 {
			c.keys = nil
		}
		self, err := operators.Choose(w.ctx, w.operators(), c.keys, c.name)
		if self.Name != c.want || c.code != "" && fault.Code(err) != c.code || c.code == "" && err != nil {
			t.Errorf("%s: %q, %v", what, self.Name, err)
		}
	}
}

func TestARowWhoseSignatureIsNotWhatItSaysIsFound(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.named("alice", operators.Daily), w.named("bob", operators.Daily)
	if err := w.change(w.warrant(alice, activate)); err != nil {
		t.Fatal(err)
	}
	row := w.audit()[0]
	w.update(func(tx store.Tx) error { return tx.RevokeOperator(w.ctx, w.operatorID("alice")) })
	if err := operators.CheckRow(row, w.ledger, w.operators()); err != nil {
		t.Errorf("good, and signed before the key was revoked: %v", err)
	}
	for what, change := range map[string]func(*store.AuditRow){
		"another actor":    func(r *store.AuditRow) { r.Actor = title(w, bob) },
		"another text":     func(r *store.AuditRow) { r.Signed = strings.Replace(r.Signed, "0xa", "0xb", 1) },
		"no list":          func(r *store.AuditRow) { r.Signed = "alice" },
		"another operator": func(r *store.AuditRow) { r.Signed = strings.Replace(r.Signed, "alice", "bob", 1) },
		"before he signed": func(r *store.AuditRow) { r.At = r.At.Add(-2 * operators.Fresh) },
	} {
		r := row
		change(&r)
		if operators.CheckRow(r, w.ledger, w.operators()) == nil {
			t.Errorf("%s: not found", what)
		}
	}
	if operators.CheckRow(row, "00000000000000000000000000000000", w.operators()) == nil {
		t.Error("good for another ledger")
	}
}

func TestWhatTwoPeopleAreNeededFor(t *testing.T) {
	for m, good := range map[string]bool{
		"activate": true, "activate:cold": true, "sync:down": true, "operator_add": true, "activate:warm": false, "operator_add:x": false, "": false,
		"proposal_withdraw": false, "reserve": false,
	} {
		if err := operators.CheckMatter(m); (err == nil) != good {
			t.Errorf("%q: %v", m, err)
		}
	}
	for _, m := range operators.DefaultMatters {
		if err := operators.CheckMatter(m); err != nil {
			t.Error(err)
		}
	}
	ms := operators.Matters{"activate:cold", "recover"}
	if !ms.Need(operators.Activate, "cold") || ms.Need(operators.Activate, "hot") || !ms.Need(operators.Recover) || ms.Need(operators.Sync, "force") {
		t.Error("the wrong acts need two")
	}
}
