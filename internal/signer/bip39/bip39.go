// Package bip39 turns entropy into words and words into a seed, as BIP-39 says, with its English list.
//
// Words are the key to everything: no error of this package contains one.
package bip39

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	_ "embed"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"coffer.internal/internal/fault"
)

//go:embed english.txt
var english string

// list is sorted, as BIP-39 promises.
var list = strings.Fields(english)

// bitsPerWord is how many bits one of the 2048 words stands for.
const bitsPerWord = 11

// Generate makes 24 new words from 256 random bits.
func Generate() []string {
	entropy := make([]byte, 32)
	_, _ = rand.Read(entropy) // never fails: crypto/rand ends the process first
	defer clear(entropy)
	words, err := Words(entropy)
	if err != nil {
		panic("bip39: 32 bytes are a valid length: " + err.Error())
	}
	return words
}

// Words are the words of 16, 20, 24, 28 or 32 bytes of entropy: the entropy, then the first bits of its SHA-256 as a checksum.
func Words(entropy []byte) ([]string, error) {
	if n := len(entropy); n < 16 || n > 32 || n%4 != 0 {
		return nil, fmt.Errorf("entropy of %d bytes; BIP-39 has 16, 20, 24, 28 and 32", n)
	}
	checkBits := uint(len(entropy) / 4)
	sum := sha256.Sum256(entropy)
	n := new(big.Int).SetBytes(entropy)
	n.Lsh(n, checkBits).Or(n, big.NewInt(int64(sum[0]>>(8-checkBits))))
	words := make([]string, (len(entropy)*8+int(checkBits))/bitsPerWord)
	mask := big.NewInt(1<<bitsPerWord - 1)
	for i := range slices.Backward(words) {
		words[i] = list[new(big.Int).And(n, mask).Int64()]
		n.Rsh(n, bitsPerWord)
	}
	return words, nil
}

// Check says whether words are a BIP-39 sentence: 12, 15, 18, 21 or 24 words of the list with a right checksum. Upper case is
// no other word. The error names positions, never words.
func Check(words []string) error {
	if n := len(words); n < 12 || n > 24 || n%3 != 0 {
		return bad("%d words; a recovery sentence has 12, 15, 18, 21 or 24", n)
	}
	n := new(big.Int)
	for i, w := range words {
		index, ok := slices.BinarySearch(list, strings.ToLower(w))
		if !ok {
			return bad("word %d is not in the English list of BIP-39", i+1)
		}
		n.Lsh(n, bitsPerWord).Or(n, big.NewInt(int64(index)))
	}
	checkBits := uint(len(words) / 3)
	entropy := make([]byte, len(words)*4/3)
	defer clear(entropy)
	sum := new(big.Int).And(n, big.NewInt(1<<checkBits-1))
	n.Rsh(n, checkBits).FillBytes(entropy)
	if want := sha256.Sum256(entropy); int64(want[0]>>(8-checkBits)) != sum.Int64() {
		return bad("the checksum of the words is wrong: one of them is another, or two are swapped")
	}
	return nil
}

// Seed is the 64 bytes that keys are derived from: PBKDF2-HMAC-SHA512 over the words, 2048 rounds, salted with "mnemonic" and
// passphrase (BIP-39's own, which has nothing to do with the one that seals the vault; coffer uses none). Words and
// passphrase are ASCII here, so the NFKD normalisation that BIP-39 asks for changes nothing.
func Seed(words []string, passphrase string) ([]byte, error) {
	if err := Check(words); err != nil {
		return nil, err
	}
	sentence := strings.ToLower(strings.Join(words, " "))
	return pbkdf2.Key(sha512.New, sentence, []byte("mnemonic"+passphrase), 2048, 64)
}

func bad(format string, args ...any) error {
	return fault.New(fault.Usage, "bad_words", "compare them with what was written down", format, args...)
}
