package bip39

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestTheWordListIsTheOfficialOne(t *testing.T) {
	const official = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda" // of bitcoin/bips bip-0039/english.txt
	if sum := sha256.Sum256([]byte(english)); hex.EncodeToString(sum[:]) != official {
		t.Errorf("english.txt has SHA-256 %x", sum)
	}
	if len(list) != 2048 || !slices.IsSorted(list) {
		t.Errorf("%d words, sorted: %v", len(list), slices.IsSorted(list))
	}
}

func TestTheVectorsOfBIP39(t *testing.T) {
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct{ Entropy, Mnemonic, Seed string }
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	for _, v := range file.Vectors {
		entropy, err := hex.DecodeString(v.Entropy)
		if err != nil {
			t.Fatal(err)
		}
		words, err := Words(entropy)
		if err != nil || strings.Join(words, " ") != v.Mnemonic {
			t.Errorf("words of %s: %v, %v", v.Entropy, words, err)
		}
		seed, err := Seed(words, "TREZOR")
		if err != nil || hex.EncodeToString(seed) != v.Seed {
			t.Errorf("seed of %s: %x, %v", v.Entropy, seed, err)
		}
	}
	if len(file.Vectors) != 24 {
		t.Errorf("%d vectors instead of 24", len(file.Vectors))
	}
	t.Logf("BIP-39: %d vectors", len(file.Vectors))
}

func TestGeneratedWordsAreValidAndNew(t *testing.T) {
	a, b := Generate(), Generate()
	if len(a) != 24 || Check(a) != nil || slices.Equal(a, b) {
		t.Errorf("%d words, check %v, equal to the next: %v", len(a), Check(a), slices.Equal(a, b))
	}
}

func TestWrongWordsAreNamedByPositionOnly(t *testing.T) {
	valid := strings.Fields("legal winner thank year wave sausage worth useful legal winner thank yellow")
	for name, c := range map[string]struct {
		change func([]string) []string
		want   string
	}{
		"unknown word":   {func(w []string) []string { w[4] = "waves"; return w }, "word 5 is not in"},
		"wrong checksum": {func(w []string) []string { w[0], w[1] = w[1], w[0]; return w }, "checksum"},
		"too few":        {func(w []string) []string { return w[:11] }, "11 words"},
	} {
		words := c.change(slices.Clone(valid))
		err := Check(words)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, w := range []string{"waves", "legal", "winner", "sausage"} {
			if strings.Contains(err.Error(), w) {
				t.Errorf("%s: the error shows a word: %v", name, err)
			}
		}
	}
	if _, err := Seed([]string{"abandon"}, ""); err == nil {
		t.Error("a seed was made from one word")
	}
}
