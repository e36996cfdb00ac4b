package nonce

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"coffer.internal/internal/fault"
)

// maxRequestID is how long a request id may be.
const maxRequestID = 200

// CheckRequestID says whether s can be a request id: 1 to 200 printable ASCII characters without white space, and without
// # (which separates the row in payment ids), double quote and backslash (which would have to be escaped wherever it is
// shown). A refusal names the position, counted in characters from 1.
func CheckRequestID(s string) error {
	const hint = "a request id is 1 to 200 characters of printable ASCII without spaces, #, \" and \\"
	if s == "" {
		return fault.New(fault.Usage, "bad_request_id", hint, "the request id is empty")
	}
	if n := utf8.RuneCountInString(s); n > maxRequestID {
		return fault.New(fault.Usage, "bad_request_id", hint, "the request id %q… has %d characters, at most %d are possible",
			s[:min(len(s), 20)], n, maxRequestID)
	}
	position := 0
	for _, r := range s {
		position++
		if r <= ' ' || r > '~' || strings.ContainsRune(`#"\`, r) {
			return fault.New(fault.Usage, "bad_request_id", hint,
				"the request id %+q has %U at position %d, which is not allowed there", s, r, position)
		}
	}
	return nil
}

// countOf checks how many nonces are asked for; 0 means 1.
func countOf(n int) (int, error) {
	if n == 0 {
		return 1, nil
	}
	if n < 1 || n > MaxCount {
		return 0, fault.New(fault.Usage, "bad_count", "ask for 1 to 10000 with one request id",
			"%d nonces cannot be reserved at once", n)
	}
	return n, nil
}

// The content of a reservation: what a repeated request id is compared with, and what a refusal shows.

func plainContent(chain pool, address string, count int) string {
	return fmt.Sprintf("reserve %s %s ×%d", chain, address, count)
}

func bestContent(chain pool, count int) string {
	return fmt.Sprintf("reserve best %s ×%d", chain, count)
}
