package alerting

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"coffer.internal/internal/store"
)

// alertmanager starts a real one on a free port, and gives its URL.
func alertmanager(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		t.Skip("no Alertmanager is installed: `make tools` installs Debian's package prometheus-alertmanager")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, dir := l.Addr().String(), t.TempDir()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(config, []byte("route: {receiver: none}\nreceivers: [{name: none}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config.file="+config, "--storage.path="+dir, "--web.listen-address="+address, "--cluster.listen-address=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, "the Alertmanager does not answer", func() bool {
		res, err := http.Get("http://" + address + "/-/ready")
		return err == nil && res.Body.Close() == nil && res.StatusCode == http.StatusOK
	})
	return "http://" + address
}

func TestARealAlertmanagerKnowsWhatFiresAndForgetsWhatIsOver(t *testing.T) {
	at := alertmanager(t)
	open := alarm(1, "foreign_use", time.Time{})
	open.Since = time.Now().Add(-time.Minute)
	var mu sync.Mutex
	now := []store.Alarm{open}
	p, err := New(Options{
		Ledger: "l1", Every: 10 * time.Millisecond, Alertmanager: at, AlertmanagerName: "alertmanager",
		Alarms: func(context.Context, time.Time) ([]store.Alarm, error) { mu.Lock(); defer mu.Unlock(); return now, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); p.Run(ctx) }()
	defer func() { stop(); <-ran }()
	known := func() (fingerprints []string) {
		var alerts []struct {
			Fingerprint string            `json:"fingerprint"`
			Labels      map[string]string `json:"labels"`
		}
		res, err := http.Get(at + "/api/v2/alerts")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&alerts); err != nil {
			t.Fatal(err)
		}
		for _, a := range alerts {
			fingerprints = append(fingerprints, a.Fingerprint)
		}
		return fingerprints
	}
	eventually(t, "it does not know of the alarm", func() bool { return len(known()) == 1 })
	if got, want := known()[0], alertOf(open, "l1").fingerprint(); got != want {
		t.Errorf("its fingerprint is %s, ours %s", got, want)
	}
	over := open
	over.EndedAt = time.Now()
	mu.Lock()
	now = []store.Alarm{over}
	mu.Unlock()
	eventually(t, "it does not hear that it is over", func() bool { return len(known()) == 0 })
}
