package certs_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/certs"
	"coffer.internal/internal/signer/certs/csr"
)

// requested makes a key and a request for it, and returns the request and the key's fingerprint.
func requested(t *testing.T, name string) (text []byte, key string) {
	t.Helper()
	dir := t.TempDir()
	f := csr.Files{Key: filepath.Join(dir, "k.key"), Request: filepath.Join(dir, "k.csr"), Cert: filepath.Join(dir, "k.pem")}
	key, _, err := csr.Make(f, name)
	if err == nil {
		text, err = os.ReadFile(f.Request)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text, key
}

func TestACertificateByRequestIsForItsKeyAndHasTheNameAndTheUseOfAClient(t *testing.T) {
	a := certs.In(newHome(t), time.Now)
	if _, err := a.Init(); err != nil {
		t.Fatal(err)
	}
	text, key := requested(t, "c")
	out := filepath.Join(t.TempDir(), "out")
	e, err := a.Sign(text, "c", certs.Reader, 30, out)
	if err != nil || e.Key != key || e.Role != certs.Reader {
		t.Fatalf("%+v, %v", e, err)
	}
	pemText, err := os.ReadFile(filepath.Join(out, certs.ClientCert))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := pem.Decode(pemText)
	c, err := x509.ParseCertificate(b.Bytes)
	if err != nil || c.Subject.String() != "CN=c" || c.IsCA || len(c.ExtKeyUsage) != 1 || c.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth || len(c.DNSNames) != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := os.Lstat(filepath.Join(out, certs.ClientKey)); err == nil {
		t.Error("a key was written")
	}
	if entries, err := a.Entries(); err != nil || len(entries) != 1 || entries[0] != e {
		t.Errorf("the list: %+v, %v", entries, err)
	}
}

func TestAKeyGetsOneCertificate(t *testing.T) {
	a := certs.In(newHome(t), time.Now)
	if _, err := a.Init(); err != nil {
		t.Fatal(err)
	}
	text, _ := requested(t, "c")
	try := func(name string) string {
		t.Helper()
		_, err := a.Sign(text, name, certs.Client, 30, filepath.Join(t.TempDir(), "out"))
		return fault.Code(err)
	}
	if got := try("d"); got != "csr_names" {
		t.Errorf("another name: %s", got)
	}
	if _, err := a.Sign(text, "c", certs.Client, 30, filepath.Join(t.TempDir(), "out")); err != nil {
		t.Fatal(err)
	}
	if got := try("c"); got != "name_taken" {
		t.Errorf("again: %s", got)
	}
	if _, _, err := a.Revoke("c"); err != nil {
		t.Fatal(err)
	}
	if got := try("c"); got != "key_used" {
		t.Errorf("a key that was revoked: %s", got)
	}
	if entries, err := a.Entries(); err != nil || len(entries) != 1 {
		t.Errorf("the list: %+v, %v", entries, err)
	}
}
