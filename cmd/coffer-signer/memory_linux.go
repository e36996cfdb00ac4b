package main

import (
	"fmt"
	"syscall"
)

// keepMemoryPrivate keeps the memory of this process, which will hold keys, out of core dumps and from debuggers of the same
// user (prctl(2), PR_SET_DUMPABLE).
func keepMemoryPrivate() error {
	if err := noCore(); err != nil {
		return err
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0); errno != 0 {
		return fmt.Errorf("make the process undumpable: %w", errno)
	}
	return nil
}
