package signing

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

// What is read has the digest of what was sent, and the figures that are judged can be worked out of it.
func FuzzParse(f *testing.F) {
	for _, i := range intents() {
		f.Add(i.Canonical())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := Parse(b)
		if err != nil {
			return
		}
		if !bytes.Equal(i.Canonical(), b) {
			t.Errorf("read as something else: %q", b)
		}
		i.Pays()
		if i.MostFee() == nil {
			t.Error("it has no fee")
		}
	})
}

// Whatever is signed: what is read of it, says exactly that, and a statement of one kind is never read as one of the other.
func FuzzTokens(f *testing.F) {
	d := Directive{Device: "d", Action: ActionRelease, Subject: "s", Issued: time.Unix(1, 0), Expires: time.Unix(2, 0)}
	f.Add(authorization().Encode(), "")
	f.Add(d.Encode(), authorization().Token(keyOf(1)))
	f.Fuzz(func(t *testing.T, statement []byte, token string) {
		asOne, errOne := ParseAuthorization(writeToken(AuthorizationPrefix, statement, keyOf(1)))
		if errOne == nil && !bytes.Equal(asOne.Encode(), statement) {
			t.Errorf("an authorization is read as something else: %q", statement)
		}
		asOther, errOther := ParseDirective(writeToken(DirectivePrefix, statement, keyOf(1)))
		if errOther == nil && !bytes.Equal(asOther.Encode(), statement) {
			t.Errorf("a directive is read as something else: %q", statement)
		}
		if errOne == nil && errOther == nil {
			t.Errorf("it is both: %q", statement)
		}
		if a, err := ParseAuthorization(token); err == nil && JoinToken(AuthorizationPrefix, a.Encode(), a.Key, signatureOf(token)) != token {
			t.Errorf("a token is read as something else: %q", token)
		}
	})
}

// signatureOf is the last part of a token that can be read.
func signatureOf(token string) []byte {
	b, _ := base64.RawURLEncoding.DecodeString(token[strings.LastIndexByte(token, '.')+1:])
	return b
}

// An export that was changed is never read to its end as another one: what is read, is written to the same bytes.
func FuzzReadExport(f *testing.F) {
	text, _ := export(f)
	f.Add([]byte(text))
	f.Fuzz(func(t *testing.T, b []byte) {
		var lines []ExportLine
		if err := ReadExport(bytes.NewReader(b), func(_ int, l ExportLine) error {
			lines = append(lines, l)
			return nil
		}); err != nil {
			return
		}
		if len(lines) == 0 || lines[0].Header == nil {
			t.Errorf("no header: %q", b)
		}
		stop := errors.New("stop")
		if err := ReadExport(bytes.NewReader(b), func(int, ExportLine) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("what each says does not count: %v", err)
		}
	})
}
