package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coffer.internal/internal/store/postgres/pgtest"
)

func TestTheCommandFindsTheClusterAndItsExitCodeIsOurs(t *testing.T) {
	out := filepath.Join(t.TempDir(), "url")
	code, err := run([]string{"sh", "-c", `printf %s "$` + pgtest.Env + `" >"$0"; exit 7`, out})
	if code != 7 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
	url, err := os.ReadFile(out)
	if err != nil || !strings.HasPrefix(string(url), "postgres://") {
		t.Fatalf("the command was told %q, %v", url, err)
	}
	if err := pgtest.Exec(t.Context(), string(url), "SELECT 1"); err == nil {
		t.Error("the cluster outlives the command")
	}
}

func TestACommandThatASignalEndedHasItsCode(t *testing.T) {
	if code, err := run([]string{"sh", "-c", "kill -TERM $$"}); code != 128+15 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
	if code, err := run([]string{filepath.Join(t.TempDir(), "nothing")}); code != 127 || err == nil {
		t.Errorf("code %d, %v", code, err)
	}
}
