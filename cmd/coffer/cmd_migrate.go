package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

func (a *app) migrateCommand() *cobra.Command {
	var apply bool
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Show the schema's migrations; with --apply, apply what is missing",
		Long: `Shows every migration that this program knows and whether the database has it. With --apply it applies
what is missing. A database that is newer than this program is refused.`,
		Example: `  coffer migrate
  coffer migrate --apply`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDatabase(cmd.Context(), func(_ coffer.Config, db store.DB) error {
				if apply {
					if _, err := db.Migrate(cmd.Context()); err != nil {
						return storefault.Of(err, "migrate")
					}
				}
				all, err := db.Migrations(cmd.Context())
				if err != nil {
					return storefault.Of(err, "read the migrations")
				}
				return a.showMigrations(all)
			})
		},
	}
	c.Flags().BoolVar(&apply, "apply", false, "apply what is missing")
	return c
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
