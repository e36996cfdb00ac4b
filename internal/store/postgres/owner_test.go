package postgres

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres/pgtest"
)

// Whoever migrated gave up the right to delete what is append-only, and no superuser is at hand: it takes the right back for as long as it
// fills an empty ledger, and has it no more afterwards.
func TestTheOwnerOfTheTablesFillsThemWithoutBeingASuperuser(t *testing.T) {
	dsn := pgtest.DSN(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	role := "owner_" + name
	for _, statement := range []string{
		fmt.Sprintf("CREATE ROLE %q LOGIN", role), fmt.Sprintf("ALTER DATABASE %q OWNER TO %q", name, role), fmt.Sprintf("ALTER SCHEMA public OWNER TO %q", role),
	} {
		if err := pgtest.Exec(t.Context(), dsn, statement); err != nil {
			t.Fatal(err)
		}
	}
	u.User = url.User(role)
	d := migrated(t, u.String())
	record := func(subject string) {
		if err := d.Update(t.Context(), func(tx store.Tx) error {
			return tx.Record(t.Context(), []store.AuditRow{{Actor: "me", Action: "a", Subject: subject, Result: store.ResultRefused}})
		}); err != nil {
			t.Fatal(err)
		}
	}
	record("before")
	const id = "00112233445566778899aabbccddeeff"
	err = d.Update(t.Context(), func(tx store.Tx) error {
		return tx.Fill(t.Context(), func(put store.Put) error {
			now, err := tx.Now(t.Context())
			if err != nil {
				return err
			}
			return put(store.Tables()[0], [][]any{{int64(1), id, now}})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := d.Ledger(t.Context()); err != nil || got != id {
		t.Errorf("ledger %s, %v", got, err)
	}
	record("after")
	for _, statement := range []string{"DELETE FROM audit_log", "DELETE FROM ledger", "UPDATE audit_log SET reason = ''"} {
		if err := pgtest.Exec(t.Context(), u.String(), statement); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}
