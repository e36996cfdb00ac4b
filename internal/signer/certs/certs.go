// Package certs is who may speak to a signing machine over a network: the machine is its own certificate authority, and keeps a list of
// every certificate that it gave out, with its name and its role.
//
// A certificate lets somebody in only while all of this is so: it comes from this authority, it is for clients, it has not run out, and it
// is on the list, not revoked. So whoever stole the authority's key alone still does not get in. The list is looked at anew for every
// request: a revocation counts at once.
//
//	certs/ca.pem, ca.key          the authority
//	certs/server.pem, server.key  what the machine shows to those who connect
//	certs/clients.json            the list
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/certs/csr"
	"coffer.internal/internal/signer/vault"
)

// The names under which coffer looks for what a client needs (internal/config).
const (
	ClientCert = "signer-client.pem"
	ClientKey  = "signer-client.key"
	ClientCA   = "signer-ca.pem"
)

// The files of the authority.
const (
	caCert     = "ca.pem"
	caKey      = "ca.key"
	serverCert = "server.pem"
	serverKey  = "server.key"
	listFile   = "clients.json"
)

// authorityYears is how long an authority lasts. Certificates are given out for less, and never beyond it.
const authorityYears = 10

const initHint = "coffer-signer cert init"

// Authority is the certificate authority of one machine, and its list.
type Authority struct {
	dir string
	now func() time.Time
}

// In is the authority in a signing machine's home. It need not be there yet.
func In(home string, now func() time.Time) *Authority {
	return &Authority{filepath.Join(home, "certs"), now}
}

func (a *Authority) path(name string) string { return filepath.Join(a.dir, name) }

// Init makes the authority. One that is there stays as it is: already.
func (a *Authority) Init() (already bool, err error) {
	if err := vault.MakeHome(a.dir); err != nil {
		return false, err
	}
	unlock, err := a.lock()
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if _, err := os.Lstat(a.path(caCert)); err == nil {
		_, _, err := a.load()
		return true, err
	}
	key, err := newKey()
	if err != nil {
		return false, err
	}
	now := a.now().UTC().Truncate(time.Second)
	ca := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "coffer-signer authority"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(authorityYears, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		return false, fmt.Errorf("make the authority: %w", err)
	}
	if err := a.save(nil); err != nil {
		return false, err
	}
	_ = os.Remove(a.path(caKey)) // of a try that was broken off: without its certificate it is the key of nothing
	return false, writePair(a.path(caCert), a.path(caKey), der, key)
}

