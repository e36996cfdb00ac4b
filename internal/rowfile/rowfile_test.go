package rowfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/rowfile"
)

var format = rowfile.Format{
	Fields: []rowfile.Field{
		{Name: "address", Required: true},
		{Name: "chain_id", Also: []string{"chainId"}, Kind: rowfile.Integer, Required: true},
		{Name: "nonce", Also: []string{"initialNonce"}, Kind: rowfile.Natural},
		{Name: "notes", Kind: rowfile.Ignored},
	},
	Example: `{"address":"a","chain_id":1}`,
}

// read reads everything, and gives each row in words, or its fault, and the error of the file.
func read(in string) (rows []string, err error) { return readFrom(strings.NewReader(in)) }

func readFrom(in io.Reader) (rows []string, err error) {
	r := rowfile.NewReader(in, format)
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		if row.Err != nil {
			rows = append(rows, row.Err.Error())
			continue
		}
		rows = append(rows, fmt.Sprintf("%d: %s %d %d %t", row.Line, row.Text("address"), row.Integer("chain_id"), row.Natural("nonce"), row.Has("nonce")))
	}
}

func TestEveryFormIsReadAlike(t *testing.T) {
	for name, in := range map[string]string{
		"NDJSON":                   `{"address":"a","chain_id":1,"nonce":7}` + "\n" + `{"chain_id":2,"address":"b"}` + "\n",
		"NDJSON without an end":    `{"address":"a","chain_id":1,"nonce":7}` + "\n" + `{"chain_id":2,"address":"b","nonce":null}`,
		"NDJSON in camel case":     `{"address":"a","chainId":1,"initialNonce":7}` + "\r\n" + `{"chainId":2,"address":"b","notes":{"x":[1e3]}}` + "\r\n",
		"an array":                 `[{"address":"a","chain_id":1,"nonce":7},` + "\n" + `{"address":"b","chain_id":2}]`,
		"an array, spread":         "[{\"address\":\n\"a\",\"chain_id\":1,\"nonce\":7}\n,\n{\"address\":\"b\",\"chain_id\":2}\n]\n",
		"CSV":                      "address,chain_id,nonce\na,1,7\nb,2,\n",
		"CSV, columns swapped":     "nonce,chainId,notes,address\r\n7,1,\"x,y\",a\r\n,2,,b",
		"CSV, quoted":              "\"address\", chain_id ,nonce\n\"a\",1,7\n\n\"b\",\"2\",\n",
		"with a mark":              "\xef\xbb\xbf" + `{"address":"a","chain_id":1,"nonce":7}` + "\n" + `{"chain_id":2,"address":"b"}`,
		"CSV with a mark":          "\xef\xbb\xbfaddress,chain_id,nonce\na,1,7\nb,2,\n",
		"behind white space":       "\n\n  " + `[{"address":"a","chain_id":1,"nonce":7},{"address":"b","chain_id":2}]`,
		"NDJSON with empty lines":  "\n" + `{"address":"a","chain_id":1,"nonce":7}` + "\n \n\n" + `{"chain_id":2,"address":"b"}` + "\n\n",
		"an array with white ends": ` [ {"address":"a","chain_id":1,"nonce":7} , {"address":"b","chain_id":2} ] ` + "\n",
	} {
		rows, err := read(in)
		if err != nil || len(rows) != 2 || !strings.HasSuffix(rows[0], ": a 1 7 true") || !strings.HasSuffix(rows[1], ": b 2 0 false") {
			t.Errorf("%s: %q, %v", name, rows, err)
		}
	}
}

