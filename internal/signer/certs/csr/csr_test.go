package csr

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coffer.internal/internal/fault"
)

func filesIn(t *testing.T) Files {
	t.Helper()
	dir := t.TempDir()
	return Files{Key: filepath.Join(dir, "k.key"), Request: filepath.Join(dir, "k.csr"), Cert: filepath.Join(dir, "k.pem")}
}

func TestAKeyIsMadeOnceAndItsRequestIsReadAsItWasMade(t *testing.T) {
	f := filesIn(t)
	made, already, err := Make(f, "coffer-1")
	if err != nil || already {
		t.Fatalf("%v, %v", already, err)
	}
	if st, err := os.Stat(f.Key); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	text, err := os.ReadFile(f.Request)
	if err != nil {
		t.Fatal(err)
	}
	key, err := Read(text, "coffer-1")
	if err != nil || Fingerprint(key) != made {
		t.Errorf("%v", err)
	}
	if strings.Contains(string(text), keyBlock) {
		t.Error("the request holds the key")
	}
	again, already, err := Make(f, "coffer-1")
	if err != nil || !already || again != made {
		t.Errorf("again: %s, %v, %v", again, already, err)
	}
	if _, _, err := Make(f, "coffer-2"); fault.Code(err) != "file_exists" {
		t.Errorf("with another name: %v", err)
	}
	if err := os.Remove(f.Request); err != nil {
		t.Fatal(err)
	}
	if after, already, err := Make(f, "coffer-1"); err != nil || already || after != made {
		t.Errorf("broken off before the request was written: %s, %v, %v", after, already, err)
	}
}

func TestNoKeyIsMadeWhereThereIsSomething(t *testing.T) {
	for code, prepare := range map[string]func(f Files) error{
		"file_exists":   func(f Files) error { return os.WriteFile(f.Cert, []byte("x"), 0o600) },
		"bad_key":       func(f Files) error { return os.WriteFile(f.Key, []byte("x"), 0o600) },
		"mode_too_open": func(f Files) error { return os.WriteFile(f.Key, []byte("x"), 0o640) },
	} {
		f := filesIn(t)
		if err := prepare(f); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Make(f, "c"); fault.Code(err) != code {
			t.Errorf("%s: %v", code, err)
		}
		if _, err := os.Lstat(f.Request); err == nil {
			t.Errorf("%s: a request was written", code)
		}
	}
	for _, name := range []string{"", "a b", "a/b", "ä", strings.Repeat("a", 65)} {
		f := filesIn(t)
		if _, _, err := Make(f, name); fault.Code(err) != "bad_name" {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := os.Lstat(f.Key); err == nil {
			t.Errorf("%q: a key was written", name)
		}
	}
}

// request is one of a key, as another program could make it.
func request(t testing.TB, key crypto.Signer, r x509.CertificateRequest) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &r, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: requestBlock, Bytes: der})
}

func ecKey(t testing.TB, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func named(name string) x509.CertificateRequest {
	return x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}
}

func TestARequestForMoreThanAKeyAndANameIsRefused(t *testing.T) {
	key := ecKey(t, elliptic.P256())
	good := request(t, key, named("c"))
	if _, err := Read(good, "c"); err != nil {
		t.Fatal(err)
	}
	changed := func(change func(*x509.CertificateRequest)) []byte {
		r := named("c")
		change(&r)
		return request(t, key, r)
	}
	block, _ := pem.Decode(good)
	forged := append([]byte(nil), block.Bytes...)
	forged[len(forged)-1] ^= 1
	exchanged := strings.Replace(string(block.Bytes), "\x13\x01c", "\x13\x01d", 1) // another name under the same signature
	_, edward, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rivest, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	inPEM := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	for _, c := range []struct {
		name, code string
		text       []byte
	}{
		{"nothing", "bad_csr", nil},
		{"no PEM", "bad_csr", []byte("x")},
		{"two of them", "bad_csr", append(append([]byte(nil), good...), good...)},
		{"a certificate", "bad_csr", inPEM("CERTIFICATE", block.Bytes)},
		{"cut", "bad_csr", inPEM(requestBlock, block.Bytes[:len(block.Bytes)/2])},
		{"very long", "bad_csr", append(make([]byte, MaxFile), good...)},
		{"a signature that was changed", "csr_signature", inPEM(requestBlock, forged)},
		{"a name that was changed", "csr_signature", inPEM(requestBlock, []byte(exchanged))},
		{"an Ed25519 key", "csr_key", request(t, edward, named("c"))},
		{"an RSA key", "csr_key", request(t, rivest, named("c"))},
		{"P-384", "csr_key", request(t, ecKey(t, elliptic.P384()), named("c"))},
		{"another name", "csr_names", request(t, key, named("d"))},
		{"no name", "csr_names", request(t, key, x509.CertificateRequest{})},
		{"an organisation", "csr_names", changed(func(r *x509.CertificateRequest) { r.Subject.Organization = []string{"officer"} })},
		{"a DNS name", "csr_names", changed(func(r *x509.CertificateRequest) { r.DNSNames = []string{"signer.internal"} })},
		{"an address", "csr_names", changed(func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 5)} })},
		{"an e-mail address", "csr_names", changed(func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"c@d"} })},
		{"an authority", "csr_names", changed(func(r *x509.CertificateRequest) {
			r.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}}}
		})},
	} {
		if k, err := Read(c.text, "c"); fault.Code(err) != c.code {
			t.Errorf("%s: %v, %v", c.name, k, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	good := request(f, ecKey(f, elliptic.P256()), named("c"))
	f.Add(good)
	b, _ := pem.Decode(good)
	f.Add(b.Bytes)
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, x := range [][]byte{text, pem.EncodeToMemory(&pem.Block{Type: requestBlock, Bytes: text})} {
			if key, err := Read(x, "c"); err == nil && (key.Curve != elliptic.P256() || Fingerprint(key) == "") {
				t.Errorf("a key on %s", key.Params().Name)
			}
		}
	})
}
