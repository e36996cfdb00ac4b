package main

import (
	"strings"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/helptext"
	"coffer.internal/internal/operators"
)

func (a *app) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Show what coffer.toml says, and whether an officer signed for it",
		Long: `Shows each setting of the coffer.toml of this home, the digest of all, whether they are in force, since when and by whom, and what
differs from the newest that are. Of a URL that may hold a secret there is scheme and host, and a fingerprint of the rest. What is built
in, and what flags or the environment say over the file, is no part of it.

As long as nobody signed for any settings, every coffer.toml is gone by. From the first coffer config accept on, coffer run, withdraw,
reconcile and sync --from-chain refuse one that is not in force (5), and a daemon whose settings are revoked pays nothing new.`,
		Example: `  coffer config
  coffer config --json`,
		Args: helptext.UnknownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(s *coffer.System) error {
				r, err := s.Settings(cmd.Context())
				if err != nil {
					return err
				}
				return a.showConfig(r)
			})
		},
	}
	c.AddCommand(a.configAcceptCommand(), a.configRevokeCommand(), a.configListCommand())
	return c
}

func (a *app) configAcceptCommand() *cobra.Command {
	var only bool
	var reason string
	c := &cobra.Command{
		Use:   "accept",
		Short: "Sign for what coffer.toml says now",
		Long: `Puts what the coffer.toml of this home says in force, in this ledger. An officer signs for its digest and for what coffer config shows of
it, and from the second officer on another one has to approve: he sees each setting that differs. Comments, white space and the order
of keys may change afterwards; any value may not.

Machines may have different files: each is accepted for itself, and all stay in force. With --only, all others are revoked in the same
act. Once something was accepted, a daemon on a machine whose file was not will not start.`,
		Example: `  coffer config accept --reason "a third node for Ethereum"
  coffer config accept --only --reason "all machines have the new file"`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.acceptConfig(cmd, only, reason)
		},
	}
	c.Flags().BoolVar(&only, "only", false, "revoke all other settings in the same act")
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	return c
}

// acceptConfig has the settings of this home accepted. What is so already needs nobody's signature.
func (a *app) acceptConfig(cmd *cobra.Command, only bool, reason string) error {
	return a.with(cmd.Context(), func(s *coffer.System) error {
		ctx := cmd.Context()
		all, err := s.AcceptedSettings(ctx)
		if err != nil {
			return err
		}
		act := s.AcceptanceOf(only)
		good := goodSettings(all)
		mine := settingsWith(good, act.Settings)
		if len(mine) == 1 && (!only || len(good) == 1) {
			return a.showSettled(act, coffer.SettingsDone{Settings: mine[0], Already: true})
		}
		done, err := s.Do(ctx, act, a.by(reason))
		return a.showDone(ctx, s, act, done, err)
	})
}

func (a *app) configRevokeCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "revoke DIGEST",
		Short: "Take settings out of force",
		Long: `From then on nothing starts by them. A daemon that runs by them raises an alarm and pays nothing new: it binds, asks for, signs, sends and
replaces nothing, and follows what is out, until they are accepted again. DIGEST may be the beginning of one, as long as no other one
begins so. An officer signs, and from the second one on another has to approve.

Not found (3): no settings in force begin so.`,
		Example: `  coffer config revoke 3f0a12 --reason "that machine is gone"`,
		Args:    exactly("DIGEST"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.revokeConfig(cmd, args[0], reason)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	return c
}

func (a *app) revokeConfig(cmd *cobra.Command, beginning, reason string) error {
	return a.with(cmd.Context(), func(s *coffer.System) error {
		ctx := cmd.Context()
		all, err := s.AcceptedSettings(ctx)
		if err != nil {
			return err
		}
		act := coffer.Act{Verb: operators.ConfigRevoke, Settings: beginning}
		switch found := settingsWith(goodSettings(all), beginning); {
		case len(found) > 1:
			return fault.New(fault.Usage, "which_settings", "coffer config list shows them whole", "%d settings begin with %q", len(found), beginning)
		case len(found) == 1:
			act.Settings = found[0].Digest
		}
		done, err := s.Do(ctx, act, a.by(reason))
		return a.showDone(ctx, s, act, done, err)
	})
}

// goodSettings are those in force.
func goodSettings(all []coffer.Settings) (good []coffer.Settings) {
	for _, x := range all {
		if x.RevokedAt.IsZero() {
			good = append(good, x)
		}
	}
	return good
}

// settingsWith are those whose digest begins so; of nothing none does.
func settingsWith(all []coffer.Settings, beginning string) (found []coffer.Settings) {
	for _, x := range all {
		if beginning != "" && strings.HasPrefix(x.Digest, beginning) {
			found = append(found, x)
		}
	}
	return found
}

func (a *app) configListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "Show which settings are in force, and which were",
		Long:    `Lists all settings that were ever accepted, oldest first, with who signed for them. With --json it shows what they say, too.`,
		Example: `  coffer config list`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(s *coffer.System) error {
				all, err := s.AcceptedSettings(cmd.Context())
				if err != nil {
					return err
				}
				return a.showSettings(all, s.AcceptanceOf(false).Settings)
			})
		},
	}
}
