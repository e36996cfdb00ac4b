package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A program keeps standard input open: each line is answered when it is accepted, and Ctrl-C does not wait for the next one.
func TestAWithdrawStreamIsAnsweredLineByLineAndEndsWithCtrlC(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = append(os.Environ(), "COFFER_TEST_MAIN=1", "COFFER_HOME="+home, "COFFER_DB=")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		return cmd
	}
	if out, err := command("init").CombinedOutput(); err != nil {
		t.Fatalf("%s%v", out, err)
	}
	if err := os.WriteFile(filepath.Join(home, "coffer.toml"), []byte("[chain.evm.31337]\nrpc = [\"http://127.0.0.1:1\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := command("withdraw", "--file", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(out)
	for _, id := range []string{"w-1", "w-2"} {
		line := `{"request":"` + id + `","chain_id":31337,"to":"0x52908400098527886E0F7030069857D2E4169EE7","amount":"1"}` + "\n"
		if _, err := in.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
		if got, err := answers.ReadString('\n'); err != nil || !strings.Contains(got, id+": accepted") {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // its exit code is looked at
	late.Stop()
	if code := cmd.ProcessState.ExitCode(); code != interrupted {
		t.Errorf("exit code %d", code)
	}
}
