package main

import (
	"crypto/ed25519"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/keyfile"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/vault"
)

// serviceFile is the key of the withdrawal service in coffer's home, where coffer looks for it.
const serviceFile = "service.key"

// serviceKey says whose authorizations the default policy wants.
type serviceKey struct {
	from string // a file, or the public key itself; empty: serviceFile
	none bool
}

func (k *serviceKey) flags(c *cobra.Command) {
	c.Flags().StringVar(&k.from, "service-key", "", "the withdrawal service's key: a PEM file or ed25519:BASE64 (default: service.key in $COFFER_HOME)")
	c.Flags().BoolVar(&k.none, "no-service-key", false, "no service authorizes anything: the policy permits no payment until you write one")
	c.MarkFlagsMutuallyExclusive("service-key", "no-service-key")
}

// service is the public half of the service's key, and where it comes from. The default one is made if it is not there; of one that is,
// nothing but the public half is taken.
func (a *app) service(k serviceKey) (from string, key ed25519.PublicKey, err error) {
	switch {
	case k.none:
		return "", nil, nil
	case strings.HasPrefix(k.from, "ed25519:"):
		key, why := policy.ReadKey(k.from)
		if why != "" {
			return "", nil, fault.New(fault.Usage, "bad_key", "--service-key FILE takes a PEM file", "--service-key %s", why)
		}
		return k.from, key, nil
	case k.from != "":
		key, err = keyfile.Public(k.from)
		return k.from, key, err
	}
	home, err := a.folder("COFFER_HOME", ".coffer")
	if err != nil {
		return "", nil, err
	}
	path := filepath.Join(home, serviceFile)
	key, err = keyfile.Public(path)
	if fault.Code(err) != "no_file" {
		return path, key, err
	}
	if err := vault.MakeHome(home); err != nil { // coffer init may come later
		return "", nil, err
	}
	private, err := keyfile.Create(path)
	if err != nil {
		return "", nil, err
	}
	defer clear(private)
	return path, append(ed25519.PublicKey(nil), private.Public().(ed25519.PublicKey)...), nil
}