// Server makes the certificate that the machine shows, for the names and addresses that clients connect to. It takes the place of the
// one before; a machine that serves takes it at its next start.
func (a *Authority) Server(hosts []string, days int) (info Info, err error) {
	if len(hosts) == 0 {
		return Info{}, fault.New(fault.Usage, "no_host", "coffer-signer cert server --host signer.internal", "name at least one host that clients connect to")
	}
	t, err := a.template("coffer-signer", days, x509.ExtKeyUsageServerAuth)
	if err != nil {
		return Info{}, err
	}
	for _, h := range hosts {
		switch ip := net.ParseIP(h); {
		case ip != nil:
			t.IPAddresses = append(t.IPAddresses, ip)
		case goodHost(h):
			t.DNSNames = append(t.DNSNames, h)
		default:
			return Info{}, fault.New(fault.Usage, "bad_host", "a name or an IP address, without a port", "%q is no host", h)
		}
	}
	unlock, err := a.lock()
	if err != nil {
		return Info{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	key, err := newKey()
	if err != nil {
		return Info{}, err
	}
	der, err := a.issue(t, &key.PublicKey)
	if err != nil {
		return Info{}, err
	}
	for _, old := range []string{serverCert, serverKey} {
		if err := os.Remove(a.path(old)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Info{}, fmt.Errorf("replace the machine's certificate: %w", err)
		}
	}
	if err := writePair(a.path(serverCert), a.path(serverKey), der, key); err != nil {
		return Info{}, err
	}
	return Info{Fingerprint: fingerprint(der), NotAfter: t.NotAfter, Hosts: hosts}, nil
}

// Info is what a new certificate is.
type Info struct {
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the certificate, as OpenSSH writes those of keys
	NotAfter    time.Time `json:"not_after"`
	Hosts       []string  `json:"hosts"`
}

// Client makes a key and a certificate with a name and a role, puts it on the list, and writes it, its key and the authority's certificate
// into a folder (0700, made if it is not there; no file is written over).
func (a *Authority) Client(name string, role Role, days int, out string) (Entry, error) {
	key, err := newKey()
	if err != nil {
		return Entry{}, err
	}
	return a.give(name, role, days, &key.PublicKey, func(ca *x509.Certificate, der []byte) error { return writeClient(out, ca, der, key) })
}

// Sign makes a certificate for the key of a request (csr.Make), with a name and a role, puts it on the list, and writes it and the authority's
// certificate into a folder, as Client does. The private key stays where it is.
func (a *Authority) Sign(request []byte, name string, role Role, days int, out string) (Entry, error) {
	key, err := csr.Read(request, name)
	if err != nil {
		return Entry{}, err
	}
	return a.give(name, role, days, key, func(ca *x509.Certificate, der []byte) error { return writeClient(out, ca, der, nil) })
}

// give signs a certificate for a key, has it written, and puts it on the list.
func (a *Authority) give(name string, role Role, days int, key *ecdsa.PublicKey, write func(ca *x509.Certificate, der []byte) error) (e Entry, err error) {
	if err := csr.CheckName(name); err != nil {
		return e, err
	}
	t, err := a.template(name, days, x509.ExtKeyUsageClientAuth)
	if err != nil {
		return e, err
	}
	unlock, err := a.lock()
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	entries, err := a.Entries()
	if err != nil {
		return e, err
	}
	e = Entry{Name: name, Role: role, Key: csr.Fingerprint(key), IssuedAt: a.now().UTC().Truncate(time.Second)}
	if err := e.fits(entries); err != nil {
		return Entry{}, err
	}
	ca, _, err := a.load()
	if err != nil {
		return Entry{}, err
	}
	der, err := a.issue(t, key)
	if err != nil {
		return Entry{}, err
	}
	if err := write(ca, der); err != nil {
		return Entry{}, err
	}
	e.Fingerprint, e.NotAfter = fingerprint(der), t.NotAfter
	return e, a.save(append(entries, e)) // last: what is not on the list opens nothing
}

// fits refuses a name that is in use, and a key that ever was: who lost a key, or had it revoked, makes a new one.
func (e Entry) fits(entries []Entry) error {
	for _, other := range entries {
		if other.Name == e.Name && other.RevokedAt == nil {
			return fault.New(fault.Refused, "name_taken", "coffer-signer cert revoke "+e.Name+", or take another name",
				"there is a certificate with the name %s already", e.Name)
		}
		if other.Key == e.Key {
			return fault.New(fault.Refused, "key_used", "coffer signer request-cert --name "+e.Name+" --out DIR, which makes a new key",
				"the key %s has, or had, the certificate %s: each certificate has a key of its own", e.Key, other.Name)
		}
	}
	return nil
}

// writeClient writes what a client needs. key is nil if the client has it.
func writeClient(out string, ca *x509.Certificate, der []byte, key *ecdsa.PrivateKey) error {
	if err := vault.MakeHome(out); err != nil {
		return err
	}
	cert := filepath.Join(out, ClientCert)
	names := []string{ClientCert, ClientCA}
	if key != nil {
		names = append(names, ClientKey)
	}
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(out, name)); err == nil {
			return fault.New(fault.Refused, "file_exists", "name another folder with --out", "%s is there already", filepath.Join(out, name))
		}
	}
	var err error
	if key != nil {
		err = writePair(cert, filepath.Join(out, ClientKey), der, key)
	} else {
		err = writePEM(cert, "CERTIFICATE", der)
	}
	return errors.Join(err, writePEM(filepath.Join(out, ClientCA), "CERTIFICATE", ca.Raw))
}

// mostDays is how long a certificate lasts at most.
const mostDays = 3650

