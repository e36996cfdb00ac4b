package pgtest

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

func TestAPairSurvivesItsPrimaryAgainAndAgain(t *testing.T) {
	p, err := StartPair(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := Exec(t.Context(), p.PrimaryURL(), "CREATE TABLE seen (x int)"); err != nil {
		t.Fatal(err)
	}
	if err := p.Replace(t.Context()); err == nil {
		t.Error("a standby was replaced that sits there")
	}
	before := p.PrimaryURL()
	if err := p.KillPrimary(); err != nil {
		t.Fatal(err)
	}
	if err := Exec(t.Context(), before, "SELECT 1"); err == nil {
		t.Error("the killed primary answers")
	}
	if err := Exec(t.Context(), p.StandbyURL(), "INSERT INTO seen VALUES (1)"); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("the standby before it is promoted: %v", err)
	}
	if err := errors.Join(p.Promote(t.Context()), p.Replace(t.Context())); err != nil {
		t.Fatal(err)
	}
	if p.StandbyURL() != before {
		t.Errorf("the new standby sits at %s, not at %s", p.StandbyURL(), before)
	}
	if err := Exec(t.Context(), p.PrimaryURL(), "INSERT INTO seen VALUES (1)"); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(p.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", p.dir, err)
	}
}
