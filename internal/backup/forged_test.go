package backup_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"filippo.io/age"

	"coffer.internal/internal/backup"
	"coffer.internal/internal/fault"
)

// part is one entry of an archive.
type part struct {
	name string
	text []byte
}

// unpacked is what lies in a backup.
func (w *world) unpacked(file []byte) (all []part) {
	w.Helper()
	plain, err := age.Decrypt(bytes.NewReader(file), w.identity)
	if err != nil {
		w.Fatal(err)
	}
	zip, err := gzip.NewReader(plain)
	if err != nil {
		w.Fatal(err)
	}
	archive := tar.NewReader(zip)
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			w.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, part{h.Name, text})
	}
}

// packed is a backup as anybody can make one who knows the recipient's public key.
func (w *world) packed(all []part) []byte {
	w.Helper()
	var file bytes.Buffer
	sealed, err := age.Encrypt(&file, w.identity.Recipient())
	if err != nil {
		w.Fatal(err)
	}
	zip := gzip.NewWriter(sealed)
	archive := tar.NewWriter(zip)
	for _, p := range all {
		err = errors.Join(err, archive.WriteHeader(&tar.Header{Name: p.name, Mode: 0o600, Size: int64(len(p.text))}))
		_, wrote := archive.Write(p.text)
		err = errors.Join(err, wrote)
	}
	if err = errors.Join(err, archive.Close(), zip.Close(), sealed.Close()); err != nil {
		w.Fatal(err)
	}
	return file.Bytes()
}

// The seal keeps nobody from making another backup for the same recipients: what is in it must be what the audit key signed.
func TestABackupThatSomebodyElseSealedIsRefused(t *testing.T) {
	w := newWorld(t, onSQLite)
	file, m := w.back(w.db)
	find := func(all []part, name string) int {
		for i, p := range all {
			if strings.HasPrefix(p.name, name) {
				return i
			}
		}
		t.Fatalf("there is no %s", name)
		return 0
	}
	replace := func(name, old, by string) func([]part) []part {
		return func(all []part) []part {
			i := find(all, name)
			if !bytes.Contains(all[i].text, []byte(old)) {
				t.Fatalf("%s has no %s:\n%s", name, old, all[i].text)
			}
			all[i].text = bytes.Replace(all[i].text, []byte(old), []byte(by), 1)
			return all
		}
	}
	drop := func(name string) func([]part) []part {
		return func(all []part) []part { i := find(all, name); return append(all[:i:i], all[i+1:]...) }
	}
	if _, err := w.source(w.packed(w.unpacked(file))).Read(m.Schema, backup.Into{}); err != nil {
		t.Fatalf("packed again as it is: %v", err)
	}
	empty := onSQLite.open(t)
	before := lines(t, empty)
	for name, c := range map[string]struct {
		forge func([]part) []part
		want  string
	}{
		"a row":          {replace("tables/withdrawals/", "0xrecipient", "0xthief"), "backup_altered"},
		"a row is gone":  {replace("tables/wishes/", "]\n[", "]\n#["), "backup_altered"},
		"a part is gone": {drop("tables/attempts/"), "backup_altered"},
		"a part of no table": {func(all []part) []part {
			return append(all[:2:2], append([]part{{"tables/x/000001.ndjson", nil}}, all[2:]...)...)
		}, "backup_altered"},
		"the settings":             {replace("coffer.toml", "coffer:secret", "thief:secret"), "backup_altered"},
		"the settings are gone":    {drop("coffer.toml"), "backup_altered"},
		"the head":                 {replace("head.json", `"host": "here"`, `"host": "there"`), "backup_altered"},
		"a column":                 {replace("head.json", `"chain_type"`, `"chain_typo"`), "backup_altered"},
		"the manifest":             {replace("manifest.json", m.Config, strings.Repeat("0", 64)), "backup_altered"},
		"a cursor in the manifest": {replace("manifest.json", `"nonce": `, `"nonce": 1`), "backup_unsigned"},
		"no manifest":              {drop("manifest.json"), "backup_altered"},
		"no signature":             {drop("manifest.sig"), "backup_altered"},
		"no head":                  {drop("head.json"), "backup_altered"},
		"something after it":       {func(all []part) []part { return append(all, part{"tables/ledger/000001.ndjson", nil}) }, "backup_altered"},
	} {
		_, err := backup.Load(t.Context(), empty, w.source(w.packed(c.forge(w.unpacked(file)))), nil)
		if fault.Code(err) != c.want || !errors.Is(err, fault.Refused) {
			t.Errorf("%s: %s: %v", name, fault.Code(err), err)
		}
	}
	if lines(t, empty) != before {
		t.Error("it changed something")
	}
}
