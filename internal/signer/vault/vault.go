// Package vault keeps what the signing machine must never lose and never show: the words that every key comes from, and its
// identity key. They lie in one file, sealed with a passphrase (age, scrypt).
//
// The words recover every key. The identity key is this machine's own: its fingerprint is `device` in coffer's registry.
package vault

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"filippo.io/age"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/bip39"
)

// FileName is the vault's file in the signing machine's home.
const FileName = "vault.age"

// format is the version of the sealed content.
const format = 1

// Options are what tests may choose otherwise.
type Options struct {
	// WorkFactor is scrypt's, as a power of two. 0: 18, about a second to open, which is what a guess costs.
	WorkFactor int
}

// Vault is an open vault. It never prints what it holds.
type Vault struct {
	seed     []byte
	identity ed25519.PrivateKey
}

// content is what is sealed.
type content struct {
	Format   int      `json:"format"`
	Words    []string `json:"words"`
	Identity []byte   `json:"identity"` // ed25519 seed
}

// Create makes the home with a new vault. words nil means new ones: they are returned, to be written down by a person; there
// is no other way to ever see them. An existing vault is refused: its keys may hold money.
func Create(dir string, words []string, passphrase []byte, o Options) ([]string, error) {
	path := filepath.Join(dir, FileName)
	if _, err := os.Lstat(path); err == nil {
		return nil, fault.New(fault.Refused, "vault_exists", "coffer-signer serve --passphrase-file FILE", "%s holds a signing machine's keys already", dir)
	}
	if words == nil {
		words = bip39.Generate()
	} else if err := bip39.Check(words); err != nil {
		return nil, err
	}
	if len(passphrase) == 0 {
		return nil, emptyPassphrase()
	}
	identity := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(identity) // never fails: crypto/rand ends the process first
	defer clear(identity)
	plain, err := json.Marshal(content{format, words, identity})
	if err != nil {
		return nil, fmt.Errorf("write the vault: %w", err)
	}
	defer clear(plain)
	sealed, err := seal(plain, passphrase, o)
	if err != nil {
		return nil, fmt.Errorf("seal the vault: %w", err)
	}
	if err := MakeHome(dir); err != nil {
		return nil, err
	}
	if err := writeOnce(path, sealed); err != nil {
		return nil, err
	}
	return words, nil
}

// Open unseals the vault. A wrong passphrase is told before anything is derived.
func Open(dir string, passphrase []byte, _ Options) (*Vault, error) {
	path := filepath.Join(dir, FileName)
	if err := CheckPrivate(dir, 0o700); err != nil {
		return nil, err
	}
	if err := CheckPrivate(path, 0o600); err != nil {
		return nil, err
	}
	sealed, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the vault: %w", err)
	}
	plain, err := unseal(sealed, passphrase)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	var c content
	if err := json.Unmarshal(plain, &c); err != nil {
		return nil, errors.New("the vault's content cannot be read")
	}
	defer clear(c.Identity)
	if c.Format != format || len(c.Identity) != ed25519.SeedSize {
		return nil, fault.New(fault.Refused, "vault_format", "use the version of coffer-signer that wrote it", "the vault has format %d, this program knows %d", c.Format, format)
	}
	seed, err := bip39.Seed(c.Words, "")
	if err != nil {
		return nil, err
	}
	return &Vault{seed: seed, identity: ed25519.NewKeyFromSeed(c.Identity)}, nil
}

// Seed is the seed that keys are derived from. It is the vault's own memory: not to be kept or changed.
func (v *Vault) Seed() []byte { return v.seed }

// Identity is the machine's own key.
func (v *Vault) Identity() ed25519.PrivateKey { return v.identity }

// Device is the fingerprint of the identity key, written like that of an SSH key: "SHA256:" and base64 without padding.
func (v *Vault) Device() string {
	sum := sha256.Sum256(v.identity.Public().(ed25519.PublicKey))
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// Close zeroes what the vault holds. It is of no use afterwards.
func (v *Vault) Close() {
	clear(v.seed)
	clear(v.identity)
}

const hidden = "[secret]"

// String, GoString, Format and LogValue hide the content, however a vault comes to be printed.
func (v *Vault) String() string             { return hidden }
func (v *Vault) GoString() string           { return hidden }
func (v *Vault) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, hidden) }
func (v *Vault) LogValue() slog.Value       { return slog.StringValue(hidden) }

func seal(plain, passphrase []byte, o Options) ([]byte, error) {
	recipient, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, err
	}
	if o.WorkFactor > 0 {
		recipient.SetWorkFactor(o.WorkFactor)
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipient)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func unseal(sealed, passphrase []byte) ([]byte, error) {
	identity, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, emptyPassphrase()
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), identity)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return nil, fault.New(fault.NotAllowed, "wrong_passphrase", "check the passphrase file", "the passphrase does not open the vault")
	}
	if err != nil {
		return nil, fmt.Errorf("unseal the vault: %w", err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unseal the vault: %w", err)
	}
	return slices.Clip(plain), nil
}

// Exists says whether dir holds a vault.
func Exists(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, FileName))
	return !errors.Is(err, fs.ErrNotExist)
}