func TestAFaultOfARowIsNamedWithItsPlaceAndTheNextRowIsRead(t *testing.T) {
	const good = `{"address":"z","chain_id":9}`
	for bad, want := range map[string]string{
		`{"address":"a","chain_id":1`:                       "line 1, column 28: broken JSON: the line ends inside of an object",
		`{"address":"a",,"chain_id":1}`:                     "line 1, column 16: broken JSON: invalid character ','",
		`{"address":"a","chain_id":1} x`:                    `line 1, column 30: there is something after the object: "x"`,
		`{"address":"a","chain_id":1}{}`:                    `line 1, column 29: there is something after the object: "{}"`,
		`{"address":"a","chain_id":1,"chain_id":2}`:         "line 1, column 29: chain_id stands twice in the row",
		`{"address":"a","chain_id":1,"chainId":1}`:          "line 1, column 29: chain_id (here chainId) stands twice in the row",
		`{"address":null,"chain_id":1,"address":"a"}`:       "line 1, column 30: address stands twice in the row",
		`{"address":"a","chain_id":1,"color":"red"}`:        `line 1, column 29: unknown key "color"`,
		`{"Address":"a","chain_id":1}`:                      `line 1, column 2: unknown key "Address"`,
		`{"address":"a"}`:                                   "line 1: chain_id is missing",
		`{"address":"","chain_id":1}`:                       "line 1: address is missing",
		`{"address":null,"chain_id":1}`:                     "line 1: address is missing",
		`{"address":"a","chain_id":1e3}`:                    `line 1, column 27: chain_id "1e3" is not a whole number`,
		`{"address":"a","chain_id":1.0}`:                    `line 1, column 27: chain_id "1.0" is not a whole number`,
		`{"address":"a","chain_id":9223372036854775808}`:    `line 1, column 27: chain_id "9223372036854775808" does not fit`,
		`{"address":"a","chain_id":"1"}`:                    `line 1, column 27: chain_id is the string "1" and must be a number`,
		`{"address":"a","chain_id":true}`:                   `line 1, column 27: chain_id is true and must be a number`,
		`{"address":12,"chain_id":1}`:                       `line 1, column 12: address is the number 12 and must be a string`,
		`{"address":["a"],"chain_id":1}`:                    `line 1, column 12: address is a list and must be a string`,
		`{"address":"a","chain_id":1,"nonce":-1}`:           `line 1, column 37: nonce "-1" is negative`,
		"{\"address\":\"a\x00\",\"chain_id\":1}":            "line 1, column 14: there is a NUL byte",
		"{\"address\":\"\xe9t\xe9\",\"chain_id\":1}":        "line 1, column 13: the byte 0xE9 is not UTF-8; the file looks like Latin-1",
		"{\"address\":\"\x93a\",\"chain_id\":1}":            "line 1, column 13: the byte 0x93 is not UTF-8; the file looks like Windows-1252",
		"{\"address\":\"\xc7\xae\xb0\xfc\",\"chain_id\":1}": "line 1, column 15: the byte 0xB0 is not UTF-8; the file looks like GBK",
		"  " + `{"address":"a"}`:                            "line 1: chain_id is missing",
		"  " + `{"address":"a","chain_id":x}`:               "line 1, column 29: broken JSON",
	} {
		rows, err := read(bad + "\n" + good)
		if err != nil || len(rows) != 2 || !strings.HasPrefix(rows[0], want) || rows[1] != "2: z 9 0 false" {
			t.Errorf("%q:\n%q, %v\nwant %s", bad, rows, err, want)
		}
	}
	rows, err := read("address,chain_id,nonce\na,1e3,\nb,1,2,3\nc,,\nd,+1,\ne,007,\nf,1,99999999999999999999\n,1,\nz,9,\n")
	want := []string{
		`line 2, column 3: chain_id "1e3" is not a whole number`, "line 3: the row has 4 cells, the header 3", "line 4: chain_id is missing",
		`line 5, column 3: chain_id "+1" is not a whole number`, `line 6, column 3: chain_id "007" is not a whole number`,
		`line 7, column 5: nonce "99999999999999999999" does not fit`, "line 8: address is missing", "9: z 9 0 false",
	}
	if err != nil || strings.Join(rows, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\n%v", strings.Join(rows, "\n"), err)
	}
	rows, err = read("[{\"address\":\"a\",\n  \"chain_id\":1.5},\n 7, {\"address\":\"z\",\"chain_id\":9}]")
	want = []string{`line 2, column 14: chain_id "1.5" is not a whole number`, "line 3, column 2: a row is an object, not the number 7", "3: z 9 0 false"}
	if err != nil || strings.Join(rows, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\n%v", strings.Join(rows, "\n"), err)
	}
}

