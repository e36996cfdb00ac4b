package certs_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/certs"
)

func newHome(t *testing.T) string {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	return home
}

func TestACertificateNeedsAnAuthorityANameAndAFutureAndIsNeverWrittenOver(t *testing.T) {
	home := newHome(t)
	a := certs.In(home, time.Now)
	out := filepath.Join(t.TempDir(), "out")
	if _, err := a.Client("c", certs.Client, 365, out); fault.Code(err) != "no_authority" {
		t.Errorf("without an authority: %v", err)
	}
	if already, err := a.Init(); err != nil || already {
		t.Fatalf("%v, %v", already, err)
	}
	if already, err := a.Init(); err != nil || !already {
		t.Errorf("again: %v, %v", already, err)
	}
	for code, err := range map[string]error{
		"bad_name": second(a.Client("a b", certs.Client, 365, out)), "bad_days": second(a.Client("c", certs.Client, 0, out)),
		"no_host": second(a.Server(nil, 365)), "bad_host": second(a.Server([]string{"https://signer:1"}, 365)),
	} {
		if fault.Code(err) != code {
			t.Errorf("%s: %v", code, err)
		}
	}
	if _, err := a.Client("c", certs.Client, 365, out); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Client("c", certs.Reader, 365, out+"2"); fault.Code(err) != "name_taken" {
		t.Errorf("the same name: %v", err)
	}
	if _, err := a.Client("d", certs.Reader, 365, out); fault.Code(err) != "file_exists" {
		t.Errorf("the same folder: %v", err)
	}
	for _, f := range []string{filepath.Join(out, certs.ClientKey), filepath.Join(home, "certs", "ca.key")} {
		if st, err := os.Stat(f); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, st.Mode(), err)
		}
	}
	if _, _, err := a.Revoke("nobody"); fault.Code(err) != "no_such_certificate" {
		t.Errorf("%v", err)
	}
	if _, already, err := a.Revoke("c"); err != nil || already {
		t.Errorf("%v, %v", already, err)
	}
	if _, already, err := a.Revoke("c"); err != nil || !already {
		t.Errorf("again: %v, %v", already, err)
	}
}

func second[T any](_ T, err error) error { return err }
