package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"coffer.internal"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version",
		Long:    "Prints the version, the revision that it was built from, and the version of Go.",
		Example: "  coffer version",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			revision := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						revision = s.Value
					}
				}
			}
			if a.json {
				return a.document(map[string]string{"version": coffer.Version, "revision": revision, "go": runtime.Version()})
			}
			a.say("coffer %s (revision %s, %s)", coffer.Version, revision, runtime.Version())
			return nil
		},
	}
}
