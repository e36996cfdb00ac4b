package rowfile

import (
	"strconv"
	"strings"

	"coffer.internal/internal/fault"
)

// longestShown is how much of a wrong value is shown, in bytes. It is short, because what stands in a wrong column may be a key.
const longestShown = 24

// shown is a value as it may stand in an error.
func shown(s string) string {
	if len(s) > longestShown {
		return strconv.QuoteToASCII(strings.ToValidUTF8(s[:longestShown], "")) + "…"
	}
	return strconv.QuoteToASCII(s)
}

// number reads plain decimal digits into a cell. Other spellings of a number are refused, because whoever wrote them may have
// lost digits already: 1e18, 1.0, 0x10, 1,000, +1 and 007.
func (c *cell) number(k Kind, name, s string) error {
	digits := strings.TrimPrefix(s, "-")
	plain := digits != "" && strings.Trim(digits, "0123456789") == "" && (digits[0] != '0' || digits == "0" && s == "0")
	if !plain {
		return fault.New(fault.Usage, "bad_number", "write a whole number in plain digits, such as 1000: no exponent, fraction or separators",
			"%s %s is not a whole number", name, shown(s))
	}
	if k == Natural && s[0] == '-' {
		return fault.New(fault.Usage, "bad_number", "write a number from 0 on", "%s %s is negative", name, shown(s))
	}
	var err error
	if k == Natural {
		c.natural, err = strconv.ParseUint(s, 10, 64)
	} else {
		c.integer, err = strconv.ParseInt(s, 10, 64)
	}
	if err != nil {
		return fault.New(fault.Usage, "bad_number", "the number has 64 bits at most", "%s %s does not fit", name, shown(s))
	}
	return nil
}
