package backup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/keyfile"
	"coffer.internal/internal/newfile"
)

const (
	recipientHint = "write age1… (coffer backup key FILE makes one) or ssh-ed25519 AAAA…"
	identityHint  = "name the file that coffer backup key, age-keygen or ssh-keygen -t ed25519 made (without a passphrase)"
)

// ParseRecipients reads who can open a backup: age's own public keys and SSH keys.
func ParseRecipients(all []string) ([]age.Recipient, error) {
	var out []age.Recipient
	for _, text := range all {
		text = strings.TrimSpace(text)
		if strings.HasPrefix(strings.ToUpper(text), "AGE-SECRET-KEY") {
			return nil, fault.New(fault.Usage, "bad_recipient", recipientHint, "that is a secret key: who it is sealed for is named by the public one")
		}
		r, err := parseRecipient(text)
		if err != nil {
			return nil, fault.Wrap(err, fault.Usage, "bad_recipient", recipientHint, "%.100q is no recipient", text)
		}
		out = append(out, r)
	}
	return out, nil
}

func parseRecipient(text string) (age.Recipient, error) {
	if strings.HasPrefix(text, "ssh-ed25519 ") {
		return agessh.ParseRecipient(text)
	}
	return age.ParseX25519Recipient(text)
}

// ReadIdentities reads what opens a backup: a file of age's secret keys, or an SSH key without a passphrase. It must be the user's own and
// closed to everybody else. No error says anything of what stands in it.
func ReadIdentities(path string) ([]age.Identity, error) {
	b, err := keyfile.Secret(path)
	if errors.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "no_file", identityHint, "%s does not exist", path)
	}
	if err != nil {
		return nil, err
	}
	defer clear(b)
	bad := fault.New(fault.Usage, "bad_identity", identityHint, "%s holds no age identity", path)
	if bytes.Contains(b, []byte("-----BEGIN")) {
		id, err := agessh.ParseIdentity(b)
		if err != nil { // which may quote what it read
			return nil, bad
		}
		return []age.Identity{id}, nil
	}
	ids, err := age.ParseIdentities(bytes.NewReader(b))
	if err != nil {
		return nil, bad
	}
	return ids, nil
}

// CreateIdentity makes an age key, writes it to a file that does not exist, and gives its public key.
func CreateIdentity(path string) (string, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	public := id.Recipient().String()
	text := fmt.Appendf(nil, "# public key: %s\n%s\n", public, id)
	defer clear(text)
	return public, newfile.Write(path, text)
}

// intro begins every file of age's.
const intro = "age-encryption.org/v1"

// unsealed is what lies in the seal. It remembers the seal's own error: no decompressor may make another one of it.
type unsealed struct {
	file  *tail
	plain io.Reader
	err   error
}

// unseal opens the seal.
func unseal(r io.Reader, identities []age.Identity) (*unsealed, error) {
	file := &tail{r: bufio.NewReaderSize(r, 64<<10)}
	begin, err := file.r.Peek(len(intro))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, notRead(err)
	}
	if !strings.HasPrefix(intro, string(begin)) {
		return nil, fault.New(fault.Usage, "not_a_backup", "name a file that coffer backup wrote", "the file is no backup: it is not sealed with age")
	}
	u := &unsealed{file: file}
	u.plain, err = age.Decrypt(file, identities...)
	if none := new(age.NoIdentityMatchError); errors.As(err, &none) {
		return nil, fault.New(fault.NotAllowed, "other_recipient", "--identity with the key of a recipient", "the backup is sealed for others than this identity")
	}
	if err != nil {
		u.err = err
		return nil, u.fault()
	}
	return u, nil
}

// Read reads what was sealed.
func (u *unsealed) Read(b []byte) (int, error) {
	n, err := u.plain.Read(b)
	if err != nil && err != io.EOF {
		u.err = err
	}
	return n, err
}

// fault is what the seal's error says about the file. Its last block says the same whether its end is gone or another one.
func (u *unsealed) fault() error {
	switch {
	case u.file.broken != nil:
		return notRead(u.file.broken)
	case u.file.ended:
		return fault.Wrap(u.err, fault.Refused, "backup_cut", another, "the backup ends too early, or its end was altered")
	}
	return fault.Wrap(u.err, fault.Refused, "backup_altered", another, "the backup is not what was written")
}

func notRead(err error) error {
	return fault.Wrap(err, nil, "backup_not_read", "look at the disk that it is on", "the backup cannot be read")
}

const another = "take another copy of it, or another backup"

// tail knows whether the end of a file was reached, and whether it could be read.
type tail struct {
	r      *bufio.Reader
	ended  bool
	broken error
}

// Read reads on.
func (t *tail) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	switch {
	case err == io.EOF:
		t.ended = true
	case err != nil:
		t.broken = err
	}
	return n, err
}

// OpenFile opens a file that is to be read as a backup.
func OpenFile(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "no_file", "check the path", "read the backup")
	}
	return f, nil
}
