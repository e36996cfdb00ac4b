package main

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"coffer.internal/internal/signer/certs"
	"coffer.internal/internal/signer/client"
	"coffer.internal/signing"
)

func (a *app) statusCommand() *cobra.Command {
	var at machineFlags
	c := &cobra.Command{
		Use:   "status",
		Short: "Show whether the signing machine answers, and whether it is locked",
		Long: `Asks the process that serves. The device is what stands in coffer's wallets; signed and refused count
intents, released the nonces that were closed by a release.`,
		Example: `  coffer-signer status
  coffer-signer status --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			machine, addr, err := a.dial(at)
			if err != nil {
				return err
			}
			st, err := machine.Status(cmd.Context())
			if err != nil {
				return err
			}
			return a.showStatus(addr, st)
		},
	}
	at.flags(c)
	return c
}

func (a *app) showStatus(at string, st signing.Status) error {
	if a.json {
		return a.document(struct {
			Signer string `json:"signer"`
			signing.Status
		}{at, st})
	}
	state := "serving"
	switch {
	case st.Locked:
		state = "locked"
	case st.Frozen != "":
		state = "frozen: " + st.Frozen
	}
	for _, f := range [][2]string{
		{"state", state}, {"device", st.Device}, {"keys", fmt.Sprint(st.Keys)}, {"signed", fmt.Sprint(st.Signed)},
		{"refused", fmt.Sprint(st.Refused)}, {"released", fmt.Sprint(st.Released)}, {"signer", at}, {"version", st.Version},
	} {
		a.say("%-8s  %s", f[0], f[1])
	}
	return nil
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