func TestWhatStandsBehindAFaultOfARowIsReadToo(t *testing.T) {
	for name, in := range map[string]string{
		"NDJSON": `{"chain_id":"x","colour":1,"address":"a"}` + "\n",
		"array":  `[{"chain_id":"x","colour":1,"address":"a"}]`,
		"CSV":    "chain_id,nonce,address\nx,y,a\n",
	} {
		row, err := rowfile.NewReader(strings.NewReader(in), format).Next()
		if err != nil || row.Text("address") != "a" || row.Err == nil || !strings.Contains(row.Err.Error(), "chain_id") {
			t.Errorf("%s: address %q, %v, %v", name, row.Text("address"), row.Err, err)
		}
	}
}

func TestAFaultOfTheFileEndsItAndNamesItsPlace(t *testing.T) {
	const row = `{"address":"a","chain_id":1}`
	for in, want := range map[string]string{
		"":                                       "the file is empty",
		"\xef\xbb\xbf \n":                        "the file is empty",
		"[]":                                     "there is no row in the file",
		"address,chain_id\n":                     "there is no row in the file",
		"[" + row + ",]":                         "line 1, column 31: broken JSON: invalid character ']'",
		"[" + row + "\n" + row + "]":             "line 2, column 1: broken JSON: expected comma after array element",
		"[" + row + ",\n{\"address\" 1}]":        "line 2, column 12: broken JSON: invalid character '1'",
		"[" + row + ",\n":                        "line 2, column 1: broken JSON: the file ends inside of the array",
		"[" + row + "] x":                        "line 1, column 32: there is something after the array",
		"[" + row + "]\n[]":                      "line 2, column 1: there is something after the array",
		"address;chain_id\na;1\n":                `line 1, column 1: unknown column "address;chain_id"`,
		"address,chain_id,x\na,1,2\n":            `line 1, column 18: unknown column "x"`,
		"address,chain_id,chainId\na,1,1\n":      "line 1, column 18: column chain_id (here chainId) stands twice",
		"\naddress\na\n":                         "line 2: column chain_id is missing",
		"address,chain_id\n\"a,1\nb,2\n":         "line 3, column 5: broken CSV in the row that begins in line 2: extraneous or missing",
		"address,chain_id\na\"b,1\n":             `line 2, column 2: broken CSV: bare "`,
		"address,chain_id\nb,2\na\x00,1\n":       "line 3, column 2: there is a NUL byte",
		"address,chain_id\nb,2\n\xe9,1\n":        "line 3, column 1: the byte 0xE9 is not UTF-8",
		"address,chain_id\nb,\xe4\xb8":           "line 2, column 3: the byte 0xE4 is not UTF-8",
		"[{\"address\":\"\xe4\xb8\"}]":           "line 1, column 14: the byte 0xE4 is not UTF-8",
		"\x00\x00\x00\x00\x00":                   "line 1, column 1: there is a NUL byte",
		"\xff\xfea\x00":                          "the file is in UTF-16, not in UTF-8",
		"\xfe\xff\x00a":                          "the file is in UTF-16, not in UTF-8",
		"\xff\xfe\x00\x00a\x00\x00\x00":          "the file is in UTF-32, not in UTF-8",
		"\x00\x00\xfe\xff\x00\x00\x00a":          "the file is in UTF-32, not in UTF-8",
		"a\x00d\x00d\x00":                        "the file is in UTF-16 without a byte order mark, not in UTF-8",
		"\x00a\x00d\x00d":                        "the file is in UTF-16 without a byte order mark, not in UTF-8",
		"a\x00\x00\x00d\x00\x00\x00":             "the file is in UTF-32 without a byte order mark, not in UTF-8",
		"\x00\x00\x00a\x00\x00\x00d":             "the file is in UTF-32 without a byte order mark, not in UTF-8",
		"PK\x03\x04rest":                         "the file is an Excel workbook or another zip archive, not text",
		"\x1f\x8b\x08\x00rest":                   "the file is packed by gzip",
		row + "\n{\"address\":\"" + long + "\"}": "line 2: the line is longer than 65536 bytes",
		"address,chain_id\nb,2\n" + long + ",1":  "line 3: the row is longer than 65536 bytes",
		"[" + row + ",{\"address\":\"" + long + "\",\"chain_id\":1}]": "line 1: the row is longer than 65536 bytes",
	} {
		_, err := read(in)
		if err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, fault.Usage) || fault.Hint(err) == "" {
			t.Errorf("%.80q:\n%v (hint %q)\nwant %s", in, err, fault.Hint(err), want)
		}
	}
}

