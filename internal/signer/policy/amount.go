package policy

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// written is how an amount stands in the file: digits, for the eye with underscores between them.
var written = regexp.MustCompile(`^[0-9]+(_[0-9]+)*$`)

// readAmount reads an amount of base units from 1 to below 2^256: a TOML integer, or a string where that has no room.
func readAmount(v any) (*big.Int, string) {
	text := ""
	switch v := v.(type) {
	case int64:
		text = strconv.FormatInt(v, 10)
	case string:
		text = v
	default:
		return nil, fmt.Sprintf("= %v is not a whole number, or one in quotes", v)
	}
	n, ok := new(big.Int).SetString(strings.ReplaceAll(text, "_", ""), 10)
	if !ok || !written.MatchString(text) || n.Sign() == 0 || n.BitLen() > 256 {
		return nil, fmt.Sprintf("= %v is not a whole number of base units from 1 to below 2^256", quoted(v))
	}
	return n, ""
}

func quoted(v any) string {
	if s, ok := v.(string); ok {
		return strconv.Quote(s)
	}
	return fmt.Sprint(v)
}

// maxCount bounds the counts of a policy: a number that nobody reaches says nothing.
const maxCount = 1_000_000_000

// readCount reads a number of things.
func readCount(n int64) (int, string) {
	if n < 1 || n > maxCount {
		return 0, fmt.Sprintf("= %d is not from 1 to %d", n, maxCount)
	}
	return int(n), ""
}

// percent is a share in hundredths of a percent.
type percent int64

var writtenPercent = regexp.MustCompile(`^([0-9]{1,3})(?:\.([0-9]{1,2}))?$`)

// readPercent reads a share above 0 and below 100: a whole number, or one with up to two decimals in quotes.
func readPercent(v any) (*percent, string) {
	text := ""
	switch v := v.(type) {
	case int64:
		text = strconv.FormatInt(v, 10)
	case string:
		text = v
	}
	m := writtenPercent.FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Sprintf(`= %v is not a share such as 2 or "0.25"`, quoted(v))
	}
	whole, _ := strconv.ParseInt(m[1], 10, 64)             // three digits
	part, _ := strconv.ParseInt((m[2] + "00")[:2], 10, 64) // two
	p := percent(whole*100 + part)
	if p < 1 || p >= 100_00 {
		return nil, fmt.Sprintf("= %v is not above 0 and below 100", quoted(v))
	}
	return &p, ""
}

func (p percent) String() string {
	s := fmt.Sprintf("%d.%02d", p/100, p%100)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// of is the share of an amount, rounded down.
func (p percent) of(n *big.Int) *big.Int {
	share := new(big.Int).Mul(n, big.NewInt(int64(p)))
	return share.Div(share, big.NewInt(100_00))
}
