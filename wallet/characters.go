package wallet

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"coffer.internal/internal/fault"
)

// longestShown is how many bytes of what somebody typed are shown back. BIP-173 allows 90 characters; no address is longer.
const longestShown = 90

// shown is a value as it may stand in an error: quoted, in ASCII, so that nothing in it is invisible, and not endless. What
// may be a key is not shown at all.
func shown(s string) string {
	if looksSecret(s) {
		return "(not shown)"
	}
	if len(s) > longestShown {
		return strconv.QuoteToASCII(strings.ToValidUTF8(s[:longestShown], "?")) + "…"
	}
	return strconv.QuoteToASCII(s)
}

// names of the characters that get into addresses by copying, and cannot be seen there.
var names = map[rune]string{
	'\t':     "a tab",
	'\n':     "a line feed",
	'\r':     "a carriage return",
	' ':      "a space",
	'\u00a0': "a no-break space",
	'\u00ad': "a soft hyphen",
	'\u180e': "a Mongolian vowel separator",
	'\u200b': "a zero width space",
	'\u200c': "a zero width non-joiner",
	'\u200d': "a zero width joiner",
	'\u200e': "a left-to-right mark",
	'\u200f': "a right-to-left mark",
	'\u202a': "a left-to-right embedding",
	'\u202b': "a right-to-left embedding",
	'\u202c': "the end of a change of direction",
	'\u202d': "a left-to-right override",
	'\u202e': "a right-to-left override",
	'\u2028': "a line separator",
	'\u2060': "a word joiner",
	'\u2066': "a left-to-right isolate",
	'\u2067': "a right-to-left isolate",
	'\u2069': "the end of an isolate",
	'\u3000': "an ideographic space",
	'\ufeff': "a byte order mark",
}

// checkCharacters refuses what is not visible ASCII, and says which character it is, and where, counted in characters from 1.
// Such a character is never dropped silently: what a person sees would then differ from what is stored.
func checkCharacters(s string) error {
	at := 0
	for i, r := range s {
		at++
		if r > ' ' && r < 0x7f {
			continue
		}
		what := ""
		_, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			what = fmt.Sprintf("the byte 0x%02X, which is not UTF-8", s[i])
		case names[r] != "":
			what = fmt.Sprintf("%s (U+%04X)", names[r], r)
		case r >= 0xff01 && r <= 0xff5e:
			what = fmt.Sprintf("the full-width form of %q (U+%04X)", r-0xfee0, r)
		case r < ' ' || r >= 0x7f && r < 0xa0:
			what = fmt.Sprintf("a control character (U+%04X)", r)
		default:
			what = fmt.Sprintf("U+%04X, which is not ASCII", r)
		}
		where := fmt.Sprintf("character %d", at)
		switch {
		case i == 0:
			where = "its first character"
		case i+size == len(s):
			where = fmt.Sprintf("its last character, number %d,", at)
		}
		return fault.New(fault.Usage, "address_character", "write the address again without that character; `coffer list` shows those of your wallets",
			"the address %s is not clean: %s is %s", shown(s), where, what)
	}
	return nil
}
