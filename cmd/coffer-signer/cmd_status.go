package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"coffer.internal/internal/signer/client"
	"coffer.internal/signing"
)

func (a *app) statusCommand() *cobra.Command {
	var addr string
	c := &cobra.Command{
		Use:   "status",
		Short: "Show whether the signing machine answers, and whether it is locked",
		Long: `Asks the process that serves. The device is what stands in coffer's wallets; signed and refused count
intents, released the nonces that were closed by a release.`,
		Example: `  coffer-signer status
  coffer-signer status --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			machine, at, err := a.dial(addr)
			if err != nil {
				return err
			}
			st, err := machine.Status(cmd.Context())
			if err != nil {
				return err
			}
			return a.showStatus(at, st)
		},
	}
	signerFlag(c, &addr)
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

func signerFlag(c *cobra.Command, addr *string) {
	c.Flags().StringVar(addr, "signer", "", "unix:PATH that it listens on (else $COFFER_SIGNER, else signer.sock in $COFFER_HOME)")
}

// dial makes a client of the machine that the flag, the environment or the default names.
func (a *app) dial(addr string) (machine *client.Client, at string, err error) {
	if addr == "" {
		addr = a.getenv("COFFER_SIGNER")
	}
	if addr == "" {
		path, err := a.socket()
		if err != nil {
			return nil, "", err
		}
		addr = "unix:" + path
	}
	machine, err = client.Dial(addr, nil) // which never has anything signed
	return machine, addr, err
}
