package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/withdrawal"
)

// line is one withdrawal of a file; err says why it cannot be read.
type line struct {
	number  int
	request withdrawal.Request
	err     error
}

// lineReader reads CSV with a header, or NDJSON: whichever the first character says.
type lineReader struct {
	in        *bufio.Reader
	baseUnits bool
	number    int
	csv       *csv.Reader
	columns   map[string]int
	started   bool
}

// maxLine is the longest line that is read, in bytes.
const maxLine = 64 << 10

func newLineReader(in io.Reader, baseUnits bool) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(in, maxLine), baseUnits: baseUnits}
}

// next gives the next line, io.EOF at the end, or an error that ends the file.
func (r *lineReader) next() (line, error) {
	if !r.started {
		if err := r.start(); err != nil {
			return line{}, err
		}
	}
	if r.csv != nil {
		return r.nextCSV()
	}
	return r.nextJSON()
}

// start drops a byte-order mark and finds out which form the file has.
func (r *lineReader) start() error {
	r.started = true
	if bom, _ := r.in.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		if _, err := r.in.Discard(3); err != nil {
			return err
		}
	}
	first, err := r.in.Peek(1)
	if errors.Is(err, io.EOF) {
		return fault.New(fault.Usage, "empty_file", `write lines such as {"request":"w-1","chain_id":1,"to":"0x…","amount":"1.25"}`,
			"the file is empty")
	}
	if err != nil {
		return err
	}
	if first[0] == '{' {
		return nil
	}
	r.csv = csv.NewReader(r.in)
	header, err := r.csv.Read()
	if err != nil {
		return fault.Wrap(err, fault.Usage, "bad_csv", "the first line names the columns: request,chain_id,to,amount,asset", "read the header")
	}
	r.number = 1
	return r.readHeader(header)
}

func (r *lineReader) readHeader(header []string) error {
	known := map[string]bool{"request": true, "chain_id": true, "chainId": true, "to": true, "amount": true, "asset": true, "authorizations": true}
	r.columns = map[string]int{}
	for i, name := range header {
		name = strings.TrimSpace(name)
		if !known[name] {
			return fault.New(fault.Usage, "bad_csv", "the columns are request,chain_id,to,amount,asset", "unknown column %q", name)
		}
		if name == "chainId" {
			name = "chain_id"
		}
		r.columns[name] = i
	}
	for _, name := range []string{"request", "chain_id", "to", "amount"} {
		if _, ok := r.columns[name]; !ok {
			return fault.New(fault.Usage, "bad_csv", "the columns are request,chain_id,to,amount,asset", "column %q is missing", name)
		}
	}
	return nil
}

func (r *lineReader) nextCSV() (line, error) {
	row, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return line{}, err
	}
	if err != nil {
		return line{}, fault.Wrap(err, fault.Usage, "bad_csv", "what stands above this line was handled; mend it and run the file again", "read withdrawals")
	}
	r.number, _ = r.csv.FieldPos(0)
	l := line{number: r.number}
	cell := func(name string) string {
		if i, ok := r.columns[name]; ok {
			return row[i]
		}
		return ""
	}
	id, err := strconv.ParseInt(cell("chain_id"), 10, 64)
	if err != nil {
		l.err = fault.New(fault.Usage, "bad_chain_id", "a whole number such as 1", "chain_id %q is not a whole number", cell("chain_id"))
	}
	l.request = withdrawal.Request{
		ID: cell("request"), ChainID: id, To: cell("to"), Amount: cell("amount"), Asset: cell("asset"), BaseUnits: r.baseUnits,
	}
	return l, nil
}

func (r *lineReader) nextJSON() (line, error) {
	for {
		text, err := r.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return line{}, fault.New(fault.Usage, "line_too_long", "one withdrawal a line", "line %d is longer than %d bytes", r.number+1, maxLine)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return line{}, err
		}
		if len(text) == 0 {
			return line{}, io.EOF
		}
		r.number++
		if len(bytes.TrimSpace(text)) > 0 {
			return r.parseJSON(text), nil
		}
	}
}

// parseJSON reads one object; snake_case and the guide's camelCase are both taken.
func (r *lineReader) parseJSON(text []byte) line {
	var row struct {
		Request        string          `json:"request"`
		ChainID        *int64          `json:"chain_id"`
		ChainIDCamel   *int64          `json:"chainId"`
		To             string          `json:"to"`
		Amount         string          `json:"amount"`
		Asset          string          `json:"asset"`
		Authorizations json.RawMessage `json:"authorizations"`
	}
	l := line{number: r.number}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&row); err != nil {
		l.err = fault.Wrap(err, fault.Usage, "bad_json", `write {"request":"w-1","chain_id":1,"to":"0x…","amount":"1.25"}; amounts are strings`, "read line %d", r.number)
		return l
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		l.err = fault.New(fault.Usage, "bad_json", "one object a line", "line %d has data after its object", r.number)
		return l
	}
	id := row.ChainID
	if id == nil {
		id = row.ChainIDCamel
	}
	if id == nil {
		l.err = fault.New(fault.Usage, "bad_json", "add chain_id", "line %d has no chain_id", r.number)
		return l
	}
	l.request = withdrawal.Request{ID: row.Request, ChainID: *id, To: row.To, Amount: row.Amount, Asset: row.Asset, BaseUnits: r.baseUnits}
	return l
}