// However the bytes come, characters of several bytes are whole, and faults are where they are.
func TestBytesThatComeOneByOneAreReadAlike(t *testing.T) {
	for _, in := range []string{
		"address,chain_id\n钱包é😀,1\n包,2\n", `[{"address":"钱包é😀","chain_id":1},` + "\n" + `{"address":"包","chain_id":2}]`,
		`{"address":"钱包é😀","chain_id":1}` + "\n" + `{"address":"包","chain_id":2}`, "address,chain_id\n钱包,1\n\xe9,2\n",
		"address,chain_id\n钱包,1\n\xe9\x92,2\n", "address,chain_id\n钱包,1\n包\x00,2\n", "address,chain_id\n钱,1\n包,2\xf0\x9f\x98",
		"[{\"address\":\"钱\",\"chain_id\":1},\n{\"address\":\"\xf0\x9f\x98\"}]", "[{\"address\":\"钱\",\"chain_id\":1},\n{\"包\":2}, x",
	} {
		want, wantErr := read(in)
		for name, slow := range map[string]io.Reader{
			"one by one": iotest.OneByteReader(strings.NewReader(in)), "by halves": iotest.HalfReader(strings.NewReader(in)),
			"with the end": iotest.DataErrReader(strings.NewReader(in)),
		} {
			if got, err := readFrom(slow); fmt.Sprint(got, err) != fmt.Sprint(want, wantErr) {
				t.Errorf("%q %s:\n%q, %v\nwant %q, %v", in, name, got, err, want, wantErr)
			}
		}
	}
}

var long = strings.Repeat("x", rowfile.MaxRow+10)

// What a program writes and keeps open is answered row by row.
func TestARowIsGivenAsSoonAsItHasCome(t *testing.T) {
	for name, parts := range map[string][3]string{
		"NDJSON":   {`{"address":"a","chain_id":1}` + "\n", `{"address":"b","chain_id":1}` + "\n", ""},
		"CSV":      {"address,chain_id\na,1\n", "b,1\n", ""},
		"an array": {`[{"address":"a","chain_id":1}`, `,{"address":"b","chain_id":1}`, "]"},
	} {
		in, out := io.Pipe()
		r := rowfile.NewReader(in, format)
		for i, want := range []string{"a", "b", ""} {
			written := make(chan error, 1)
			go func() {
				_, err := out.Write([]byte(parts[i]))
				if i == 2 {
					err = out.Close()
				}
				written <- err
			}()
			row, err := r.Next()
			if want == "" && !errors.Is(err, io.EOF) || want != "" && (err != nil || row.Text("address") != want) {
				t.Fatalf("%s: %v, %v", name, row, err)
			}
			if err := <-written; err != nil {
				t.Fatal(err)
			}
		}
	}
}

// endless is a stream that goes on for ever behind its beginning.
type endless struct {
	begin io.Reader
	fill  byte
}

func (e *endless) Read(p []byte) (int, error) {
	if n, err := e.begin.Read(p); n > 0 || !errors.Is(err, io.EOF) {
		return n, err
	}
	for i := range p {
		p[i] = e.fill
	}
	return len(p), nil
}

