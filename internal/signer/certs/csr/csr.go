// Package csr is how somebody gets a certificate for a signing machine without their private key ever leaving its machine: they make the key
// and a request (PKCS #10, RFC 2986) where it will be used (Make), and the machine's authority signs what the request asks for (Read), which
// is a certificate for one key, with one name, and nothing else.
package csr

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/newfile"
)

const (
	// MaxFile is the longest request that is read. A usual one has 400 bytes.
	MaxFile = 16 << 10

	requestBlock = "CERTIFICATE REQUEST"
	keyBlock     = "PRIVATE KEY"
	makeHint     = "coffer signer request-cert --name NAME, where the key will be used"
)

// Files are where a client keeps what it needs.
type Files struct {
	Key     string // its private key, which is made
	Request string // what the authority is sent, which is made
	Cert    string // the certificate, which must not be there yet
}

// Make makes a key, readable to its owner alone, and a request for a certificate with a name. A key that is there already, of a try that was
// broken off or said before, stays; already is true if its request is there as well. fingerprint is that of the key.
func Make(f Files, name string) (fingerprint string, already bool, err error) {
	if err := CheckName(name); err != nil {
		return "", false, err
	}
	if _, err := os.Lstat(f.Cert); err == nil {
		return "", false, fault.New(fault.Refused, "file_exists", "for the next certificate, a key of its own: --out DIR",
			"%s is there already, and its key is not asked for again", f.Cert)
	}
	key, err := keyAt(f.Key)
	if err != nil {
		return "", false, err
	}
	fingerprint = Fingerprint(&key.PublicKey)
	switch text, err := os.ReadFile(f.Request); {
	case errors.Is(err, fs.ErrNotExist):
		return fingerprint, false, write(f.Request, name, key)
	case err != nil:
		return "", false, fmt.Errorf("read the request: %w", err)
	default:
		had, err := Read(text, name)
		if err != nil || !had.Equal(&key.PublicKey) {
			return "", false, fault.Wrap(err, fault.Refused, "file_exists", "move it away, or --out DIR", "%s is there, and is no request of this key for the name %q", f.Request, name)
		}
		return fingerprint, true, nil
	}
}

// keyAt is the key in a file, or a new one that is written into it.
func keyAt(path string) (*ecdsa.PrivateKey, error) {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("look at the key: %w", err)
	}
	if !st.Mode().IsRegular() || st.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.NotAllowed, "mode_too_open", "chmod 600 "+path, "%s is the key to the signing machine, and open to others", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	defer clear(text)
	if b, rest := pem.Decode(text); b != nil && b.Type == keyBlock && len(rest) == 0 {
		if k, err := x509.ParsePKCS8PrivateKey(b.Bytes); err == nil {
			if key, ok := k.(*ecdsa.PrivateKey); ok && key.Curve == elliptic.P256() {
				return key, nil
			}
		}
	}
	// What was wrong could hold bytes of the key.
	return nil, fault.New(fault.Refused, "bad_key", "move it away, or --out DIR", "%s is there, and is no key that this command made", path)
}

func newKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der})
	defer clear(text)
	return key, newfile.Write(path, text)
}

func write(path, name string, key *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, key)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	return newfile.Write(path, pem.EncodeToMemory(&pem.Block{Type: requestBlock, Bytes: der}))
}

// Read is the key that a request asks a certificate for, if it asks for nothing but that and this very name, and whoever made it has the
// key. The codes are bad_csr, csr_signature, csr_key, csr_names.
func Read(text []byte, name string) (*ecdsa.PublicKey, error) {
	if len(text) > MaxFile {
		return nil, bad("bad_csr", "it is longer than %d bytes", MaxFile)
	}
	b, rest := pem.Decode(text)
	if b == nil || b.Type != requestBlock || strings.TrimSpace(string(rest)) != "" {
		return nil, bad("bad_csr", "it is not one PEM block of type %s", requestBlock)
	}
	r, err := x509.ParseCertificateRequest(b.Bytes)
	if err != nil {
		return nil, fault.Wrap(err, fault.Usage, "bad_csr", makeHint, "the request for a certificate cannot be read")
	}
	if err := r.CheckSignature(); err != nil {
		return nil, fault.Wrap(err, fault.Refused, "csr_signature", makeHint, "the request for a certificate is not signed by its key")
	}
	key, ok := r.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, bad("csr_key", "its key is no ECDSA key on P-256, but %s", r.PublicKeyAlgorithm)
	}
	return key, onlyName(r, name)
}

// commonName is its object identifier (X.520).
var commonName = asn1.ObjectIdentifier{2, 5, 4, 3}

// onlyName says what else than a name a request asks for, or nil.
func onlyName(r *x509.CertificateRequest, name string) error {
	if n := r.Subject.Names; len(n) != 1 || !n[0].Type.Equal(commonName) || r.Subject.CommonName != name {
		return bad("csr_names", "its subject is %q, and CN=%s alone is to be signed", r.Subject.String(), name)
	}
	if len(r.Extensions) > 0 || len(r.DNSNames)+len(r.EmailAddresses)+len(r.IPAddresses)+len(r.URIs) > 0 {
		return bad("csr_names", "it asks for extensions (further names, uses, a certificate authority), and a name alone is signed")
	}
	return nil
}

func bad(code, format string, args ...any) error {
	return fault.New(fault.Refused, code, makeHint, "the request for a certificate: "+format, args...)
}

// CheckName refuses what is no name for a certificate.
func CheckName(s string) error {
	if GoodName(s) {
		return nil
	}
	return fault.New(fault.Usage, "bad_name", "1 to 64 letters, digits, dots, hyphens and underscores", "%q is no name for a certificate", s)
}

// GoodName says whether a text can be the name of a certificate.
func GoodName(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	})
}

// Fingerprint names a key: SHA-256 of its SubjectPublicKeyInfo, as OpenSSH writes fingerprints.
func Fingerprint(key *ecdsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil { // a key that is on no curve
		return ""
	}
	sum := sha256.Sum256(der)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}
