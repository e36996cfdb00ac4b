// Package keyfile keeps Ed25519 keys that sign authorizations and directives in files: PKCS#8 in PEM (RFC 8410), as
// `openssl genpkey -algorithm ed25519` writes them, and public keys as `openssl pkey -pubout` does.
//
// A private key is read only from a file that nobody but its owner can read. No error says anything of what stands in a file.
package keyfile

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"coffer.internal/internal/fault"
)

const (
	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"

	// maxFile is the size of the longest file that is read, in bytes; a key has about 120.
	maxFile = 16 << 10

	makeOne = "openssl genpkey -algorithm ed25519 -out FILE makes one"
)

// Secret reads a small file that holds a key of another kind, under the same rules as Read.
func Secret(path string) ([]byte, error) {
	b, st, err := read(path)
	if err != nil {
		return nil, err
	}
	if err := checkPrivate(path, st); err != nil {
		clear(b)
		return nil, err
	}
	return b, nil
}

// Read reads a private key. The file must be the user's own and closed to everybody else (0600, 0400); one that is not there is
// fault.NotFound, code no_file.
func Read(path string) (ed25519.PrivateKey, error) {
	b, err := Secret(path)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	return private(path, b)
}

// Public reads a public key: of a file that holds only that, open to whom it may be, or of a private key's file, as Read does.
func Public(path string) (ed25519.PublicKey, error) {
	b, st, err := read(path)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	if block, _ := pem.Decode(b); block != nil && block.Type == publicBlock {
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if key, ok := parsed.(ed25519.PublicKey); err == nil && ok {
			return key, nil
		}
		return nil, notAKey(path)
	}
	if err := checkPrivate(path, st); err != nil {
		return nil, err
	}
	key, err := private(path, b)
	if err != nil {
		return nil, err
	}
	return key.Public().(ed25519.PublicKey), nil
}

// Create makes a key and writes it to a file (0600, whatever the umask), whole and on disk or not at all. A file that is there is never
// written over: fault.Refused, code file_exists.
func Create(path string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	b := pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der})
	defer clear(b)
	defer clear(der)
	err = writeOnce(path, b)
	if errors.Is(err, fs.ErrExist) {
		return nil, fault.New(fault.Refused, "file_exists", "name another file, or move that one away", "%s exists already", path)
	}
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return key, nil
}

// EncodePublic writes a public key as Public reads it.
func EncodePublic(key ed25519.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic("keyfile: every Ed25519 key is encoded: " + err.Error())
	}
	return pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der})
}

func private(path string, b []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(b)
	if block == nil || block.Type != privateBlock {
		return nil, notAKey(path)
	}
	defer clear(block.Bytes)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok { // the parser's error may quote what it read
		return nil, notAKey(path)
	}
	return key, nil
}

func notAKey(path string) error {
	return fault.New(fault.Usage, "bad_key_file", makeOne, "%s is no Ed25519 key in PEM (PKCS#8, not encrypted)", path)
}

// read reads a small regular file and says what it is; both of the same open file, so that nobody exchanges it in between.
func read(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer would be waited for
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fault.New(fault.NotFound, "no_file", "check the path; "+makeOne, "%s does not exist", path)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil, fault.New(fault.NotAllowed, "foreign_file", "run it as the owner", "%s cannot be read by user %d", path, os.Geteuid())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read a key: %w", err)
	}
	b, st, err := contents(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, nil, fmt.Errorf("read a key from %s: %w", path, err)
	}
	if !st.Mode().IsRegular() || len(b) > maxFile {
		return nil, nil, notAKey(path)
	}
	return b, st, nil
}

func contents(f *os.File) ([]byte, fs.FileInfo, error) {
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return nil, st, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	return b, st, err
}

func checkPrivate(path string, st fs.FileInfo) error {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && int(sys.Uid) != os.Geteuid() {
		return fault.New(fault.NotAllowed, "foreign_file", "run it as the owner", "%s belongs to user %d, this is user %d", path, sys.Uid, os.Geteuid())
	}
	if mode := st.Mode().Perm(); mode&0o077 != 0 {
		return fault.New(fault.NotAllowed, "open_file", fmt.Sprintf("chmod 0600 %s", path), "%s has mode %04o: others can read it", path, mode)
	}
	return nil
}

// writeOnce writes a file that must not exist: whole and on disk, or not at all.
func writeOnce(path string, b []byte) error {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, ".key-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(b)
	err = errors.Join(err, temp.Chmod(0o600), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Link(temp.Name(), path) // fails if the file is there, whoever made it
	}
	if err = errors.Join(err, os.Remove(temp.Name())); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
