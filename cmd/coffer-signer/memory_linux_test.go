package main

import (
	"fmt"
	"os"
	"regexp"
	"syscall"
	"testing"
)

func TestKeysAreKeptOutOfCoreDumps(t *testing.T) {
	p := newProcess(t)
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^Max core file size +0 +0 `).Match(limits) {
		t.Errorf("a process that holds keys may dump its memory:\n%s", limits)
	}
}

func TestKeysAreKeptFromDebuggersOfTheSameUser(t *testing.T) {
	const yes = 1
	defer func() { _, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, yes, 0) }()
	if err := keepMemoryPrivate(); err != nil {
		t.Fatal(err)
	}
	if got, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_DUMPABLE, 0, 0); errno != 0 || got != 0 {
		t.Errorf("dumpable is %d, %v", got, errno)
	}
}
