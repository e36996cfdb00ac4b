package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is what this build calls itself.
const version = "0.1.0"

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version",
		Long:    "Prints the version, the revision that it was built from, and the version of Go.",
		Example: "  coffer-signer version",
		Args:    noArguments,
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
				return a.document(map[string]string{"version": version, "revision": revision, "go": runtime.Version()})
			}
			a.say("coffer-signer %s (revision %s, %s)", version, revision, runtime.Version())
			return nil
		},
	}
}
