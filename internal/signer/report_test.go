package signer

import (
	"path/filepath"
	"testing"

	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy/policytest"
	"coffer.internal/internal/signer/requestlog"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// reported asks a socket how its machine stands.
func reported(t *testing.T, socket string) wire.Report {
	t.Helper()
	c, err := client.Dial("unix:"+socket, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAReportTellsOfLockLogAndPolicy(t *testing.T) {
	m, from := newMachine(t)
	requests, err := requestlog.Open(t.TempDir(), requestlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	socket := listenAndServe(t, NewServer(m, quiet, ServerOptions{Requests: requests}).Serve)
	signAll(t, m, payment(from, 4, "p"))
	r := reported(t, socket)
	if r.Locked || r.Device != m.device || r.Policy != policytest.AllowAll().Hash() || r.Signed != 1 || len(r.Addresses) != 1 || r.Addresses[0].Address != from {
		t.Errorf("%+v", r)
	}
	if st, err := m.Status(t.Context()); err != nil || st.Policy != r.Policy {
		t.Errorf("the short form has policy %q, %v", st.Policy, err)
	}
	if r.Log == nil || r.Log.Seq != 0 || r.Log.Failing || r.Copy != nil {
		t.Errorf("log %+v, copy %+v", r.Log, r.Copy)
	}
	if r = reported(t, socket); r.Log.Seq != 1 {
		t.Errorf("the first report is not in the log: %+v", r.Log)
	}
	m.Lock()
	if err := requests.Close(); err != nil { // from now on each write fails
		t.Fatal(err)
	}
	reported(t, socket)
	if r = reported(t, socket); !r.Locked || !r.Log.Failing {
		t.Errorf("locked, and its log cannot be written: %+v, %+v", r.Status, r.Log)
	}
}

func TestAReportTellsWhetherTheSecondCopyFollows(t *testing.T) {
	m, from := newMachine(t)
	path := filepath.Join(t.TempDir(), "copy.ndjson")
	follow(t, m, path)
	signAll(t, m, payment(from, 0, "p"))
	state := func() *wire.CopyReport {
		t.Helper()
		r, err := m.Report(t.Context())
		if err != nil || r.Copy == nil || r.Copy.Path != path {
			t.Fatalf("%+v, %v", r.Copy, err)
		}
		return r.Copy
	}
	had := state()
	if had.State != wire.CopyFollows || had.Bytes == 0 || had.Error != "" {
		t.Errorf("%+v", had)
	}
	mend := breakCopy(t, path)
	if _, err := m.Sign(t.Context(), signing.BatchOf(payment(from, 1, "q"))); err == nil {
		t.Error("it answers without its copy")
	}
	if c := state(); c.State != wire.CopyFails || c.Error == "" {
		t.Errorf("%+v", c)
	}
	mend()
	signAll(t, m, payment(from, 1, "q"))
	if c := state(); c.State != wire.CopyFollows || c.Bytes <= had.Bytes {
		t.Errorf("mended: %+v", c)
	}
}

func TestAFreezeThatCouldNotBeWrittenDownIsReported(t *testing.T) {
	m, _ := newMachine(t)
	m.halted.Store(&journal.Freeze{Reasons: []journal.FreezeCause{{At: noon, By: "anna", Reason: "odd"}}})
	if r, err := m.Report(t.Context()); err != nil || r.Freeze == nil || r.Freeze.ID != "" || !r.Freeze.Since.Equal(noon) || r.Frozen == "" {
		t.Errorf("%+v, %v", r.Freeze, err)
	}
}