// template is a certificate that is not signed yet.
func (a *Authority) template(name string, days int, use x509.ExtKeyUsage) (*x509.Certificate, error) {
	if days < 1 || days > mostDays {
		return nil, fault.New(fault.Usage, "bad_days", "--days 365", "%d days: a certificate lasts from 1 day to %d", days, mostDays)
	}
	now := a.now().UTC().Truncate(time.Second)
	return &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, days),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use},
	}, nil
}

// issue has the authority sign a certificate for a key.
func (a *Authority) issue(t *x509.Certificate, key *ecdsa.PublicKey) (der []byte, err error) {
	ca, signer, err := a.load()
	if err != nil {
		return nil, err
	}
	if t.NotAfter.After(ca.NotAfter) {
		t.NotAfter = ca.NotAfter
	}
	if der, err = x509.CreateCertificate(rand.Reader, t, ca, key, signer); err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	return der, nil
}

// load reads the authority.
func (a *Authority) load() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	ca, err := a.root()
	if err != nil {
		return nil, nil, err
	}
	if err := vault.CheckPrivate(a.path(caKey), 0o600); err != nil {
		return nil, nil, err
	}
	key, err := readKey(a.path(caKey))
	if err != nil {
		return nil, nil, err
	}
	if !key.PublicKey.Equal(ca.PublicKey) {
		return nil, nil, fault.New(fault.Refused, "bad_authority", "put back ca.pem and ca.key of one authority", "%s is not the key of %s", a.path(caKey), a.path(caCert))
	}
	return ca, key, nil
}

// root reads the authority's certificate.
func (a *Authority) root() (*x509.Certificate, error) {
	if _, err := os.Lstat(a.path(caCert)); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "no_authority", initHint, "this machine has no certificate authority in %s", a.dir)
	}
	return readCert(a.path(caCert))
}

// lock lets one command at a time change the list.
func (a *Authority) lock() (unlock func() error, err error) {
	if err := vault.CheckPrivate(a.dir, 0o700); err != nil {
		if fault.Code(err) == "no_file" {
			err = fault.New(fault.NotFound, "no_authority", initHint, "this machine has no certificate authority in %s", a.dir)
		}
		return nil, err
	}
	f, err := os.OpenFile(a.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("take %s: %w", a.dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("take %s: %w", a.dir, err), f.Close())
	}
	return f.Close, nil
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return key, nil
}

// serial is a number that no other certificate has (RFC 5280, 4.1.2.2: positive, at most 20 bytes).
func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b)
}

// fingerprint is SHA-256 of a certificate.
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

func goodHost(s string) bool {
	return s != "" && len(s) <= 253 && !strings.HasPrefix(s, "-") && !strings.HasPrefix(s, ".") && !strings.Contains(s, "..") && csr.GoodName(s[:min(len(s), 64)]) &&
		csr.GoodName(s[max(0, len(s)-64):])
}

// writePair writes a certificate and its key, the key first.
func writePair(cert, key string, der []byte, k *ecdsa.PrivateKey) error {
	b, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	if err := writePEM(key, "PRIVATE KEY", b); err != nil {
		return err
	}
	return writePEM(cert, "CERTIFICATE", der)
}

// writePEM writes a file that must not exist.
func writePEM(path, kind string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = pem.Encode(f, &pem.Block{Type: kind, Bytes: b})
	if err := errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func readPEM(path, kind string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	b, rest := pem.Decode(text)
	if b == nil || b.Type != kind || strings.TrimSpace(string(rest)) != "" {
		return nil, fault.New(fault.Refused, "bad_certificate", "put back what coffer-signer wrote", "%s is not one PEM block of type %s", path, kind)
	}
	return b.Bytes, nil
}

func readCert(path string) (*x509.Certificate, error) {
	der, err := readPEM(path, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fault.Wrap(err, fault.Refused, "bad_certificate", "put back what coffer-signer wrote", "read %s", path)
	}
	return c, nil
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	b, err := readPEM(path, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(b)
	key, ok := k.(*ecdsa.PrivateKey)
	if err != nil || !ok { // what err says could hold bytes of the key
		return nil, fault.New(fault.Refused, "bad_key", "put back what coffer-signer wrote", "%s is no ECDSA key", path)
	}
	return key, nil
}