func TestAnEndlessRowIsRefusedInBoundedMemory(t *testing.T) {
	for _, begin := range []string{"{", `{"address":"`, "address,chain_id\n\"", "[{\"address\":\"", "[ "} {
		for _, fill := range []byte("x\n ") {
			if begin == "{" && fill != 'x' || strings.HasPrefix(begin, `{"`) && fill == '\n' {
				continue // an endless number of short lines, which a stream may have
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := rowfile.NewReader(&endless{strings.NewReader(begin), fill}, format).Next()
			for err == nil {
				err = errors.New("a row")
			}
			runtime.ReadMemStats(&after)
			if !errors.Is(err, fault.Usage) && !errors.Is(err, io.EOF) {
				t.Errorf("%q and endless %q: %v", begin, fill, err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 {
				t.Errorf("%q and endless %q: %d bytes", begin, fill, used)
			}
		}
	}
}

func TestALargeFileIsRefusedWithoutReadingIt(t *testing.T) {
	name := filepath.Join(t.TempDir(), "large.csv")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(1<<30), f.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = rowfile.Read(name, nil, format)
	if err == nil || !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "1073741824") {
		t.Errorf("%v", err)
	}
	row := []byte(`{"address":"a","chain_id":1,"notes":"` + strings.Repeat("x", 60<<10) + "\"}\n")
	_, err = rowfile.Read("-", io.LimitReader(&repeated{row: row}, 1<<30), format)
	if fault.Code(err) != "file_too_large" {
		t.Errorf("%v", err)
	}
}

// repeated is one row for ever.
type repeated struct{ row, rest []byte }

func (r *repeated) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		r.rest = r.row
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestTooManyRowsAreRefused(t *testing.T) {
	in := bytes.Repeat([]byte("a,1\n"), rowfile.MaxRows)
	rows, err := rowfile.Read("-", io.MultiReader(strings.NewReader("address,chain_id\n"), bytes.NewReader(in)), format)
	if err != nil || len(rows) != rowfile.MaxRows {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	_, err = rowfile.Read("-", io.MultiReader(strings.NewReader("address,chain_id\n"), bytes.NewReader(in), strings.NewReader("a,1\n")), format)
	if fault.Code(err) != "too_many_rows" {
		t.Errorf("%v", err)
	}
}

func TestOnlyARegularFileIsOpenedByItsName(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, code := range map[string]string{dir: "is_directory", fifo: "not_a_file", "/dev/zero": "not_a_file", filepath.Join(dir, "none"): "no_file"} {
		if _, err := rowfile.Open(name, nil); fault.Code(err) != code {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := rowfile.Read(name, nil, format); fault.Code(err) != code {
			t.Errorf("%s: %v", name, err)
		}
	}
	rows, err := rowfile.Read("-", strings.NewReader("address,chain_id\na,1\n"), format)
	if err != nil || len(rows) != 1 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestAWholeFileInAnotherEncodingIsRefusedOnce(t *testing.T) {
	line := "{\"address\":\"\xe9\",\"chain_id\":1}\n"
	_, err := rowfile.Read("-", strings.NewReader(strings.Repeat(line, 50)), format)
	if fault.Code(err) != "bad_encoding" || !strings.Contains(fault.Hint(err), "iconv -f ISO-8859-1 -t UTF-8") {
		t.Errorf("%v", err)
	}
	var wide bytes.Buffer
	for _, u := range utf16.Encode([]rune("address,chain_id\n钱包,1\n")) {
		wide.Write([]byte{byte(u), byte(u >> 8)})
	}
	_, err = rowfile.Read("-", &wide, format)
	if fault.Code(err) != "bad_encoding" || !strings.Contains(fault.Hint(err), "iconv -f UTF-16LE -t UTF-8") {
		t.Errorf("%v", err)
	}
}

func TestARefusalListsTwentyFaults(t *testing.T) {
	in := "address,chain_id\n" + strings.Repeat("a,x\n", 25) + "a,1\n"
	rows, err := rowfile.Read("-", strings.NewReader(in), format)
	if err != nil || len(rows) != 26 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	err = rowfile.Refuse(len(rows), rowfile.Faults(rows))
	for _, want := range []string{"25 of 26 rows are bad", "\n  line 2, column 3: chain_id", "\n  line 21, column 3:", "\n  and 5 more"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "line 22") || !errors.Is(err, fault.Usage) {
		t.Errorf("%v", err)
	}
	if err := rowfile.Refuse(2, nil); err != nil {
		t.Error(err)
	}
}

// What stands where a number belongs may be a key that slipped into the wrong column.
func TestAWrongValueIsShownShort(t *testing.T) {
	key := strings.Repeat("46", 32)
	for _, in := range []string{"address,chain_id\na," + key + "\n", `{"address":"a","chain_id":"` + key + `"}`, `{"` + key + `":1}`} {
		rows, err := read(in)
		if err != nil || strings.Contains(rows[0], key[:32]) || !strings.Contains(rows[0], key[:20]) {
			t.Errorf("%q, %v", rows, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{"address,chain_id\na,1\n", `{"address":"a","chain_id":1}`, `[{"address":"a","chain_id":1},{}]`, "\xff\xfea\x00", "[1,[", "a\"b\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rows, err := read(s)
		if len(rows) == 0 && err == nil {
			t.Errorf("%q has neither rows nor an error", s)
		}
	})
}
