package coffer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/withdrawal"
)

// heard is text that many write and a test reads.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(b)
}

func (h *heard) String() string { h.mu.Lock(); defer h.mu.Unlock(); return h.text.String() }

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(60 * time.Second); !so(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// daemon runs a System until stop is called, which returns what it logged. metrics is where it serves them.
func daemon(t *testing.T, s *coffer.System, log *heard) (metrics string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	serves := regexp.MustCompile(`url=(http://127\.0\.0\.1:\d+/metrics)`)
	eventually(t, "it serves no metrics", func() bool { return serves.MatchString(log.String()) })
	return serves.FindStringSubmatch(log.String())[1], func() {
		cancel()
		if err := <-ran; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	}
}

func scraped(t *testing.T, url string) string {
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestADaemonIsMeasuredAndItsAlarmsAreTold(t *testing.T) {
	e := openExchange(t.Context(), 1)
	defer e.close()
	var posts heard
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(&posts, r.Body) }))
	defer hook.Close()
	e.configure(fmt.Sprintf("[alarms]\nwebhook = %q\n", hook.URL+"/secret"))
	var log heard
	options := coffer.Options{Metrics: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(&log, nil))}
	s := e.open(t, options)
	url, stop := daemon(t, s, &log)

	w, _, err := s.Withdrawals.Submit(t.Context(), withdrawal.Request{
		ID: "a", ChainID: e.chainID, To: "0x52908400098527886E0F7030069857D2E4169EE7", Amount: "1",
	})
	check(err)
	w, err = s.Withdrawals.Wait(t.Context(), w.Request, withdrawal.Final, 20*time.Millisecond)
	if err != nil || w.Outcome != withdrawal.Paid {
		t.Fatalf("%+v, %v", w, err)
	}
	wallet := fmt.Sprintf(`{chain="evm:1337",wallet=%q} `, e.hot[0])
	for _, want := range []string{
		`coffer_withdrawals_ended_total{chain="evm:1337",outcome="paid"} 1`, `coffer_stage_duration_seconds_count{chain="evm:1337",stage="asked"} 1`,
		`coffer_stage_duration_seconds_count{chain="evm:1337",stage="signed"} 1`, `coffer_stage_duration_seconds_count{chain="evm:1337",stage="sent"} 1`,
		`coffer_stage_duration_seconds_count{chain="evm:1337",stage="mined"} 1`, `coffer_stage_duration_seconds_count{chain="evm:1337",stage="final"} 1`,
		`coffer_stage_duration_seconds_count{chain="evm:1337",stage="ended"} 1`, `coffer_transactions_sent_total{chain="evm:1337",verdict="accepted"} 1`,
		"coffer_wallet_leased" + wallet + "1", "coffer_wallet_lease_held" + wallet + "1", "coffer_wallet_braked" + wallet + "0",
		"coffer_wallet_cursor" + wallet + "1", "coffer_signer_up 1", "coffer_scrape_failed 0",
	} {
		eventually(t, "it does not say "+want, func() bool { return strings.Contains(scraped(t, url), want+"\n") })
	}
	eventually(t, "its node is not up", func() bool {
		return regexp.MustCompile(`coffer_node_up\{chain="evm:1337",node="http[^"]*"\} 1`).MatchString(scraped(t, url))
	})

	config, err := coffer.LoadConfig(e.home)
	check(err)
	db, err := coffer.OpenDatabase(t.Context(), config, coffer.Options{})
	check(err)
	check(db.Update(t.Context(), func(tx store.Tx) error {
		return tx.RaiseAlarms(t.Context(), []store.Alarm{{
			Key: "foreign_use:evm:1337:x", Kind: "foreign_use", ChainType: "evm", ChainID: e.chainID, WalletID: 1, Brake: true, Sticky: true, Why: "why", ToDo: "lift ALARM",
		}})
	}))
	check(db.Close())
	eventually(t, "it does not say that the wallet is braked", func() bool { return strings.Contains(scraped(t, url), "coffer_wallet_braked"+wallet+"1\n") })
	eventually(t, "nobody is told", func() bool { return strings.Contains(posts.String(), `"status":"firing"`) })
	stop()
	told := len(posts.String())

	var again heard
	options.Log = slog.New(slog.NewTextHandler(&again, nil))
	s = e.open(t, options)
	_, stop = daemon(t, s, &again)
	defer stop()
	eventually(t, "after a restart nobody is told what is open", func() bool { return strings.Contains(posts.String()[told:], `"alertname":"CofferForeignUse"`) })
	open, err := s.Alarms(t.Context(), false)
	if err != nil || len(open) != 1 || open[0].ToDo != "lift 1" {
		t.Fatalf("%+v, %v", open, err)
	}
	if _, _, err := s.LiftAlarm(t.Context(), open[0].ID, "test"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nobody is told that it ended", func() bool { return strings.Contains(posts.String()[told:], `"status":"resolved","receiver"`) })
	if said := log.String() + again.String(); strings.Contains(said, "/secret") {
		t.Errorf("the log shows the webhook's URL: %s", said)
	}
}

func TestMetricsAreServedOnTheLoopbackAlone(t *testing.T) {
	e := openExchange(t.Context(), 0)
	defer e.close()
	config, err := coffer.LoadConfig(e.home)
	check(err)
	for address, want := range map[string]error{
		"0.0.0.0:9464": coffer.ErrRefused, ":9464": coffer.ErrRefused, "192.0.2.1:9464": coffer.ErrRefused, "[::]:9464": coffer.ErrRefused,
		"db.example:9464": coffer.ErrRefused, "127.0.0.1": coffer.ErrUsage, "9464": coffer.ErrUsage, "127.0.0.1:9464": nil, "[::1]:9464": nil, "localhost:0": nil,
	} {
		s, err := coffer.Open(t.Context(), config, coffer.Options{Metrics: address})
		if err == nil {
			check(s.Close())
		}
		if !errors.Is(err, want) || err != nil && fault.Hint(err) == "" {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
}
