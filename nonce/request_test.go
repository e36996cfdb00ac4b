package nonce

import (
	"errors"
	"strings"
	"testing"

	"coffer.internal/internal/fault"
)

func TestRequestIDs(t *testing.T) {
	for _, good := range []string{"a", "order-17", "2026/11/24:0001", strings.Repeat("x", 200), "!$%&'()*+,-./:;<=>?@[]^_`{|}~"} {
		if err := CheckRequestID(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"":                       "the request id is empty",
		"two words":              `the request id "two words" has U+0020 at position 4, which is not allowed there`,
		"a#1":                    `the request id "a#1" has U+0023 at position 2, which is not allowed there`,
		`a"`:                     `the request id "a\"" has U+0022 at position 2, which is not allowed there`,
		`a\b`:                    `the request id "a\\b" has U+005C at position 2, which is not allowed there`,
		"ab\u200bc":              `the request id "ab\u200bc" has U+200B at position 3, which is not allowed there`,
		"é":                      `the request id "\u00e9" has U+00E9 at position 1, which is not allowed there`,
		"\n":                     `the request id "\n" has U+000A at position 1, which is not allowed there`,
		strings.Repeat("x", 201): `the request id "xxxxxxxxxxxxxxxxxxxx"… has 201 characters, at most 200 are possible`,
	} {
		err := CheckRequestID(bad)
		if !errors.Is(err, fault.Usage) || err.Error() != want || fault.Hint(err) == "" {
			t.Errorf("%q: got %v, want %s", bad, err, want)
		}
	}
}

func TestCounts(t *testing.T) {
	for n, want := range map[int]int{0: 1, 1: 1, 10_000: 10_000} {
		if got, err := countOf(n); err != nil || got != want {
			t.Errorf("%d: %d, %v", n, got, err)
		}
	}
	for _, n := range []int{-1, 10_001} {
		if _, err := countOf(n); !errors.Is(err, fault.Usage) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func TestHashes(t *testing.T) {
	hex := strings.Repeat("aB", 32)
	signature := strings.Repeat("5", 88)
	for _, x := range []struct{ chain, in, want string }{
		{"evm", "0x" + hex, "0x" + strings.ToLower(hex)},
		{"evm", hex, ""},
		{"evm", "0x" + hex[1:], ""},
		{"evm", "0x" + hex[1:] + "g", ""},
		{"btc", hex, strings.ToLower(hex)},
		{"btc", "0x" + hex, ""},
		{"solana", signature, signature},
		{"solana", signature[1:] + "0", ""},
	} {
		got, err := canonicalHash(x.chain, x.in)
		if got != x.want || (err == nil) != (x.want != "") {
			t.Errorf("%s %s: %q, %v", x.chain, x.in, got, err)
		}
	}
}
