package main

import (
	"cmp"
	"path/filepath"

	"github.com/spf13/cobra"

	"coffer.internal/internal/signer/certs"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/wire"
)

func (a *app) statusCommand() *cobra.Command {
	var at machineFlags
	var keys bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show how the signing machine stands: locked, frozen, policy, limits, log",
		Long: `Asks the process that serves; over a network the role reader is enough. The device is what stands in coffer's wallets, the policy
the hash of the one in force. signed and refused count intents, released the nonces that were closed by a release. Of each ledger it
tells the number of the last receipt and how many answers are journaled; of the log of requests its last line, as
` + "`coffer-signer log verify --head`" + ` takes it; of a second copy whether it follows.

Limits are shown with what of them is used in the running hour and day, in base units; of each scope the ten that are used most. A mark
is the lowest nonce at which anything new is signed. --keys shows every key and every limit, as --json always does.`,
		Example: `  coffer-signer status
  coffer-signer status --keys
  coffer-signer status --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			machine, addr, err := a.dial(at)
			if err != nil {
				return err
			}
			r, err := machine.Report(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.document(struct {
					Signer string `json:"signer"`
					wire.Report
				}{addr, r})
			}
			a.showReport(addr, r, keys)
			return nil
		},
	}
	at.flags(c)
	c.Flags().BoolVar(&keys, "keys", false, "show every key with its marks, and every limit")
	return c
}

// machineFlags say which machine is meant.
type machineFlags struct{ addr, certificates string }

func (m *machineFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&m.addr, "signer", "", "unix:PATH or https://HOST:PORT that it listens on (else $COFFER_SIGNER, else signer.sock in $COFFER_HOME)")
	c.Flags().StringVar(&m.certificates, "certificates", "", "folder that `coffer-signer cert client` wrote, for https:// (else $COFFER_HOME)")
}

// dial makes a client of the machine that the flag, the environment or the default names.
func (a *app) dial(m machineFlags) (machine *client.Client, at string, err error) {
	path, err := a.socket()
	if err != nil {
		return nil, "", err
	}
	at = cmp.Or(m.addr, a.getenv("COFFER_SIGNER"), "unix:"+path)
	dir := cmp.Or(m.certificates, filepath.Dir(path))
	machine, err = client.Dial(at, nil, client.WithCertificates(client.Certificates{ // which never has anything signed
		CA: filepath.Join(dir, certs.ClientCA), Cert: filepath.Join(dir, certs.ClientCert), Key: filepath.Join(dir, certs.ClientKey),
	}))
	return machine, at, err
}
