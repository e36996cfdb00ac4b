package main

import (
	"strings"

	"github.com/spf13/cobra"

	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/wire"
)

func (a *app) unfreezeCommand() *cobra.Command {
	var req wire.UnfreezeRequest
	c := &cobra.Command{
		Use:   "unfreeze",
		Short: "Let a frozen machine sign again; takes two officers",
		Long: `If the policy in force names officers, two of them approve it: without approvals, the command tells what each of them runs, on a
machine of his own. An approval is for this one freeze: a further reason to be frozen makes it a new one. If the policy names nobody,
the user that the machine runs as may do it alone.

Before that, find out why it was frozen (` + "`coffer-signer status`" + `). A machine that went back, was restored, or was made from words
must be loaded first with what coffer holds (` + "`coffer-signer load`" + `): unfrozen without, it could sign what it has forgotten a second time.`,
		Example: `  coffer-signer unfreeze
  coffer-signer unfreeze --approval TOKEN --approval TOKEN`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			done, err := keep(cmd.Context(), a, wire.PathUnfreeze, req, signer.Keeping.Unfreeze)
			if err != nil {
				return err
			}
			if a.json {
				return a.document(done)
			}
			if done.Freeze == "" {
				a.say("not frozen")
				return nil
			}
			a.say("unfrozen")
			a.say("freeze    %s", done.Freeze)
			a.say("why       %s", done.Why)
			a.sayOfficers(done.Officers)
			return nil
		},
	}
	approvalFlag(c, &req.Approvals)
	return c
}

// sayOfficers says who approved an act, and warns if nobody had to.
func (a *app) sayOfficers(names []string) {
	if len(names) == 0 {
		a.note("WARNING: the policy names no officers, so nobody had to approve this (docs/policy.md)")
		return
	}
	a.say("officers  %s", strings.Join(names, ", "))
}
