package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/certs"
)

func (a *app) certCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cert",
		Short: "Say who may speak to this machine over a network",
		Long: `Over a network both sides show certificates. This machine is its own authority: it makes one for itself and one for
each that may connect, and keeps a list of them with their roles:

  client   coffer: signatures and keys, and all that a reader may
  reader   status, keys, payments and the journal; changes nothing
  officer  status, lock and freeze

What is not on the list does not get in, whoever signed it.`,
		Example: `  coffer-signer cert init
  coffer-signer cert server --host signer.internal --host 10.0.0.5
  coffer-signer cert sign --csr signer-client.csr --name coffer-1 --role client --out coffer-1`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(a.certInit(), a.certServer(), a.certClient(), a.certSign(), a.certList(), a.certRevoke())
	return c
}

// authority is that of the machine's home.
func (a *app) authority() (*certs.Authority, error) {
	home, err := a.home()
	return certs.In(home, time.Now), err
}

func (a *app) certInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Make this machine's certificate authority",
		Long: `Writes certs/ca.pem and certs/ca.key into the machine's home. The key stays there. It lasts ten years. Said again:
already initialised.`,
		Example: "  coffer-signer cert init",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			authority, err := a.authority()
			if err != nil {
				return err
			}
			already, err := authority.Init()
			if err != nil {
				return err
			}
			if a.json {
				return a.document(map[string]any{"already_initialised": already})
			}
			if already {
				a.say("already initialised")
				return nil
			}
			a.say("initialised")
			a.note("next: coffer-signer cert server --host HOST")
			return nil
		},
	}
}

func (a *app) certServer() *cobra.Command {
	var hosts []string
	var days int
	c := &cobra.Command{
		Use:   "server --host HOST...",
		Short: "Make the certificate that this machine shows",
		Long: `For the names and IP addresses that clients connect to. It takes the place of the one before; a machine that serves
takes it at its next start.`,
		Example: "  coffer-signer cert server --host signer.internal --host 10.0.0.5",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			authority, err := a.authority()
			if err != nil {
				return err
			}
			info, err := authority.Server(hosts, days)
			if err != nil {
				return err
			}
			if a.json {
				return a.document(info)
			}
			a.say("fingerprint  %s", info.Fingerprint)
			a.say("valid until  %s", info.NotAfter.Local().Format(time.RFC3339))
			a.note("a machine that serves shows it from its next start on")
			return nil
		},
	}
	c.Flags().StringArrayVar(&hosts, "host", nil, "name or IP address that clients connect to; repeatable")
	daysFlag(c, &days)
	return c
}

// clientFlags are what a certificate for a client is made with.
type clientFlags struct {
	name, role, out string
	days            int
}

func (f *clientFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.name, "name", "", "what the log calls whoever shows it")
	c.Flags().StringVar(&f.role, "role", "", "client, reader or officer")
	c.Flags().StringVar(&f.out, "out", "", "folder for the files, made if it is not there")
	daysFlag(c, &f.days)
}

// check wants all of the flags that have no default.
func (f *clientFlags) check(cmd *cobra.Command, more ...string) (certs.Role, error) {
	for _, needed := range append(more, "name", "role", "out") {
		if !cmd.Flags().Changed(needed) {
			return "", fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "--%s is missing", needed)
		}
	}
	return certs.ParseRole(f.role)
}

func (a *app) certClient() *cobra.Command {
	var f clientFlags
	c := &cobra.Command{
		Use:   "client --name NAME --role client|reader|officer --out DIR",
		Short: "Make a key and a certificate with which somebody may connect",
		Long: `Writes signer-client.pem, signer-client.key and signer-ca.pem into DIR, and puts the certificate on the machine's list.
Carry the three files to where they are used (coffer looks for them in its home), and keep no other copy of the key.
A machine that serves takes it at once.

Better is a key that never leaves the machine where it is used: cert sign.`,
		Example: "  coffer-signer cert client --name coffer-1 --role client --out coffer-1",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			role, err := f.check(cmd)
			if err != nil {
				return err
			}
			authority, err := a.authority()
			if err != nil {
				return err
			}
			e, err := authority.Client(f.name, role, f.days, f.out)
			if err != nil {
				return err
			}
			return a.showGiven(e, f.out, certs.ClientCert, certs.ClientKey, certs.ClientCA)
		},
	}
	f.flags(c)
	return c
}

// showGiven says what was given out, and in which files.
func (a *app) showGiven(e certs.Entry, out string, files ...string) error {
	if a.json {
		return a.document(e)
	}
	a.say("%s may connect as %s until %s", e.Name, e.Role, e.NotAfter.Local().Format(time.RFC3339))
	a.say("key  %s", e.Key)
	a.note("in %s: %s", out, strings.Join(files, ", "))
	return nil
}

func daysFlag(c *cobra.Command, days *int) {
	c.Flags().IntVar(days, "days", 365, "how long it lasts")
}

func (a *app) certList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "Show every certificate that was given out, and whether it opens anything",
		Long:    "Every certificate that was given out, oldest first.",
		Example: "  coffer-signer cert list",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			authority, err := a.authority()
			if err != nil {
				return err
			}
			entries, err := authority.Entries()
			if err != nil {
				return err
			}
			if a.json {
				return a.document(map[string]any{"clients": entries})
			}
			if len(entries) == 0 {
				a.note("none yet: coffer-signer cert client --name NAME --role client --out DIR")
			}
			for _, e := range entries {
				a.say("%-16s  %-8s  %-10s  %s  %s", e.Name, e.Role, certState(e, time.Now()), e.NotAfter.Local().Format(time.RFC3339), e.Fingerprint)
			}
			return nil
		},
	}
}

// certState says whether a certificate opens anything.
func certState(e certs.Entry, now time.Time) string {
	switch {
	case e.RevokedAt != nil:
		return "revoked"
	case now.After(e.NotAfter):
		return "expired"
	}
	return "valid"
}

func (a *app) certRevoke() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME",
		Short: "Take a certificate its right to connect, at once and for ever",
		Long: `A machine that serves refuses it from its next request on, on connections that are open as well. The name is free
for a new certificate after that.`,
		Example: "  coffer-signer cert revoke coffer-1",
		Args:    cobra.MatchAll(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "one NAME is needed, not %d", len(args))
			}
			authority, err := a.authority()
			if err != nil {
				return err
			}
			e, already, err := authority.Revoke(args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.document(map[string]any{"name": e.Name, "role": e.Role, "fingerprint": e.Fingerprint, "revoked_at": e.RevokedAt, "already_revoked": already})
			}
			if already {
				a.say("already revoked")
				return nil
			}
			a.say("revoked")
			return nil
		},
	}
}
