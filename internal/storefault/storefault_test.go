package storefault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

func TestEachErrorOfTheDatabaseHasItsKindExitCodeAndNextStep(t *testing.T) {
	for _, c := range []struct {
		err  error
		code string
		exit int
		hint string
	}{
		{store.ErrUnreachable, "database_unreachable", 6, "COFFER_DB"},
		{store.ErrOutcomeUnknown, "outcome_unknown", 6, "again"},
		{store.ErrConflict, "conflict", 1, "again"},
		{store.ErrStale, "stale", 1, "again"},
		{store.ErrExists, "exists", 1, "again"},
		{store.ErrNoSchema, "no_schema", 1, "coffer init"},
		{store.ErrSchemaNewer, "schema_newer", 4, "coffer version"},
		{store.ErrForbidden, "database_forbids", 5, "coffer migrate --roles"},
		{store.ErrMode, "mode_too_open", 5, "chmod 600"},
		{store.ErrNotEmpty, "not_empty", 4, "coffer migrate"},
		{store.ErrHeld, "held", 4, "another coffer process"},
		{context.Canceled, "interrupted", 1, "again"},
		{context.DeadlineExceeded, "interrupted", 1, "again"},
		{io.ErrUnexpectedEOF, "database_failed", 1, ""},
	} {
		t.Run(c.err.Error(), func(t *testing.T) {
			got := storefault.Of(fmt.Errorf("adapter: %w", c.err), "list the wallets")
			if fault.Code(got) != c.code || fault.Exit(got) != c.exit || !strings.Contains(fault.Hint(got), c.hint) {
				t.Errorf("code %s, exit %d, hint %q; want %s, %d, %q", fault.Code(got), fault.Exit(got), fault.Hint(got), c.code, c.exit, c.hint)
			}
			if !errors.Is(got, c.err) {
				t.Error("the cause is lost")
			}
			if want := "list the wallets: adapter: " + c.err.Error(); got.Error() != want {
				t.Errorf("says %q, want %q", got, want)
			}
		})
	}
}

func TestAnUnknownOutcomeIsNeverToldAsNothingChanged(t *testing.T) {
	err := fmt.Errorf("%w: %w", store.ErrUnreachable, store.ErrOutcomeUnknown)
	if got := fault.Code(storefault.Of(err, "reserve")); got != "outcome_unknown" {
		t.Errorf("code %s", got)
	}
}

func TestNilAndFaultsStayAsTheyAre(t *testing.T) {
	if got := storefault.Of(nil, "anything"); got != nil {
		t.Errorf("nil became %v", got)
	}
	for _, err := range []error{
		fault.New(fault.NotFound, "wallet_not_found", "", "no such wallet"),
		fmt.Errorf("deeper: %w", fault.New(fault.Refused, "x", "", "no")),
	} {
		if got := storefault.Of(err, "anything"); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}
