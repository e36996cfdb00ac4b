package requestlog_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/requestlog"
	"coffer.internal/signing"
)

func home(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// written is the log of a home with n lines.
func written(t *testing.T, dir string, n int, o requestlog.Options) {
	t.Helper()
	l, err := requestlog.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := l.Append(requestlog.Line{
			Who: "uid 1", Role: "client", From: "unix", Method: "POST", Path: "/v1/sign", Status: 200, Code: "ok",
			Intents: []requestlog.Intent{{Digest: signing.Digest{byte(i)}, Ledger: "l", Purpose: "payment", Payment: fmt.Sprintf("p-%d \"é\"\n", i), Code: "signed", Receipt: uint64(i)}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func verify(t *testing.T, dir string) (requestlog.Report, error) {
	t.Helper()
	files, err := requestlog.Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	return requestlog.Verify(files, requestlog.Head{})
}

func TestAChangeOfALineIsFoundAtItsLine(t *testing.T) {
	const n = 6
	for name, c := range map[string]struct {
		change func(lines [][]byte) [][]byte
		says   string
	}{
		"an edit": {func(l [][]byte) [][]byte {
			l[2] = bytes.Replace(l[2], []byte("uid 1"), []byte("uid 2"), 1)
			return l
		}, "requests.log:3: its hash does not fit"},
		"an edit of a hash": {func(l [][]byte) [][]byte {
			l[2][len(l[2])-3] ^= 1
			return l
		}, "requests.log:3: its hash does not fit"},
		"a deletion":   {func(l [][]byte) [][]byte { return slices.Delete(l, 2, 3) }, "requests.log:3: it is line 4 of the log: 1 lines before it are missing"},
		"an insertion": {func(l [][]byte) [][]byte { return slices.Insert(l, 3, l[1]) }, "requests.log:4: it says that it is line 2"},
		"a reordering": {func(l [][]byte) [][]byte { l[1], l[2] = l[2], l[1]; return l }, "requests.log:2: it is line 3"},
		"words":        {func(l [][]byte) [][]byte { l[4] = []byte("nothing happened"); return l }, "requests.log:5: it is no line"},
		"an empty one": {func(l [][]byte) [][]byte { return slices.Insert(l, 1, nil) }, "requests.log:2: it is no line"},
	} {
		dir := home(t)
		written(t, dir, n, requestlog.Options{})
		path := filepath.Join(dir, requestlog.FileName)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
		if len(lines) != n {
			t.Fatalf("%d lines", len(lines))
		}
		if err := os.WriteFile(path, append(bytes.Join(c.change(lines), []byte("\n")), '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := verify(t, dir); fault.Code(err) != "log_broken" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestALogThatWasMadeAnewIsToldByAHeadThatWasNoted(t *testing.T) {
	first, other := home(t), home(t)
	written(t, first, 5, requestlog.Options{})
	written(t, other, 4, requestlog.Options{})
	r, err := verify(t, first)
	if err != nil || r.Lines != 5 || r.Head.Seq != 5 {
		t.Fatalf("%+v, %v", r, err)
	}
	files, _ := requestlog.Files(other)
	if _, err := requestlog.Verify(files, r.Head); fault.Code(err) != "log_broken" || !strings.Contains(err.Error(), "its end is missing") {
		t.Errorf("a shorter one: %v", err)
	}
	r.Head.Seq = 3
	if _, err := requestlog.Verify(files, r.Head); fault.Code(err) != "log_broken" || !strings.Contains(err.Error(), "made anew") {
		t.Errorf("another one: %v", err)
	}
	if got, err := requestlog.ParseHead(r.Head.String()); err != nil || got != r.Head {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "5", "5:", ":" + r.Head.Hash, "-1:" + r.Head.Hash} {
		if _, err := requestlog.ParseHead(bad); fault.Code(err) != "bad_head" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestTheChainGoesOnInTheNextFileAndAfterAStart(t *testing.T) {
	dir := home(t)
	for range 3 {
		written(t, dir, 20, requestlog.Options{MaxBytes: 2000})
	}
	files, err := requestlog.Files(dir)
	if err != nil || len(files) < 4 {
		t.Fatalf("%v, %v", files, err)
	}
	r, err := verify(t, dir)
	if err != nil || r.Lines != 60 || r.First != 1 || r.Files != len(files) {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := requestlog.Verify(files[2:], requestlog.Head{}); err != nil || r.First < 2 {
		t.Errorf("without the first ones: %+v, %v", r, err)
	}
	if _, err := requestlog.Verify(append(slices.Clone(files[:1]), files[2:]...), requestlog.Head{}); fault.Code(err) != "log_broken" {
		t.Errorf("without one in the midst: %v", err)
	}
	for _, f := range files {
		if st, err := os.Stat(f); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, st.Mode(), err)
		}
	}
}

func TestHalfALineIsCutAndThatIsSaid(t *testing.T) {
	dir := home(t)
	written(t, dir, 3, requestlog.Options{})
	path := filepath.Join(dir, requestlog.FileName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-7], 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := verify(t, dir); err != nil || !r.Open || r.Lines != 2 {
		t.Errorf("before: %+v, %v", r, err)
	}
	written(t, dir, 1, requestlog.Options{})
	if r, err := verify(t, dir); err != nil || r.Open || r.Lines != 4 { // two whole ones, what is said of the third, and one more
		t.Errorf("after: %+v, %v", r, err)
	}
	if text, _ := os.ReadFile(path); !strings.Contains(string(text), `"code":"line_cut"`) {
		t.Errorf("it does not say so:\n%s", text)
	}
}

func TestALogWhoseEndWasChangedIsNotGoneOnWith(t *testing.T) {
	dir := home(t)
	written(t, dir, 3, requestlog.Options{})
	path := filepath.Join(dir, requestlog.FileName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, "{}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := requestlog.Open(dir, requestlog.Options{}); fault.Code(err) != "log_broken" {
		t.Errorf("%v", err)
	}
}

func BenchmarkAppend256(b *testing.B) {
	dir := b.TempDir()
	l, err := requestlog.Open(dir, requestlog.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	line := requestlog.Line{Who: "uid 1000", Role: "client", From: "unix", Method: "POST", Path: "/v1/sign", Status: 200, Code: "ok", Intents: make([]requestlog.Intent, 256)}
	for i := range line.Intents {
		line.Intents[i] = requestlog.Intent{Ledger: "0190b2c4-aaaa-7000-8000-000000000001", Purpose: "payment", Payment: fmt.Sprint("payment-", i), Code: "signed", Receipt: uint64(i)}
	}
	for b.Loop() {
		if err := l.Append(line); err != nil {
			b.Fatal(err)
		}
	}
}
