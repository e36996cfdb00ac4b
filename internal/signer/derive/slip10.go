package derive

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
)

// Ed25519 derives a key of Solana (SLIP-0010). Every step must be hardened: ed25519 has no other.
func Ed25519(seed []byte, path string) (ed25519.PrivateKey, error) {
	steps, err := parse(path)
	if err != nil {
		return nil, err
	}
	node := mac([]byte("ed25519 seed"), seed)
	for _, s := range steps {
		if s < hardened {
			return nil, fmt.Errorf("path %q: SLIP-0010 has only hardened steps for ed25519", path)
		}
		data := binary.BigEndian.AppendUint32(append([]byte{0}, node[:32]...), s)
		child := mac(node[32:], data)
		clear(data)
		clear(node)
		node = child
	}
	defer clear(node)
	return ed25519.NewKeyFromSeed(node[:32]), nil
}

// mac is HMAC-SHA512: key in the first half, chain code in the second.
func mac(key, data []byte) []byte {
	h := hmac.New(sha512.New, key)
	h.Write(data)
	return h.Sum(nil)
}
