package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/wire"
)

func (a *app) loadCommand() *cobra.Command {
	var req wire.LoadRequest
	var pass passphrase
	c := &cobra.Command{
		Use:   "load FILE",
		Short: "Take over what coffer holds of a machine whose journal is lost or old",
		Long: `FILE is what ` + "`coffer signer export FILE`" + ` wrote: the keys of this machine, or of one with the same words, and all that was asked of
it. Nothing in it is believed: each key is derived again, and all signed bytes must be exactly what their intent says, signed by that
key. What the journal knows stays; if the two cannot both be true, nothing is loaded. What was asked for and has no known answer is
signed exactly as it was asked for, or at the same nonce, or not at all. What was signed in the last day counts in the limits of the
policy, which is to be installed before; payments stay within the fees that they were authorized for. "counted" says what the
counters hold then: see that it can be true, because the times are those of the file.

If the policy names officers, it takes two: the command says first what it would change and what each of them runs, and does it with
their approvals. The machine is frozen by it; coffer-signer unfreeze is the next step.

While the machine is served, it needs no passphrase; otherwise it opens the vault.`,
		Example: `  coffer-signer load export.ndjson --dry-run
  coffer-signer load export.ndjson --approval TOKEN --approval TOKEN`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if req.Path, err = filepath.Abs(args[0]); err != nil {
				return err
			}
			done, err := keepOpened(cmd.Context(), a, &pass, wire.PathLoad, req, signer.Keeping.Load)
			if err != nil {
				return err
			}
			return a.showLoad(args[0], done)
		},
	}
	pass.flags(c)
	approvalFlag(c, &req.Approvals)
	c.Flags().BoolVar(&req.DryRun, "dry-run", false, "only say what would change")
	return c
}

func (a *app) showLoad(file string, l wire.LoadAnswer) error {
	if a.json {
		return a.document(l)
	}
	switch {
	case l.Done:
		a.say("loaded")
	case l.AlreadyLoaded:
		a.say("already loaded")
	default:
		a.say("nothing is changed yet")
	}
	r := l.Load
	for _, f := range [][2]string{
		{"ledger", r.Ledger}, {"device", r.Device}, {"made", r.MadeAt.UTC().Format(time.RFC3339)}, {"keys", change(r.Keys)}, {"signed", change(r.Signed)},
		{"refused", change(r.Refused)}, {"asked", change(r.Asked)}, {"marks", fmt.Sprintf("%d raised", r.Marks.New)},
		{"receipts", fmt.Sprintf("up to %d", r.Receipts)}, {"sha256", l.SHA256},
	} {
		a.say("%-8s  %s", f[0], f[1])
	}
	for _, c := range r.Counted {
		a.say("counted   %s: %s in the hour, %s in the day (fees %s and %s; %d and %d payments)",
			c.Counter, c.HourAmount, c.DayAmount, c.HourFee, c.DayFee, c.HourCount, c.DayCount)
	}
	switch {
	case l.Done:
		a.sayOfficers(l.Officers)
		a.note("the machine is frozen. next: coffer-signer unfreeze")
	case l.AlreadyLoaded:
		a.note("this very file was loaded before: nothing was changed. next, if the machine is frozen: coffer-signer unfreeze")
	case l.OfficersNeeded:
		a.note("to do it, each of two officers runs: %s", l.Command)
		a.note("then: coffer-signer load %s --approval TOKEN --approval TOKEN", file)
	default:
		a.note("to do it: coffer-signer load %s", file)
	}
	return nil
}

func change(c wire.Change) string { return fmt.Sprintf("%d new, %d known", c.New, c.Known) }
