package signing

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// MaxToken is the length of the longest token that is read, in bytes.
const MaxToken = 8 << 10

// A token is a statement with one signature over it, as text:
//
//	PREFIX "." base64url(statement) "." base64url(Ed25519 public key) "." base64url(Ed25519 signature over the statement)
//
// base64url is that of RFC 4648 without padding. A statement is
//
//	PREFIX, a zero byte, then each field: its length as a 32-bit big-endian number, and its bytes
//
// Numbers and times are fields of eight bytes, big-endian; times are whole seconds of Unix time. The prefix names kind and version, so
// that no statement of one kind reads as one of another, and a new meaning always has a new prefix.

// encodeStatement joins the fields of a statement.
func encodeStatement(prefix string, fields ...string) []byte {
	size := len(prefix) + 1
	for _, f := range fields {
		size += 4 + len(f)
	}
	b := append(append(make([]byte, 0, size), prefix...), 0)
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return b
}

// decodeStatement takes a statement apart; it must have exactly n fields, and nothing behind them.
func decodeStatement(prefix string, b []byte, n int) ([]string, error) {
	rest, ok := strings.CutPrefix(string(b), prefix+"\x00")
	if !ok {
		return nil, fmt.Errorf("it does not begin with %q", prefix)
	}
	fields := make([]string, n)
	for i := range fields {
		if len(rest) < 4 {
			return nil, fmt.Errorf("it ends in field %d of %d", i+1, n)
		}
		size := binary.BigEndian.Uint32([]byte(rest[:4]))
		if uint64(len(rest)-4) < uint64(size) {
			return nil, fmt.Errorf("field %d of %d says %d bytes, and %d are left", i+1, n, size, len(rest)-4)
		}
		fields[i], rest = rest[4:4+size], rest[4+size:]
	}
	if rest != "" {
		return nil, fmt.Errorf("%d bytes after its last field", len(rest))
	}
	return fields, nil
}

func number64(n uint64) string       { return string(binary.BigEndian.AppendUint64(nil, n)) }
func seconds64(t time.Time) string   { return number64(uint64(t.Unix())) }
func isNumber64(s string) bool       { return len(s) == 8 }
func read64(s string) uint64         { return binary.BigEndian.Uint64([]byte(s)) }
func readSeconds(s string) time.Time { return time.Unix(int64(read64(s)), 0).UTC() }

// writeToken signs a statement.
func writeToken(prefix string, statement []byte, key ed25519.PrivateKey) string {
	return JoinToken(prefix, statement, key.Public().(ed25519.PublicKey), ed25519.Sign(key, statement))
}

// JoinToken makes a token of a signature that was made elsewhere, by a hardware key or another program.
func JoinToken(prefix string, statement []byte, key ed25519.PublicKey, signature []byte) string {
	e := base64.RawURLEncoding
	return prefix + "." + e.EncodeToString(statement) + "." + e.EncodeToString(key) + "." + e.EncodeToString(signature)
}

// readToken takes a token apart and verifies its signature. Whose key it is, is for a policy to say.
func readToken(prefix, token string) (statement []byte, key ed25519.PublicKey, err error) {
	if len(token) > MaxToken {
		return nil, nil, fmt.Errorf("it has %d bytes; at most %d", len(token), MaxToken)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 4 || parts[0] != prefix {
		return nil, nil, fmt.Errorf("it is not %s and three parts", prefix)
	}
	var raw [3][]byte
	for i, p := range parts[1:] {
		if raw[i], err = base64.RawURLEncoding.Strict().DecodeString(p); err != nil {
			return nil, nil, fmt.Errorf("part %d: %w", i+2, err)
		}
	}
	if len(raw[1]) != ed25519.PublicKeySize {
		return nil, nil, errors.New("its key is no Ed25519 key")
	}
	if !ed25519.Verify(raw[1], raw[0], raw[2]) {
		return nil, nil, errors.New("its signature is not that of its key")
	}
	return raw[0], raw[1], nil
}
