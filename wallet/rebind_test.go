package wallet_test

import (
	"errors"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/wallet"
)

// anew makes the machine another device with the same keys, as its words do.
func (m *machine) anew(device string) {
	for at, k := range m.keys {
		k.Device = device
		m.keys[at] = k
	}
}

func (l ledger) hot(ref string) wallet.Wallet {
	l.Helper()
	w, _, err := l.CreateHot(l.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1, Ref: ref})
	if err != nil {
		l.Fatal(err)
	}
	return w
}

func (l ledger) devices() (all []string) {
	l.Helper()
	ws, err := l.List(l.Context(), wallet.Filter{})
	if err != nil {
		l.Fatal(err)
	}
	for _, w := range ws {
		all = append(all, w.Device)
	}
	return all
}

func TestAllWalletsOfADeviceMoveOrNone(t *testing.T) {
	m := &machine{}
	l := newLedger(t, m)
	a, b := l.hot("a"), l.hot("b")
	id, err := l.db.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.anew("device-2")
	at := id + b.Address
	right := m.keys[at]

	for name, c := range map[string]struct {
		bend func()
		code string
	}{
		"a key that is not there":   {func() { delete(m.keys, at) }, "key_not_there"},
		"a key at another path":     {func() { k := right; k.Path = "m/44'/60'/0'/0/9"; m.keys[at] = k }, "another_key"},
		"a key of the old machine":  {func() { k := right; k.Device = "device-1"; m.keys[at] = k }, "another_key"},
		"a machine that is silent ": {func() { m.fails = fault.New(fault.Unreachable, "signer_unreachable", "", "silent") }, "signer_unreachable"},
	} {
		c.bend()
		if _, err := l.Rebind(t.Context(), "device-1", "device-2", "lost"); fault.Code(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
		m.keys[at], m.fails = right, nil
		for _, d := range l.devices() {
			if d != "device-1" {
				t.Fatalf("%s: a wallet is on %s", name, d)
			}
		}
	}

	moved, err := l.Rebind(t.Context(), "device-1", "device-2", "its disk is gone")
	if err != nil || len(moved) != 2 || moved[0].Address != a.Address || moved[1].Device != "device-2" {
		t.Fatalf("%+v, %v", moved, err)
	}
	for _, d := range l.devices() {
		if d != "device-2" {
			t.Errorf("a wallet is on %s", d)
		}
	}
	if _, err := l.Rebind(t.Context(), "device-1", "device-2", "again"); !errors.Is(err, fault.NotFound) {
		t.Errorf("said again: %v", err)
	}
	var rows []store.AuditRow
	l.view(func(r store.Reader) (err error) {
		rows, err = r.Audit(t.Context(), store.AuditFilter{Action: "device.rebind"})
		return err
	})
	done, refused := 0, 0
	for _, r := range rows {
		if r.Result == store.ResultDone && r.Before == "device-1" && r.After == "device-2" && r.Reason == "its disk is gone" {
			done++
		} else if r.Result == store.ResultRefused {
			refused++
		}
	}
	if done != 2 || refused != 3 {
		t.Errorf("%d wallets recorded as moved, %d refusals: %+v", done, refused, rows)
	}
	for _, bad := range [][3]string{{"device-2", "device-2", "x"}, {"device-2", "device-3", " "}} {
		if _, err := l.Rebind(t.Context(), bad[0], bad[1], bad[2]); !errors.Is(err, fault.Usage) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
