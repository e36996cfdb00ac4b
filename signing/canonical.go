package signing

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// Nearly all intents are transfers on EVM whose texts stand in JSON as they are. Those are written and read here, in a tenth of the time
// that encoding/json takes, which every intent would pay several times on its way to a signature. Whatever is not of that form is left to
// encoding/json. Nothing depends on the two agreeing about what they read: what is read here counts only if it is written to the same
// bytes again, and a test compares what both of them write.

// longIntent is room for a usual intent.
const longIntent = 512

// Canonical is the one encoding of an intent that is stored, sent and digested: JSON with the fields in the order of
// the struct, no white space, empty optional fields left out.
func (i Intent) Canonical() []byte { return i.appendCanonical(make([]byte, 0, longIntent)) }

func (i *Intent) appendCanonical(b []byte) []byte {
	if !i.usual() {
		return append(b, i.encodeJSON()...)
	}
	b = strconv.AppendInt(append(b, `{"version":`...), int64(i.Version), 10)
	b = appendText(b, `,"ledger":"`, i.Ledger)
	b = appendIfAny(b, `,"payment":"`, i.Payment)
	b = appendText(b, `,"purpose":"`, string(i.Purpose))
	b = appendText(b, `,"chain_type":"`, i.ChainType)
	b = strconv.AppendInt(append(b, `,"chain_id":`...), i.ChainID, 10)
	b = appendText(b, `,"from":"`, i.From)
	b = strconv.AppendUint(append(b, `,"nonce":`...), i.Nonce, 10)
	e := i.EVM
	b = appendText(b, `,"evm":{"to":"`, e.To)
	b = appendText(b, `,"amount":"`, e.Amount)
	b = appendIfAny(b, `,"contract":"`, e.Contract)
	b = strconv.AppendUint(append(b, `,"gas_limit":`...), e.GasLimit, 10)
	b = appendIfAny(b, `,"max_fee_per_gas":"`, e.MaxFeePerGas)
	b = appendIfAny(b, `,"max_priority_fee_per_gas":"`, e.MaxPriorityFeePerGas)
	b = appendIfAny(b, `,"gas_price":"`, e.GasPrice)
	return append(b, "}}"...)
}

// encodeJSON writes any intent.
func (i *Intent) encodeJSON() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(i); err != nil {
		panic("signing: an intent holds only strings, integers and bytes: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// usual says whether an intent is written here.
func (i *Intent) usual() bool {
	e := i.EVM
	return e != nil && i.BTC == nil && i.Solana == nil &&
		plain(i.Ledger) && plain(i.Payment) && plain(string(i.Purpose)) && plain(i.ChainType) && plain(i.From) &&
		plain(e.To) && plain(e.Amount) && plain(e.Contract) && plain(e.MaxFeePerGas) && plain(e.MaxPriorityFeePerGas) && plain(e.GasPrice)
}

// plain says whether a text stands in JSON as it is.
func plain(s string) bool {
	for n := range len(s) {
		if c := s[n]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func appendText(b []byte, name, text string) []byte {
	return append(append(append(b, name...), text...), '"')
}

func appendIfAny(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return appendText(b, name, text)
}

// parseUsual reads what appendCanonical writes of a usual intent. ok is false for anything else, which may be good nevertheless.
func parseUsual(b []byte) (i Intent, ok bool) {
	r := reader{rest: string(b)}
	i.Version = int(r.number(`{"version":`, math.MaxInt32))
	i.Ledger = r.text(`,"ledger":"`)
	i.Payment = r.textIfAny(`,"payment":"`)
	i.Purpose = Purpose(r.text(`,"purpose":"`))
	i.ChainType = r.text(`,"chain_type":"`)
	i.ChainID = int64(r.number(`,"chain_id":`, math.MaxInt64))
	i.From = r.text(`,"from":"`)
	i.Nonce = r.number(`,"nonce":`, math.MaxUint64)
	e := &EVMTransfer{To: r.text(`,"evm":{"to":"`), Amount: r.text(`,"amount":"`)}
	e.Contract = r.textIfAny(`,"contract":"`)
	e.GasLimit = r.number(`,"gas_limit":`, math.MaxUint64)
	e.MaxFeePerGas = r.textIfAny(`,"max_fee_per_gas":"`)
	e.MaxPriorityFeePerGas = r.textIfAny(`,"max_priority_fee_per_gas":"`)
	e.GasPrice = r.textIfAny(`,"gas_price":"`)
	r.skip("}}")
	i.EVM = e
	if r.failed || len(r.rest) > 0 || !bytes.Equal(i.appendCanonical(make([]byte, 0, len(b))), b) {
		return Intent{}, false
	}
	return i, true
}

// reader reads names and values, one behind the other.
type reader struct {
	rest   string
	failed bool
}

func (r *reader) skip(name string) {
	rest, ok := strings.CutPrefix(r.rest, name)
	if r.failed = r.failed || !ok; !r.failed {
		r.rest = rest
	}
}

func (r *reader) text(name string) string {
	r.skip(name)
	text, rest, ok := strings.Cut(r.rest, `"`)
	if r.failed = r.failed || !ok; r.failed {
		return ""
	}
	r.rest = rest
	return text
}

func (r *reader) textIfAny(name string) string {
	if !strings.HasPrefix(r.rest, name) {
		return ""
	}
	return r.text(name)
}

func (r *reader) number(name string, most uint64) uint64 {
	r.skip(name)
	n := 0
	for n < len(r.rest) && r.rest[n] >= '0' && r.rest[n] <= '9' {
		n++
	}
	value, err := strconv.ParseUint(r.rest[:n], 10, 64)
	if r.failed = r.failed || err != nil || value > most; r.failed {
		return 0
	}
	r.rest = r.rest[n:]
	return value
}
