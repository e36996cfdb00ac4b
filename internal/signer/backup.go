package signer

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// A backup is one file, sealed for age recipients: a tar archive with the vault as it is (so a passphrase seals the keys in it as well),
// the policy, the journal as it was at one moment, the manifest with the hash of each, and the identity key's signature over that if the
// machine was served.
const (
	backupFormat  = "coffer-signer-backup-1"
	manifestName  = "manifest.json"
	signatureName = "manifest.sig"
	maxManifest   = 64 << 10
	// backupPrefix begins what is signed of a backup.
	backupPrefix = "coffer-backup-1\x00"
)

// backupParts are the files of a home that a backup holds, in their order. Certificates are made anew; the log of requests is no secret
// and is kept elsewhere by whoever wants to.
var backupParts = []string{vault.FileName, PolicyFile, journal.FileName}

// backupSignature is who signed a manifest.
type backupSignature struct {
	Key       []byte `json:"key"`
	Signature []byte `json:"signature"`
}

// Backup writes a backup of the machine's home. It never overwrites a file.
func (k Keeping) Backup(_ context.Context, req wire.BackupRequest) (a wire.BackupAnswer, err error) {
	recipients, err := ParseRecipients(strings.Join(req.Recipients, "\n"))
	if err != nil {
		return a, err
	}
	temp, err := os.CreateTemp(filepath.Dir(req.Path), ".backup-*")
	if err != nil {
		return a, fault.Wrap(err, nil, "backup_failed", "name a file in a folder that exists and is yours", "write the backup")
	}
	a.Path = req.Path
	err = k.seal(temp, recipients, &a)
	err = errors.Join(err, temp.Chmod(0o600), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Link(temp.Name(), req.Path) // never over a file that is there
	}
	if err = errors.Join(err, os.Remove(temp.Name())); err != nil {
		return wire.BackupAnswer{}, fault.Wrap(err, nil, "backup_failed", "name a file that does not exist yet", "write the backup %s", req.Path)
	}
	return a, nil
}

// ParseRecipients reads age recipients, one a line.
func ParseRecipients(text string) ([]age.Recipient, error) {
	all, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil {
		return nil, fault.Wrap(err, fault.Usage, "bad_recipient", "--recipient age1…, as age-keygen prints it", "read the recipients")
	}
	return all, nil
}

func (k Keeping) seal(w io.Writer, recipients []age.Recipient, a *wire.BackupAnswer) error {
	sealed, err := age.Encrypt(w, recipients...)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(sealed)
	err = k.Journal.Snapshot(func(s journal.Snapshot) error { return k.archive(archive, s, a) })
	return errors.Join(err, archive.Close(), sealed.Close())
}

// archive writes the parts, then what they are.
func (k Keeping) archive(w *tar.Writer, s journal.Snapshot, a *wire.BackupAnswer) error {
	m := wire.Manifest{
		Format: backupFormat, Device: s.Device, MadeAt: k.at(), Version: k.Version, Keys: s.Counts.Keys, Signed: s.Counts.Signed, Refused: s.Counts.Refused,
	}
	for _, name := range backupParts {
		part := wire.Part{Name: name, Size: s.Size}
		write := s.WriteTo
		if name != journal.FileName {
			b, err := os.ReadFile(filepath.Join(k.Journal.Home(), name))
			if errors.Is(err, os.ErrNotExist) && name == PolicyFile {
				continue // a home of before there were policies
			}
			if err != nil {
				return err
			}
			part.Size, write = int64(len(b)), bytes.NewReader(b).WriteTo
		}
		h := sha256.New()
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: part.Size, Format: tar.FormatPAX}); err != nil {
			return err
		}
		if _, err := write(io.MultiWriter(w, h)); err != nil {
			return err
		}
		part.SHA256 = hex.EncodeToString(h.Sum(nil))
		m.Parts = append(m.Parts, part)
	}
	a.Manifest = m
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := addFile(w, manifestName, text); err != nil || k.Machine == nil {
		return err
	}
	return k.signBackup(w, text, a)
}

