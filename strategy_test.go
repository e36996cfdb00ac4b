package coffer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/nonce"
	"coffer.internal/strategy"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

const customer = "0x52908400098527886E0F7030069857D2E4169EE7"

// open is the exchange's system in this process.
func (e *exchange) open(t *testing.T, o coffer.Options) *coffer.System {
	t.Helper()
	config, err := coffer.LoadConfig(e.home)
	if err != nil {
		t.Fatal(err)
	}
	s, err := coffer.Open(t.Context(), config, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// The program of docs/strategy.md is built as it stands on the page, and pays by its own strategy.
func TestTheProgramOfThePageIsADaemonWithItsOwnStrategy(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	e := openExchange(ctx, 2)
	defer e.close()
	e.configure("strategy = \"newest-first\"\n")
	older, newest := e.hot[0], e.hot[1]

	daemon := exec.CommandContext(ctx, buildFromPage(t, "docs/strategy.md"))
	daemon.Env = append(os.Environ(), "COFFER_HOME="+e.home)
	daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var log strings.Builder
	daemon.Stderr = &log
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}

	system := e.open(t, coffer.Options{})
	pay := func(request string) withdrawal.Withdrawal {
		t.Helper()
		if _, _, err := system.Withdrawals.Submit(ctx, withdrawal.Request{ID: request, ChainID: e.chainID, To: customer, Amount: "0.5"}); err != nil {
			t.Fatal(err)
		}
		w, err := system.Withdrawals.Wait(ctx, request, withdrawal.Final, 20*time.Millisecond)
		if err != nil || w.Outcome != "paid" {
			t.Fatalf("%+v, %v", w, err)
		}
		return w
	}
	for i := range 3 { // by lowest-nonce the older one would pay the first
		if w := pay(fmt.Sprint("w-", i)); w.Wallet != newest {
			t.Errorf("payment %d came from %s, want %s", i, w.Wallet, newest)
		}
	}
	if _, _, err := system.Wallets.SetActive(ctx, newest, e.chainID, false); err != nil {
		t.Fatal(err)
	}
	if w := pay("w-last"); w.Wallet != older {
		t.Errorf("with no other wallet the payment came from %s, want the older %s", w.Wallet, older)
	}

	if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := daemon.Wait(); err != nil {
		t.Errorf("it ended with %v\n%s", err, log.String())
	}
}

// buildFromPage builds the Go program that stands on a page, as a package of this module that is nowhere on the disk.
func buildFromPage(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	program := regexp.MustCompile("(?s)```go\n(package main\n.*?)```").FindSubmatch(text)
	if program == nil {
		t.Fatalf("%s has no program", page)
	}
	dir := t.TempDir()
	source, overlay, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "payer")
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(here, "payer", "main.go"): source}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(source, program[1], 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-o", binary, "./payer").CombinedOutput(); err != nil {
		t.Fatalf("the program of %s does not build: %v\n%s", page, err, out)
	}
	return binary
}

func TestAStrategyThatOnlyAnotherProgramKnowsRefusesWhatNeedsAChoice(t *testing.T) {
	e := openExchange(t.Context(), 1)
	defer e.close()
	e.configure("strategy = \"newest-first\"\n")
	s := e.open(t, coffer.Options{})

	names := func(what string, err error) {
		t.Helper()
		said := fmt.Sprint(err)
		if !errors.Is(err, fault.Usage) || !strings.Contains(said, `chain.evm.1337.strategy = "newest-first"`) ||
			!strings.Contains(said, "least-in-flight, lowest-nonce, round-robin") || fault.Hint(err) == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // it must not begin
	defer cancel()
	names("run", s.Run(ctx))
	names("standby", s.Standby(ctx))
	_, err := s.Nonces.ReserveBest(t.Context(), nonce.BestCall{ChainType: "evm", ChainID: e.chainID, Request: "r-1"})
	names("reserve best", err)
	_, err = s.Nonces.Best(t.Context(), "evm", e.chainID)
	names("best", err)

	if _, err := s.Wallets.List(t.Context(), wallet.Filter{}); err != nil {
		t.Errorf("list: %v", err)
	}
	if _, err := s.Nonces.Reserve(t.Context(), nonce.Call{Address: e.hot[0], ChainID: e.chainID, Request: "r-2"}); err != nil {
		t.Errorf("reserve of a wallet that is named: %v", err)
	}
}

// named is a strategy of a program's own that chooses the first wallet.
type named string

func (n named) Name() string                          { return string(n) }
func (named) Choose([]strategy.Candidate, uint64) int { return 0 }

func TestOpenRefusesAStrategyThatTakesABuiltInName(t *testing.T) {
	_, err := coffer.Open(t.Context(), coffer.Config{}, coffer.Options{Strategies: []strategy.Strategy{named("lowest-nonce")}})
	if !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), `"lowest-nonce"`) {
		t.Error(err)
	}
}

// moody is a strategy that panics while it is told to.
type moody struct{ broken *atomic.Bool }

func (moody) Name() string { return "moody" }
func (m moody) Choose([]strategy.Candidate, uint64) int {
	if m.broken.Load() {
		panic("out of its mind")
	}
	return 0
}

func TestTheDaemonOutlivesAStrategyThatPanicsAndPaysWithTheFirstNonce(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	e := openExchange(ctx, 1)
	defer e.close()
	e.configure("strategy = \"moody\"\n")
	var broken atomic.Bool
	broken.Store(true)
	s := e.open(t, coffer.Options{Strategies: []strategy.Strategy{moody{&broken}}})
	running, stop := context.WithCancel(ctx)
	daemon := make(chan error, 1)
	go func() { daemon <- s.Run(running) }()

	if _, _, err := s.Withdrawals.Submit(ctx, withdrawal.Request{ID: "w-1", ChainID: e.chainID, To: customer, Amount: "0.5"}); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for said := ""; !strings.Contains(said, `strategy "moody" panicked: out of its mind`); {
		select {
		case <-tick.C:
			w, err := s.Withdrawals.Get(ctx, "w-1")
			if err != nil {
				t.Fatal(err)
			}
			said = w.Reason
		case err := <-daemon:
			t.Fatalf("the daemon ended: %v", err)
		}
	}
	broken.Store(false)
	w, err := s.Withdrawals.Wait(ctx, "w-1", withdrawal.Final, 20*time.Millisecond)
	if err != nil || w.Outcome != "paid" || *w.Nonce != 0 {
		t.Errorf("%+v, %v; want paid with nonce 0", w, err)
	}
	stop()
	if err := <-daemon; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
