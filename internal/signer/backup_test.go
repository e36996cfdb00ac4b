package signer

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

func identity(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// backedUp is a machine with one signature, and its backup.
func backedUp(t *testing.T, id *age.X25519Identity) (m *Machine, from string, sealed []byte) {
	t.Helper()
	m, from = newMachine(t)
	signAll(t, m, payment(from, 0, "p-0"))
	path := filepath.Join(t.TempDir(), "backup.age")
	a, err := m.keeping().Backup(t.Context(), wire.BackupRequest{Path: path, Recipients: []string{id.Recipient().String()}})
	if err != nil || a.Manifest.Signed != 1 || a.SignedBy != m.device {
		t.Fatalf("%+v, %v", a, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	if _, err := m.keeping().Backup(t.Context(), wire.BackupRequest{Path: path, Recipients: []string{id.Recipient().String()}}); fault.Code(err) != "backup_failed" {
		t.Errorf("over a backup that is there: %v", err)
	}
	if sealed, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return m, from, sealed
}

func TestARestoredMachineIsFrozenAndKnowsWhatItSigned(t *testing.T) {
	id := identity(t)
	m, from, sealed := backedUp(t, id)
	first := signAll(t, m, payment(from, 0, "p-0"))[0]
	signAll(t, m, payment(from, 1, "p-1")) // after the backup
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "home")
	a, err := Restore(t.Context(), home, bytes.NewReader(sealed), []age.Identity{id}, "ops", noon)
	if err != nil || a.SignedBy != m.device {
		t.Fatalf("%+v, %v", a, err)
	}
	again := start(t, home)
	defer again.Close()
	if _, err := again.Sign(t.Context(), signing.BatchOf(payment(from, 0, "p-0"))); fault.Code(err) != "frozen" {
		t.Errorf("it is not frozen: %v", err)
	}
	unfreeze(t, again)
	if got := signAll(t, again, payment(from, 0, "p-0"))[0]; !bytes.Equal(got.Raw, first.Raw) || !bytes.Equal(got.Receipt.Signature, first.Receipt.Signature) {
		t.Error("it answers otherwise than before")
	}
}

func TestABackupThatIsNotWholeOrForOthersIsRefusedAndNothingIsWritten(t *testing.T) {
	id := identity(t)
	_, _, sealed := backedUp(t, id)
	bent := bytes.Clone(sealed)
	bent[len(bent)/2] ^= 1
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		backup []byte
		id     age.Identity
		home   string
		code   string
	}{
		"cut":            {sealed[:len(sealed)-40], id, "", "bad_backup"},
		"cut in half":    {sealed[:len(sealed)/2], id, "", "bad_backup"},
		"altered":        {bent, id, "", "bad_backup"},
		"for another":    {sealed, identity(t), "", "other_recipient"},
		"no backup":      {[]byte("x"), id, "", "bad_backup"},
		"empty":          {nil, id, "", "bad_backup"},
		"a home in use":  {sealed, id, full, "home_in_use"},
		"another format": {resealed(t, id, `{"format":"x"}`), id, "", "bad_backup"},
		"no vault":       {resealed(t, id, `{"format":"coffer-signer-backup-1"}`), id, "", "bad_backup"},
		"a part more":    {resealed(t, id, `{"format":"coffer-signer-backup-1","parts":[{"name":"vault.age","size":1,"sha256":"00"}]}`), id, "", "bad_backup"},
		"another part":   {bentPart(t, id, sealed, vault.FileName), id, "", "bad_backup"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			home := c.home
			if home == "" {
				home = filepath.Join(dir, "home")
			}
			if _, err := Restore(t.Context(), home, bytes.NewReader(c.backup), []age.Identity{c.id}, "ops", time.Now()); fault.Code(err) != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
			if there, err := os.ReadDir(dir); err != nil || len(there) > 0 {
				t.Errorf("left behind: %v, %v", there, err)
			}
		})
	}
}

// bentPart is a backup with a part that was changed, and without its signature, by somebody who could open it.
func bentPart(t *testing.T, id *age.X25519Identity, sealed []byte, part string) []byte {
	t.Helper()
	plain, err := age.Decrypt(bytes.NewReader(sealed), id)
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		switch h.Name {
		case signatureName:
			continue
		case part:
			b[len(b)/2] ^= 1
		}
		if err := addFile(w, h.Name, b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	again, err := age.Encrypt(&out, id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Write(archive.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// resealed is a backup with nothing but a manifest, as anybody can make who knows the recipient.
func resealed(t *testing.T, id *age.X25519Identity, manifest string) []byte {
	t.Helper()
	var out, archive bytes.Buffer
	w := tar.NewWriter(&archive)
	err := addFile(w, manifestName, []byte(manifest))
	if err == nil {
		err = w.Close()
	}
	sealed, errSeal := age.Encrypt(&out, id.Recipient())
	if errSeal != nil || err != nil {
		t.Fatal(err, errSeal)
	}
	if _, err := sealed.Write(archive.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := sealed.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
