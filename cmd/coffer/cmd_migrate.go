package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

func (a *app) migrateCommand() *cobra.Command {
	var apply, roles bool
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Show the schema's migrations; with --apply, apply what is missing",
		Long: `Shows every migration that this program knows and whether the database has it. With --apply it applies
what is missing. A database that is newer than this program is refused.

--roles prints the statements that make the database roles of a PostgreSQL ledger, each with the least rights: coffer_viewer,
coffer_auditor, coffer_service, coffer_daemon, coffer_operator and coffer_officer (docs/install.md). With --apply it runs them; say it again after
each migration. A SQLite file has no roles: its owner and mode are what keeps others away, and are checked with each start.`,
		Example: `  coffer migrate
  coffer migrate --apply
  coffer migrate --roles > roles.sql
  coffer migrate --roles --apply`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDatabase(cmd.Context(), func(_ coffer.Config, db store.DB) error {
				if roles {
					return a.roles(cmd.Context(), db, apply)
				}
				if apply {
					if _, err := db.Migrate(cmd.Context()); err != nil {
						return storefault.Of(err, "migrate")
					}
				}
				all, err := db.Migrations(cmd.Context())
				if err != nil {
					return storefault.Of(err, "read the migrations")
				}
				return errors.Join(a.showMigrations(all), a.mindRoles(cmd.Context(), db, apply))
			})
		},
	}
	c.Flags().BoolVar(&apply, "apply", false, "apply what is missing; with --roles, make the roles")
	c.Flags().BoolVar(&roles, "roles", false, "print the statements of the database roles (PostgreSQL)")
	return c
}

// roles prints the statements of the database roles, or runs them.
func (a *app) roles(ctx context.Context, db store.DB, apply bool) error {
	r, ok := db.(store.Roles)
	if !ok {
		return fault.New(fault.Usage, "no_roles", "nothing is to be done: the file's owner and mode are checked with each start",
			"a SQLite database has no roles")
	}
	if apply {
		if err := r.ApplyRoles(ctx); err != nil {
			return storefault.Of(err, "make the database roles")
		}
	}
	switch {
	case a.json:
		return a.document(map[string]any{"roles": r.Roles(), "applied": apply})
	case apply:
		a.say("the roles are there, each with its rights; give them to who connects: GRANT coffer_daemon TO somebody")
	default:
		_, err := io.WriteString(a.stdout, r.Roles())
		return err
	}
	return nil
}

// mindRoles says after a migration that new tables are not open to the roles yet.
func (a *app) mindRoles(ctx context.Context, db store.DB, applied bool) error {
	r, ok := db.(store.Roles)
	if !ok || !applied {
		return nil
	}
	there, err := r.HasRoles(ctx)
	if err == nil && there {
		a.note("if this database has roles of coffer's, bring their rights up to date: coffer migrate --roles --apply")
	}
	return storefault.Of(err, "look for the database roles")
}

func (a *app) showMigrations(all []store.Migration) error {
	type view struct {
		Version   int64   `json:"version"`
		Name      string  `json:"name"`
		Applied   bool    `json:"applied"`
		AppliedAt *string `json:"applied_at"`
	}
	if a.json {
		views := make([]view, len(all))
		for i, m := range all {
			views[i] = view{m.Version, m.Name, m.Applied, stamp(m.At)}
		}
		return a.document(map[string]any{"migrations": views})
	}
	missing := 0
	rows := make([][]string, len(all))
	for i, m := range all {
		rows[i] = []string{number(m.Version), m.Name, moment(m.At)}
		if !m.Applied {
			missing++
		}
	}
	table(a.stdout, []string{"VERSION", "NAME", "APPLIED_AT"}, rows)
	if missing > 0 {
		a.note("%d to apply; do it with: coffer migrate --apply", missing)
	}
	return nil
}
