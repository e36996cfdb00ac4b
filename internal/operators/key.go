package operators

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"coffer.internal/internal/fault"
)

// algorithms are the keys that an operator may have. Others are either weak (DSA, short RSA) or sign differently with each program.
var algorithms = []string{ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256}

// nameForm is what an operator is called.
var nameForm = regexp.MustCompile(`^[a-z][a-z0-9._-]{0,31}$`)

// CheckName refuses what cannot be the name of an operator.
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return fault.New(fault.Usage, "bad_operator_name", "a lower-case letter, then at most 31 of a-z, 0-9, . _ and -", "%q cannot be the name of an operator", clipped(name))
	}
	return nil
}

// ParseKey reads a public key as it stands in authorized_keys, or in the .pub file that ssh-keygen makes. It gives the form in which it is
// kept (algorithm and base64, no comment) and its fingerprint.
func ParseKey(text string) (kept, fingerprint string, err error) {
	if strings.Contains(text, "PRIVATE KEY") {
		return "", "", fault.New(fault.Usage, "private_key", "give the .pub file beside it", "this is a private key: coffer is given the public one")
	}
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return "", "", fault.New(fault.Usage, "bad_key", "give the line of a .pub file: ssh-keygen -t ed25519 makes a key", "%q is no public key of SSH", clipped(strings.TrimSpace(text)))
	}
	if len(options) > 0 || len(bytes.TrimSpace(rest)) > 0 {
		return "", "", fault.New(fault.Usage, "bad_key", "give one line: algorithm, base64, and a comment if you like", "there is more than one public key in it, or options before it")
	}
	if !slices.Contains(algorithms, key.Type()) {
		return "", "", fault.New(fault.Usage, "key_kind", "ssh-keygen -t ed25519, or -t ed25519-sk for a security key", "a key of type %s is not taken; these are: %s",
			key.Type(), strings.Join(algorithms, ", "))
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), ssh.FingerprintSHA256(key), nil
}

// parse reads a kept key.
func parse(kept string) (ssh.PublicKey, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(kept))
	if err != nil {
		return nil, fmt.Errorf("an operator's key cannot be read: %w", err)
	}
	return key, nil
}