// signBackup signs a manifest, unless the machine is locked.
func (k Keeping) signBackup(w *tar.Writer, manifest []byte, a *wire.BackupAnswer) error {
	m := k.Machine
	m.using.RLock()
	defer m.using.RUnlock()
	if m.locked.Load() {
		return nil
	}
	sig, err := json.Marshal(backupSignature{m.public, ed25519.Sign(m.vault.Identity(), append([]byte(backupPrefix), manifest...))})
	if err != nil {
		return err
	}
	a.SignedBy = m.device
	return addFile(w, signatureName, sig)
}

func addFile(w *tar.Writer, name string, b []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(b)), Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := w.Write(b)
	return err
}

// ReadBackup opens a backup and checks that it is whole and says the truth about itself. Each part goes to into, if that is not nil; only
// when ReadBackup returns without an error is what went there of any use.
func ReadBackup(r io.Reader, identities []age.Identity, into func(name string, r io.Reader) error) (a wire.BackupAnswer, err error) {
	plain, err := age.Decrypt(r, identities...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return a, fault.New(fault.NotAllowed, "other_recipient", "--identity with the key of a recipient", "the backup is sealed for others than this identity")
	}
	if err != nil {
		return a, badBackup(err)
	}
	if a, err = readArchive(tar.NewReader(plain), into); err != nil {
		return wire.BackupAnswer{}, err
	}
	if _, err := io.Copy(io.Discard, plain); err != nil { // age vouches for the end only at the end
		return wire.BackupAnswer{}, badBackup(err)
	}
	return a, nil
}

func badBackup(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	return fault.Wrap(err, fault.Refused, "bad_backup", "take another backup", "the backup is cut, altered or none")
}

func readArchive(archive *tar.Reader, into func(string, io.Reader) error) (a wire.BackupAnswer, err error) {
	var parts []wire.Part
	var manifest, signature []byte
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return a, badBackup(err)
		}
		switch {
		case h.Name == manifestName && manifest == nil:
			manifest, err = io.ReadAll(io.LimitReader(archive, maxManifest))
		case h.Name == signatureName && signature == nil && manifest != nil:
			signature, err = io.ReadAll(io.LimitReader(archive, maxManifest))
		case manifest == nil && slices.Contains(backupParts, h.Name) && h.Typeflag == tar.TypeReg:
			var p wire.Part
			p, err = readPart(archive, h.Name, into)
			parts = append(parts, p)
		default:
			err = fmt.Errorf("it holds %q, out of place", h.Name)
		}
		if err != nil {
			return a, badBackup(err)
		}
	}
	if err := json.Unmarshal(manifest, &a.Manifest); err != nil {
		return a, badBackup(fmt.Errorf("its manifest: %w", err))
	}
	if a.Manifest.Format != backupFormat {
		return a, badBackup(fmt.Errorf("format %q; this program reads %s", a.Manifest.Format, backupFormat))
	}
	if !slices.Equal(parts, a.Manifest.Parts) {
		return a, badBackup(errors.New("its parts are not those of its manifest"))
	}
	if signature != nil {
		if a.SignedBy, err = signedBy(manifest, signature, a.Manifest.Device); err != nil {
			return a, badBackup(err)
		}
	}
	return a, nil
}

func readPart(r io.Reader, name string, into func(string, io.Reader) error) (wire.Part, error) {
	h := sha256.New()
	n := &counter{}
	tee := io.TeeReader(r, io.MultiWriter(h, n))
	if into != nil {
		if err := into(name, tee); err != nil {
			return wire.Part{}, err
		}
	}
	if _, err := io.Copy(io.Discard, tee); err != nil {
		return wire.Part{}, err
	}
	return wire.Part{Name: name, Size: n.n, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

type counter struct{ n int64 }

func (c *counter) Write(b []byte) (int, error) { c.n += int64(len(b)); return len(b), nil }

// signedBy is the machine that signed a manifest: the one that it is of.
func signedBy(manifest, signature []byte, device string) (string, error) {
	var s backupSignature
	if err := json.Unmarshal(signature, &s); err != nil || len(s.Key) != ed25519.PublicKeySize {
		return "", errors.New("its signature cannot be read")
	}
	if signing.Fingerprint(s.Key) != device || !ed25519.Verify(s.Key, append([]byte(backupPrefix), manifest...), s.Signature) {
		return "", fmt.Errorf("its manifest is not signed by %s", device)
	}
	return device, nil
}
