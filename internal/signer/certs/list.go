package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/vault"
)

// Entry is a certificate that was given out.
type Entry struct {
	Name        string     `json:"name"`
	Role        Role       `json:"role"`
	Fingerprint string     `json:"fingerprint"` // SHA-256 of the certificate
	Key         string     `json:"key"`         // csr.Fingerprint of its key; empty: it was given out before that was kept
	IssuedAt    time.Time  `json:"issued_at"`
	NotAfter    time.Time  `json:"not_after"`
	RevokedAt   *time.Time `json:"revoked_at"` // null: it is not
}

// list is the file.
type list struct {
	Version int     `json:"version"`
	Clients []Entry `json:"clients"`
}

// Entries are all that were given out, oldest first.
func (a *Authority) Entries() ([]Entry, error) {
	path := a.path(listFile)
	if _, err := a.root(); err != nil {
		return nil, err
	}
	if err := vault.CheckPrivate(path, 0o600); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var l list
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil || l.Version != 1 {
		return nil, fault.Wrap(err, fault.Refused, "bad_list", "put back the file that coffer-signer wrote", "%s is no list of certificates of version 1", path)
	}
	return l.Clients, nil
}

// save writes the list, whole or not at all. Whoever calls it has the lock.
func (a *Authority) save(entries []Entry) error {
	if entries == nil {
		entries = []Entry{}
	}
	text, err := json.MarshalIndent(list{1, entries}, "", "  ")
	if err != nil {
		return fmt.Errorf("write the list of certificates: %w", err)
	}
	temp, err := os.CreateTemp(a.dir, ".list-*") // 0600
	if err != nil {
		return fmt.Errorf("write the list of certificates: %w", err)
	}
	_, err = temp.Write(append(text, '\n'))
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), a.path(listFile))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the list of certificates: %w", err), os.Remove(temp.Name()))
	}
	return syncDir(a.dir)
}

// Revoke takes a certificate its right to connect, at once and for ever.
func (a *Authority) Revoke(name string) (e Entry, already bool, err error) {
	unlock, err := a.lock()
	if err != nil {
		return e, false, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	entries, err := a.Entries()
	if err != nil {
		return e, false, err
	}
	last := -1
	for i, e := range entries {
		if e.Name == name {
			last = i
		}
	}
	if last < 0 {
		return e, false, fault.New(fault.NotFound, "no_such_certificate", "coffer-signer cert list", "no certificate has the name %q", name)
	}
	if entries[last].RevokedAt != nil {
		return entries[last], true, nil
	}
	now := a.now().UTC().Truncate(time.Second)
	entries[last].RevokedAt = &now
	return entries[last], false, a.save(entries)
}

// Doorman says who a certificate is. It notices when the list changes.
type Doorman struct {
	authority *Authority

	mu      sync.Mutex
	seen    os.FileInfo // the file that the entries are from
	entries map[string]Entry
}

// Who says who shows a certificate whose chain is verified, or why they are not let in (fault.NotAllowed).
func (d *Doorman) Who(c *x509.Certificate) (Entry, error) {
	entries, err := d.current()
	if err != nil {
		return Entry{}, fault.Wrap(err, fault.NotAllowed, "bad_list", "coffer-signer cert list", "who may connect cannot be read")
	}
	e, ok := entries[fingerprint(c.Raw)]
	switch now := d.authority.now(); {
	case !ok:
		return Entry{Name: c.Subject.CommonName}, fault.New(fault.NotAllowed, "certificate_not_pinned", "coffer-signer cert list",
			"the certificate %q is not on this machine's list", c.Subject.CommonName)
	case e.RevokedAt != nil:
		return e, fault.New(fault.NotAllowed, "certificate_revoked", "coffer-signer cert client --name NAME --role ROLE --out DIR", "the certificate %q is revoked", e.Name)
	case now.After(c.NotAfter) || now.Before(c.NotBefore): // a connection may last longer than its certificate
		return e, fault.New(fault.NotAllowed, "certificate_expired", "coffer-signer cert client --name NAME --role ROLE --out DIR",
			"the certificate %q is valid from %s to %s", e.Name, c.NotBefore.Format(time.RFC3339), c.NotAfter.Format(time.RFC3339))
	}
	return e, nil
}

// current is the list by fingerprint. The file is only read when it is another one than last time: it is never written to in place.
func (d *Doorman) current() (map[string]Entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	st, err := os.Stat(filepath.Join(d.authority.dir, listFile))
	if err != nil {
		return nil, err
	}
	if d.seen != nil && os.SameFile(st, d.seen) && st.ModTime().Equal(d.seen.ModTime()) && st.Size() == d.seen.Size() {
		return d.entries, nil
	}
	entries, err := d.authority.Entries()
	if err != nil {
		return nil, err
	}
	d.seen, d.entries = st, make(map[string]Entry, len(entries))
	for _, e := range entries {
		d.entries[e.Fingerprint] = e
	}
	return d.entries, nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
