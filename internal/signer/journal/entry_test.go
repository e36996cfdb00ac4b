package journal

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

func TestAnEntryIsWrittenAsEncodingJSONWouldWriteIt(t *testing.T) {
	i := payment(7, "<p> & ü", "1")
	for _, at := range []time.Time{noon, noon.Add(123456789)} {
		e := entry{Seq: 12, At: at, Intent: i.Canonical(), Raw: []byte{0, 1, 2, 0xff}, Hash: "0xabc"}
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e); err != nil {
			t.Fatal(err)
		}
		if got := e.encode(); !bytes.Equal(got, want.Bytes()) {
			t.Errorf("got  %s\nwant %s", got, want.Bytes())
		}
	}
	for s, want := range map[string]bool{"0xabc": true, "5Kd": true, "": false, `a"b`: false, `a\b`: false, "ü": false, "\n": false} {
		if plain(s) != want {
			t.Errorf("%q", s)
		}
	}
}
