package signing

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

func authorization() Authorization {
	return Authorization{
		Ledger: "l", Payment: "p-<1>", ChainType: "evm", ChainID: 31337, To: "to", Asset: "usdt", Amount: "1000", MaxFee: "5",
		Issued: time.Unix(1_800_000_000, 0).UTC(), Expires: time.Unix(1_800_003_600, 0).UTC(),
	}
}

func keyOf(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

// Programs of other languages write these bytes.
func TestAnAuthorizationHasThisEncoding(t *testing.T) {
	a := Authorization{Ledger: "l", Payment: "p", ChainType: "evm", ChainID: 1, To: "t", Amount: "7", MaxFee: "9", Issued: time.Unix(1, 0), Expires: time.Unix(2, 0)}
	want := hex.EncodeToString([]byte("coffer-authorization-1\x00")) + "000000016c" + "0000000170" + "0000000365766d" + "000000080000000000000001" + "0000000174" +
		"00000000" + "0000000137" + "0000000139" + "000000080000000000000001" + "000000080000000000000002"
	if got := hex.EncodeToString(a.Encode()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAnAuthorizationIsReadAsItWasWritten(t *testing.T) {
	a, key := authorization(), keyOf(1)
	got, err := ParseAuthorization(a.Token(key))
	if err != nil || got.Authorization != a || !bytes.Equal(got.Key, key.Public().(ed25519.PublicKey)) {
		t.Errorf("%+v, %v", got, err)
	}
	again, err := DecodeAuthorization(a.Encode())
	if err != nil || again != a {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestWhatIsNoTokenIsRefused(t *testing.T) {
	a, key := authorization(), keyOf(1)
	token := a.Token(key)
	parts := strings.Split(token, ".")
	other := a
	other.Amount = "1001"
	forged := strings.Split(other.Token(key), ".")
	for name, bad := range map[string]string{
		"nothing":                      "",
		"another statement":            strings.Join([]string{parts[0], forged[1], parts[2], parts[3]}, "."),
		"another key":                  strings.Join([]string{parts[0], parts[1], strings.Split(a.Token(keyOf(2)), ".")[2], parts[3]}, "."),
		"a directive":                  Directive{Device: "d", Action: ActionRelease, Issued: a.Issued, Expires: a.Expires}.Token(key),
		"a part missing":               strings.Join(parts[:3], "."),
		"padding":                      token + "=",
		"another version":              strings.Replace(token, "-1.", "-2.", 1),
		"too long":                     token + strings.Repeat("A", MaxToken),
		"a short key":                  strings.Join([]string{parts[0], parts[1], "AAAA", parts[3]}, "."),
		"a statement cut off":          JoinToken(AuthorizationPrefix, a.Encode()[:60], key.Public().(ed25519.PublicKey), ed25519.Sign(key, a.Encode()[:60])),
		"a statement with more behind": signed(key, append(a.Encode(), 0)),
		"a length that is not there":   signed(key, append([]byte(AuthorizationPrefix+"\x00"), 0xff, 0xff, 0xff, 0xff)),
		"a chain id above the highest": signed(key, func() []byte { x := a; x.ChainID = -1; return x.Encode() }()),
	} {
		if got, err := ParseAuthorization(bad); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func signed(key ed25519.PrivateKey, statement []byte) string {
	return JoinToken(AuthorizationPrefix, statement, key.Public().(ed25519.PublicKey), ed25519.Sign(key, statement))
}

func TestADirectiveIsReadAsItWasWritten(t *testing.T) {
	d := Directive{Device: "d", Action: ActionUnfreeze, Subject: "freeze-1", Issued: time.Unix(1, 0).UTC(), Expires: time.Unix(2, 0).UTC()}
	got, err := ParseDirective(d.Token(keyOf(3)))
	if err != nil || got.Directive != d {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := ParseDirective(authorization().Token(keyOf(3))); err == nil {
		t.Errorf("an authorization: %+v", got)
	}
}

func TestAnAuthorizationIsForOnePayment(t *testing.T) {
	i := Intent{Ledger: "l", Payment: "p-<1>", ChainType: "evm", ChainID: 31337, EVM: &EVMTransfer{To: "to", Contract: "usdt", Amount: "1000"}}
	if why := authorization().Differs(i); why != "" {
		t.Error(why)
	}
	for field, change := range map[string]func(*Authorization){
		"ledger": func(a *Authorization) { a.Ledger = "x" }, "payment": func(a *Authorization) { a.Payment = "x" },
		"chain_type": func(a *Authorization) { a.ChainType = "btc" }, "chain_id": func(a *Authorization) { a.ChainID = 1 },
		"to": func(a *Authorization) { a.To = "x" }, "asset": func(a *Authorization) { a.Asset = "" }, "amount": func(a *Authorization) { a.Amount = "999" },
	} {
		a := authorization()
		change(&a)
		if why := a.Differs(i); !strings.HasPrefix(why, field+":") {
			t.Errorf("%s: %q", field, why)
		}
	}
}

func TestAReceiptIsOfOneAnswer(t *testing.T) {
	key := keyOf(4)
	identity := key.Public().(ed25519.PublicKey)
	a := Answer{Digest: Digest{1}, Raw: []byte("raw")}
	a.Receipt = Receipt{Seq: 7, Signature: ed25519.Sign(key, ReceiptStatement(Fingerprint(identity), "l", 7, a))}
	if err := VerifyReceipt(identity, "l", a); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Answer){
		"another number": func(a *Answer) { a.Receipt.Seq = 8 }, "no number": func(a *Answer) { a.Receipt.Seq = 0 },
		"another digest": func(a *Answer) { a.Digest = Digest{2} }, "other bytes": func(a *Answer) { a.Raw = []byte("war") },
		"a refusal instead": func(a *Answer) { a.Refusal = &Refusal{Kind: RefusedForGood, Code: "x"} },
	} {
		b := a
		change(&b)
		if VerifyReceipt(identity, "l", b) == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if VerifyReceipt(identity, "m", a) == nil || VerifyReceipt(keyOf(5).Public().(ed25519.PublicKey), "l", a) == nil {
		t.Error("another ledger or machine is taken")
	}
}
