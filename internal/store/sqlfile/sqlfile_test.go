package sqlfile

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestEveryNamedStatementOfEveryFileIsFound(t *testing.T) {
	got, err := Load(folder("-- name: one\nSELECT 1\n-- why\n;\n\n-- name: two\nSELECT 2", "-- name: three\nSELECT 3\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"one": "SELECT 1\n-- why\n;", "two": "SELECT 2", "three": "SELECT 3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAFileThatCannotBeMeantIsRefused(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"-- name: one\nSELECT 1", "-- name: one\nSELECT 2", `"one" is named twice`},
		{"SELECT 1\n-- name: one\nSELECT 1", "", "text before the first"},
		{"-- name: one\n-- name: two\nSELECT 2", "", `"one" has no name or no text`},
	} {
		if _, err := Load(folder(c.a, c.b)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Load(%q, %q) = %v, want %s", c.a, c.b, err, c.want)
		}
	}
}

func folder(a, b string) fstest.MapFS {
	return fstest.MapFS{"a.sql": {Data: []byte(a)}, "b.sql": {Data: []byte(b)}, "other.txt": {Data: []byte("x")}}
}
