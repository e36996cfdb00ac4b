package wallet

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"coffer.internal/internal/fault"
)

// longestRef is how many characters a ref may have.
const longestRef = 200

// checkRef refuses a ref that a person could not tell from another one: with another ref comes another key.
func checkRef(s string) error {
	const hint = "a ref is 1 to 200 visible characters without spaces at its ends"
	switch {
	case looksSecret(s):
		return fault.New(fault.Usage, "looks_like_a_key", "choose a name", "the ref looks like a private key, and is not shown here")
	case !utf8.ValidString(s):
		return fault.New(fault.Usage, "bad_ref", hint, "the ref %s is not UTF-8", shown(s))
	case utf8.RuneCountInString(s) > longestRef:
		return fault.New(fault.Usage, "bad_ref", hint, "the ref %s has %d characters", shown(s), utf8.RuneCountInString(s))
	case strings.TrimSpace(s) != s || s == "":
		return fault.New(fault.Usage, "bad_ref", hint, "the ref %s has a space at one of its ends", shown(s))
	}
	for i, r := range []rune(s) {
		if !unicode.IsPrint(r) {
			return fault.New(fault.Usage, "bad_ref", hint, "the ref %s has %U as character %d, which cannot be seen", shown(s), r, i+1)
		}
	}
	return nil
}
