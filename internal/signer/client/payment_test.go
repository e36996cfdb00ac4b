package client_test

import (
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

func TestAClientIsToldWhereAPaymentStands(t *testing.T) {
	m, addr := serve(t)
	c := dial(t, addr)
	k, err := c.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	asked := payments(k.Address, 3)
	if _, err := c.Sign(t.Context(), signing.BatchOf(asked...)); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{asked[2].Payment, "nobody"} {
		want, err := m.Released(t.Context(), ledger, id)
		if err != nil {
			t.Fatal(err)
		}
		if want.Bound != (id != "nobody") {
			t.Errorf("%s: %+v", id, want)
		}
		got, err := c.Released(t.Context(), ledger, id)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", id, err, diff)
		}
	}
	if s, err := c.Released(t.Context(), "ledger-2", asked[2].Payment); err != nil || s.Bound {
		t.Errorf("another ledger's payment: %+v, %v", s, err)
	}
}

func TestAMachineThatDoesNotKnowARequestIsOfAnEarlierVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	old := &http.Server{Handler: http.NotFoundHandler()}
	served := make(chan error, 1)
	go func() { served <- old.Serve(l) }()
	defer func() { _ = old.Close(); <-served }()
	if _, err := dial(t, "unix:"+path).Released(t.Context(), ledger, "p"); fault.Code(err) != "signer_too_old" {
		t.Errorf("%v", err)
	}
}
