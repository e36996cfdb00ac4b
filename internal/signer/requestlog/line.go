package requestlog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"coffer.internal/signing"
)

const (
	// maxText is how much of a text that somebody else chose (a payment id, a message) stands in a line, in bytes.
	maxText = 256
	// maxWho bounds the name of who asks and the path that is asked for, in bytes.
	maxWho = 128
)

// Line is one request, or something else that happened at the machine's doors.
type Line struct {
	At         time.Time // zero: now
	Who        string    // "uid 1000", or "cert NAME"; empty: nobody was let in
	Role       string    // of the certificate
	From       string    // "unix", or the address that connected
	Method     string
	Path       string
	Status     int // of HTTP; 0: no answer was given
	Code       string
	Detail     string // what happened, for a person
	Took       time.Duration
	Suppressed int // how many lines like this one were left out before it
	Intents    []Intent
}

// Intent is what became of one intent of a request for signatures.
type Intent struct {
	Digest  signing.Digest
	Ledger  string
	Purpose string
	Payment string
	Code    string // "signed", a refusal's code, or the code of the request if there was no answer
	Receipt uint64
}

// appendLine appends a line with its place in the chain, its own hash and a newline.
func appendLine(b []byte, l Line, seq uint64, prev string) (line []byte, hash string) {
	start := len(b)
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, seq, 10)
	b = append(b, `,"at":"`...)
	b = l.At.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	b = appendField(b, "who", l.Who, maxWho)
	b = appendField(b, "role", l.Role, maxWho)
	b = appendField(b, "from", l.From, maxWho)
	b = appendField(b, "method", l.Method, maxWho)
	b = appendField(b, "path", l.Path, maxWho)
	b = appendNumber(b, "status", uint64(l.Status))
	b = appendField(b, "code", l.Code, maxWho)
	b = appendField(b, "detail", l.Detail, maxText)
	b = appendNumber(b, "micros", uint64(max(0, l.Took.Microseconds())))
	b = appendNumber(b, "suppressed", uint64(l.Suppressed))
	if len(l.Intents) > 0 {
		b = appendIntents(b, l.Intents)
	}
	b = append(b, `,"prev":"`...)
	b = append(b, prev...)
	b = append(b, `"}`...)
	sum := sha256.Sum256(b[start:])
	hash = hex.EncodeToString(sum[:])
	b = append(b[:len(b)-1], `,"hash":"`...)
	b = append(b, hash...)
	return append(b, "\"}\n"...), hash
}

func appendIntents(b []byte, intents []Intent) []byte {
	b = append(b, `,"intents":[`...)
	for i, in := range intents {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"digest":"`...)
		b = hex.AppendEncode(b, in.Digest[:])
		b = append(b, '"')
		b = appendField(b, "ledger", in.Ledger, maxWho)
		b = appendField(b, "purpose", in.Purpose, maxWho)
		b = appendField(b, "payment", in.Payment, maxText)
		b = appendField(b, "code", in.Code, maxWho)
		b = appendNumber(b, "receipt", in.Receipt)
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendNumber leaves a zero out.
func appendNumber(b []byte, name string, n uint64) []byte {
	if n == 0 {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	return strconv.AppendUint(b, n, 10)
}

// appendField leaves an empty text out, and cuts a long one.
func appendField(b []byte, name, text string, most int) []byte {
	if text == "" {
		return b
	}
	if len(text) > most {
		for most > 0 && !utf8.RuneStart(text[most]) {
			most--
		}
		text = text[:most] + "…"
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	if plain(text) {
		return append(append(append(b, '"'), text...), '"')
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic("requestlog: a string is always JSON: " + err.Error())
	}
	return append(b, quoted...)
}

// plain says whether a text is JSON as it is.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
