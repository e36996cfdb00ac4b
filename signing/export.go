package signing

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// ExportFormat names the format of this version, in the header of an export.
const ExportFormat = "coffer-export-1"

// MaxExportLine is the length of the longest line of an export, in bytes: an intent and its signed bytes, both at their longest, fit.
const MaxExportLine = 64 << 10

// An export is what a ledger knows of one signing machine: which keys it held and what it was asked for. A machine that lost its journal
// is loaded with it (`coffer signer export`, `coffer-signer load`). It is NDJSON; each line is an object with one name, in this order:
//
//	{"header":ExportHeader}
//	{"wallet":ExportWallet}     all wallets of the machine, in any order
//	{"attempt":ExportAttempt}   all attempts at their nonces, those of one wallet and nonce in the order in which they were asked
//	{"end":ExportEnd}
//
// It holds nothing secret. Whoever can change it can have a machine forget what it signed: two officers approve its SHA-256.

// ExportHeader begins an export.
type ExportHeader struct {
	Format string    `json:"format"`
	Ledger string    `json:"ledger"`
	Device string    `json:"device"` // the machine whose wallets these are, as the ledger knows it
	MadeAt time.Time `json:"made_at"`
}

// ExportWallet is a key that the machine held.
type ExportWallet struct {
	ChainType string `json:"chain_type"`
	ChainID   int64  `json:"chain_id"`
	Address   string `json:"address"`
	Path      string `json:"path"`
	Account   string `json:"account,omitempty"` // hot if empty
	Ref       string `json:"ref,omitempty"`     // as in KeyRequest, if the ledger knows it
	Cursor    uint64 `json:"cursor"`            // the next nonce that it hands out
	// Mark is the lowest nonce at which anything may still be signed first: the lowest one that is free, reserved, or asked for without
	// an answer; the cursor if there is none. Below it, the machine signs no payload but those in the export.
	Mark uint64 `json:"mark"`
}

// ExportAttempt is one intent and what became of it. Without Raw and Refusal it was asked for, and what the machine said is not known.
type ExportAttempt struct {
	Intent  json.RawMessage `json:"intent"`             // canonical
	Raw     []byte          `json:"raw,omitempty"`      // the signed bytes; base64
	Refusal *Refusal        `json:"refusal,omitempty"`  // instead of Raw
	Seq     uint64          `json:"seq,omitempty"`      // of the receipt from Device; 0: none is known
	At      time.Time       `json:"signed_at,omitzero"` // when the answer came, if that is known
	Note    string          `json:"note,omitempty"`     // for people
	// Authorizations are the tokens that its payment came with. They are verified: a payment is bound to what they allow, also while it
	// is loaded. Without them it is bound to the highest fee that is signed for it.
	Authorizations []string `json:"authorizations,omitempty"`
}

// ExportEnd says that an export is whole.
type ExportEnd struct {
	Wallets  int    `json:"wallets"`
	Attempts int    `json:"attempts"`
	SHA256   string `json:"sha256"` // of all lines before this one, hex
}

// ExportLine is one line: exactly one of its parts is set.
type ExportLine struct {
	Header  *ExportHeader  `json:"header,omitempty"`
	Wallet  *ExportWallet  `json:"wallet,omitempty"`
	Attempt *ExportAttempt `json:"attempt,omitempty"`
	End     *ExportEnd     `json:"end,omitempty"`
}

// ExportWriter writes an export: NewExportWriter, then Wallet and Attempt for each, then Close.
type ExportWriter struct {
	w   io.Writer
	sum hash.Hash
	end ExportEnd
}

// NewExportWriter begins an export. The header's format is set here.
func NewExportWriter(w io.Writer, h ExportHeader) (*ExportWriter, error) {
	e := &ExportWriter{w: w, sum: sha256.New()}
	h.Format = ExportFormat
	return e, e.line(ExportLine{Header: &h})
}

// Wallet writes a wallet. All wallets come before the first attempt.
func (e *ExportWriter) Wallet(w ExportWallet) error {
	if e.end.Attempts > 0 {
		return errors.New("write export: a wallet after an attempt")
	}
	e.end.Wallets++
	return e.line(ExportLine{Wallet: &w})
}

// Attempt writes an attempt.
func (e *ExportWriter) Attempt(a ExportAttempt) error {
	e.end.Attempts++
	return e.line(ExportLine{Attempt: &a})
}

// Close writes the end. It does not close the writer below.
func (e *ExportWriter) Close() error {
	e.end.SHA256 = hex.EncodeToString(e.sum.Sum(nil))
	return e.line(ExportLine{End: &e.end})
}

func (e *ExportWriter) line(l ExportLine) error {
	b, err := EncodeExportLine(l)
	if err != nil {
		return err
	}
	e.sum.Write(b)
	if _, err := e.w.Write(b); err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	return nil
}

// EncodeExportLine is a line as it stands in a file, its newline included: intents stay in their canonical encoding.
func EncodeExportLine(l ExportLine) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		return nil, fmt.Errorf("write export: %w", err)
	}
	if b.Len() > MaxExportLine {
		return nil, fmt.Errorf("write export: a line of %d bytes; at most %d", b.Len(), MaxExportLine)
	}
	return b.Bytes(), nil
}

// ReadExport reads a whole export and hands its lines to each, in order, the end not. An export that is not whole, or whose lines are not
// in their order, is an error, and so is a line with anything unknown in it; by then each may have been given what stands before.
func ReadExport(r io.Reader, each func(line int, l ExportLine) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, MaxExportLine), MaxExportLine)
	sum, got := sha256.New(), ExportEnd{}
	n, ended := 0, false
	for lines.Scan() {
		n++
		l, err := decodeExportLine(lines.Bytes())
		switch {
		case err != nil:
		case ended:
			err = errors.New("data after its end")
		case (l.Header != nil) != (n == 1):
			err = errors.New("an export has one header, on its first line")
		case l.Header != nil && l.Header.Format != ExportFormat:
			err = fmt.Errorf("format %q; this program reads %s", l.Header.Format, ExportFormat)
		case l.Wallet != nil && got.Attempts > 0:
			err = errors.New("a wallet after an attempt")
		case l.End != nil:
			ended = true
			if got.SHA256 = hex.EncodeToString(sum.Sum(nil)); *l.End != got {
				err = fmt.Errorf("its end tells of %d wallets, %d attempts and SHA-256 %s, and there are %d, %d and %s: it was changed or cut",
					l.End.Wallets, l.End.Attempts, l.End.SHA256, got.Wallets, got.Attempts, got.SHA256)
			}
		}
		if err == nil && !ended {
			err = each(n, l)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		sum.Write(append(lines.Bytes(), '\n'))
		if l.Wallet != nil {
			got.Wallets++
		}
		if l.Attempt != nil {
			got.Attempts++
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	if !ended {
		return fmt.Errorf("line %d: it has no end: it was cut", n+1)
	}
	return nil
}

func decodeExportLine(b []byte) (l ExportLine, err error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return l, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return l, errors.New("data after its object")
	}
	set := 0
	for _, there := range []bool{l.Header != nil, l.Wallet != nil, l.Attempt != nil, l.End != nil} {
		if there {
			set++
		}
	}
	if set != 1 {
		return l, fmt.Errorf("it has %d of header, wallet, attempt and end; exactly one is wanted", set)
	}
	return l, nil
}
