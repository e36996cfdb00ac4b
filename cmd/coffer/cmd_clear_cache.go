package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/operators"
)

func (a *app) clearCacheCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "clear-cache",
		Short: "Have every running process empty its memory cache",
		Long: `Raises the caches' generation, which every long-lived process obeys by emptying its cache, and waits up to 5
seconds until each said so. If not all did, the others have, and it exits with 7 and names those that did not.
Stale processes (see cache-status) are named and not waited for; one that was killed less than 15 seconds ago
is not known to be stale yet, and counts as one that did not answer.

It is never needed after a change made with coffer: activate, deactivate and the create commands raise the
generation themselves. It is for a database that was changed by hand, and to be sure.`,
		Example: "  coffer clear-cache",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.act(cmd.Context(), coffer.Act{Verb: operators.ClearCache}, "")
		},
	}
}

func (a *app) showCleared(c coffer.CacheCleared) error {
	if a.json {
		return a.document(map[string]any{
			"generation": c.Generation, "acknowledged": len(c.Acknowledged), "asked": c.Asked(),
			"missing": ids(c.Missing), "stale": ids(c.Stale),
		})
	}
	a.say("generation %d: acknowledged %d/%d", c.Generation, len(c.Acknowledged), c.Asked())
	if c.Asked() == 0 {
		a.note("no process is running, so there was no cache to clear")
	}
	for _, i := range c.Stale {
		a.note("not waited for, because it is stale: %s (%s, process %d on %s)", i.ID, i.Kind, i.PID, i.Host)
	}
	return nil
}

func ids(all []coffer.Instance) []string {
	out := make([]string, len(all))
	for i, in := range all {
		out[i] = in.ID
	}
	return out
}
