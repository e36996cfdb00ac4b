package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/certs/csr"
)

func (a *app) signerRequestCommand() *cobra.Command {
	var name, out string
	c := &cobra.Command{
		Use:   "request-cert --name NAME",
		Short: "Make the key for a signing machine over a network, and ask for its certificate",
		Long: `Makes signer-client.key in coffer's home (or where signer_key in coffer.toml says), mode 0600, and signer-client.csr beside it. Carry the
.csr to the signing machine; the key never leaves this one. There,

  coffer-signer cert sign --csr signer-client.csr --name NAME --role client --out DIR

writes signer-client.pem and signer-ca.pem, which belong here, beside the key. Compare the fingerprint that is printed here with the one
that is printed there. Said again: already made.

For the next certificate name a new folder with --out, and put its files over the old ones when the certificate is there: each certificate
has a key of its own.`,
		Example: "  coffer signer request-cert --name coffer-1\n  coffer signer request-cert --name coffer-1-2027 --out next",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if name == "" {
				return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "--name is missing: what the signing machine's log calls this client")
			}
			c, err := a.load()
			if err != nil {
				return err
			}
			f, err := requestFiles(c, out)
			if err != nil {
				return err
			}
			fingerprint, already, err := csr.Make(f, name)
			if err != nil {
				return err
			}
			return a.showRequest(requested{name, f.Key, f.Request, fingerprint, already})
		},
	}
	c.Flags().StringVar(&name, "name", "", "what the signing machine's log calls this client")
	c.Flags().StringVar(&out, "out", "", "folder for key and request, which must be there (default: where coffer looks for the key)")
	return c
}

// requestFiles are where coffer looks for its key and certificate, or files of the same names in a folder.
func requestFiles(c coffer.Config, out string) (csr.Files, error) {
	key, cert := c.SignerFiles.Key, c.SignerFiles.Cert
	if out != "" {
		dir, err := filepath.Abs(out)
		if err != nil {
			return csr.Files{}, err
		}
		key, cert = filepath.Join(dir, filepath.Base(key)), filepath.Join(dir, filepath.Base(cert))
	}
	return csr.Files{Key: key, Request: strings.TrimSuffix(key, filepath.Ext(key)) + ".csr", Cert: cert}, nil
}

// requested is what the command prints.
type requested struct {
	Name        string `json:"name"`
	KeyFile     string `json:"key_file"`
	CSR         string `json:"csr"`
	Key         string `json:"key"` // fingerprint
	AlreadyMade bool   `json:"already_made"`
}

func (a *app) showRequest(r requested) error {
	if a.json {
		return a.document(r)
	}
	if r.AlreadyMade {
		a.say("already made")
	} else {
		a.say("made")
	}
	a.say("csr  %s", r.CSR)
	a.say("key  %s", r.Key)
	a.note("next, at the signing machine: coffer-signer cert sign --csr %s --name %s --role client --out DIR", filepath.Base(r.CSR), r.Name)
	return nil
}
