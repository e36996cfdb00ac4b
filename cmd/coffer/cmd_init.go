package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/config"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/keyfile"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Make the home, its coffer.toml and the database schema",
		Long: `Makes $COFFER_HOME (else ~/.coffer) with a commented coffer.toml that shows every setting with its
default, the key that seals the audit log, and the schema in the database. It asks nothing. Said twice, it changes nothing. A database of an older
coffer is refused: coffer migrate --apply brings it up to date.`,
		Example: `  coffer init
  COFFER_DB=postgres://coffer@/coffer coffer init`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			home, err := config.Home(a.getenv)
			if err != nil {
				return err
			}
			wrote, err := config.Init(home)
			if err != nil {
				return err
			}
			return a.withDatabase(cmd.Context(), func(c coffer.Config, db store.DB) error {
				if err := refuseOlder(cmd.Context(), db); err != nil {
					return err
				}
				applied, err := db.Migrate(cmd.Context())
				if err != nil {
					return storefault.Of(err, "make the schema")
				}
				if wrote {
					if err := makeAuditKey(c); err != nil {
						return err
					}
				}
				return a.showInit(c, wrote || len(applied) > 0)
			})
		},
	}
}

// makeAuditKey makes the key that a new home seals the audit log with. One that is there stays.
func makeAuditKey(c coffer.Config) error {
	key, err := keyfile.Create(c.Audit.Key)
	clear(key)
	if fault.Code(err) == "file_exists" {
		return nil
	}
	return err
}

// refuseOlder leaves a database that an older coffer made as it is: its daemon may be running, and what changes its schema is said
// by name.
func refuseOlder(ctx context.Context, db store.DB) error {
	all, err := db.Migrations(ctx)
	if err != nil {
		return storefault.Of(err, "read the migrations")
	}
	missing := slices.IndexFunc(all, func(m store.Migration) bool { return !m.Applied })
	if missing <= 0 { // none, or not even the first: an empty database
		return nil
	}
	return fault.New(fault.Refused, "schema_older", "stop the daemon, then coffer migrate --apply",
		"the database is there already, and its schema is older than this program needs: migration %d is not applied", all[missing].Version)
}

func (a *app) showInit(c coffer.Config, fresh bool) error {
	if a.json {
		return a.document(map[string]any{
			"home": c.Home, "database": config.RedactURL(c.Database), "already_initialised": !fresh,
		})
	}
	if !fresh {
		a.say("already initialised: %s", c.Home)
		return nil
	}
	a.say("initialised %s\n", c.Home)
	a.say("Next:")
	for _, next := range a.nextCommands() {
		a.say("  %s", next)
	}
	return nil
}

// nextCommands are the three that follow init, without those that were done already.
func (a *app) nextCommands() []string {
	signerHome := a.getenv("COFFER_SIGNER_HOME")
	if signerHome == "" {
		if dir, err := os.UserHomeDir(); err == nil {
			signerHome = filepath.Join(dir, ".coffer-signer")
		}
	}
	first := "coffer-signer init --passphrase-file FILE     # the signing machine's keys; FILE is yours alone (mode 0600)"
	if _, err := os.Stat(signerHome); !errors.Is(err, os.ErrNotExist) {
		first = "coffer-signer status                          # the signing machine has its keys"
	}
	return []string{
		first,
		"coffer-signer serve --passphrase-file FILE    # in another terminal",
		"coffer create-hot 1 evm                       # a first hot wallet",
	}
}
