package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/certs"
	"coffer.internal/internal/signer/certs/csr"
)

func (a *app) certSign() *cobra.Command {
	var f clientFlags
	var request string
	c := &cobra.Command{
		Use:   "sign --csr FILE --name NAME --role client|reader|officer --out DIR",
		Short: "Make a certificate for a key that stays where it is used",
		Long: `FILE is the request that ` + "`coffer signer request-cert --name NAME`" + ` wrote where the key is used, or one that openssl made. This
writes signer-client.pem and signer-ca.pem into DIR, and puts the certificate on the machine's list; carry the two files back. A machine
that serves takes it at once. Compare the fingerprint of the key that is printed here with the one that is printed there, over another
way than the file came: whoever could exchange the file on its way would get the certificate otherwise.

Refused (4): a request that its key did not sign, whose key is not ECDSA on P-256 or had a certificate before, or that asks for anything but
the name CN=NAME: further names, extensions. The role is never the request's to say.`,
		Example: `  coffer-signer cert sign --csr signer-client.csr --name coffer-1 --role client --out coffer-1`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			role, err := f.check(cmd, "csr")
			if err != nil {
				return err
			}
			text, err := readRequest(request)
			if err != nil {
				return err
			}
			authority, err := a.authority()
			if err != nil {
				return err
			}
			e, err := authority.Sign(text, f.name, role, f.days, f.out)
			if err != nil {
				return err
			}
			return a.showGiven(e, f.out, certs.ClientCert, certs.ClientCA)
		},
	}
	c.Flags().StringVar(&request, "csr", "", "file with the request for a certificate (PKCS #10, PEM)")
	f.flags(c)
	return c
}

// readRequest reads a file as far as a request may be long, and a byte more.
func readRequest(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "no_file", "check the path", "read the request for a certificate")
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, csr.MaxFile+1))
	if err != nil {
		return nil, fault.Wrap(err, nil, "no_file", "check the path", "read the request for a certificate")
	}
	return b, nil
}
