package config_test

import (
	"strings"
	"testing"

	"coffer.internal/internal/config"
	"coffer.internal/internal/fault"
)

func TestAURLIsShownWithoutWhatMayBeSecret(t *testing.T) {
	for in, want := range map[string]string{
		"http://127.0.0.1:8545":                           "http://127.0.0.1:8545",
		"http://127.0.0.1:8545/":                          "http://127.0.0.1:8545",
		"https://mainnet.infura.io/v3/5ec12e7":            "https://mainnet.infura.io/…",
		"https://node.example?apikey=5ec12e7":             "https://node.example?…",
		"wss://user:5ec12e7@node.example/ws?k=5ec12e7":    "wss://…@node.example/…?…",
		"https://5ec12e7@node.example":                    "https://…@node.example",
		"https://node.example#5ec12e7":                    "https://node.example",
		"postgres://coffer:5ec12e7@db.example/coffer":     "postgres://coffer@db.example/coffer",
		"postgres://coffer@db.example/c?password=5ec12e7": "postgres://coffer@db.example/c?…",
		"postgres://coffer:5ec/12e7@db.example/coffer":    "postgres:…",
		"postgres://coffer:12/5ec12e7@db.example/coffer":  "postgres:…",
		"postgres://coffer:12?5ec12e7@db.example/coffer":  "postgres:…",
		"postgres://coffer:12#5ec12e7@db.example/coffer":  "postgres:…",
		"postgres://coffer:5ec%zz12e7@db.example/coffer":  "postgres:…",
		"postgres:///coffer?host=/run/pg":                 "postgres:///coffer?…",
		"sqlite:/home/a/.coffer/coffer.db":                "sqlite:/home/a/.coffer/coffer.db",
		"unix:/run/signer.sock":                           "unix:/run/signer.sock",
		"host=db user=coffer password=5ec12e7":            "…",
		"host=db password=5ec12e7 options='a:b'":          "…",
		"mysql:5ec12e7":                                   "mysql:…",
		"":                                                "…",
	} {
		if got := config.RedactURL(in); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
}

func TestNoErrorShowsASecretOfAURL(t *testing.T) {
	const secret = "5ec12e7"
	for _, text := range []string{
		`database = "postgres://coffer:` + secret + `@[bad/coffer"`,
		`database = "mysql://coffer:` + secret + `@db/coffer"`,
		`database = ["postgres://coffer:` + secret + `@db/coffer"]`,
		`database = "postgres://coffer:` + secret + `@db/coffer`,
		`databse = "postgres://coffer:` + secret + `@db/coffer"`,
		`pool_size = "postgres://coffer:` + secret + `@db/coffer"`,
		`signer = "https://user:` + secret + `@host:1"`,
		"[chain.evm.1]\nrpc = \"https://node.example/v3/" + secret + `"`,
		"[chain.evm.1]\nrpc = [\"https://node.example/v3/" + secret + `", "https://node.example/v3/` + secret + `"]`,
		"[chain.evm.1]\nrpc = [\"ftp://node.example/v3/" + secret + `"]`,
		"[chain.evm.1]\nrpc = [\"wss://node.example/v3/" + secret + `"]`,
		"[chain.evm.1]\nws = [\"https://node.example/v3/" + secret + `"]`,
		"[chain.evm.1]\nws = [\"wss://node.example/v3/" + secret + `"]`,
		"[chain.evm.1]\nws = \"wss://node.example/v3/" + secret + `"`,
		"[chain.evm.1]\nrpc = [\"https://user:" + secret + `@:8545"]`,
		"[chain.evm.1]\nrpc = [\" https://node.example/" + secret + `"]`,
		"[chain.evm.1]\nrpc = [\n  \"https://node.example/" + secret + "\",\n  5,\n]",
	} {
		_, err := config.Load(homeWith(t, text+"\n"), env(), config.Flags{})
		if err == nil {
			t.Errorf("%s was accepted", text)
			continue
		}
		if said := err.Error() + fault.Hint(err); strings.Contains(said, secret) {
			t.Errorf("%s: the secret is shown: %s", text, said)
		}
	}
}
