package pgtest

import (
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// guard starts the server and reads from standard input, whose other end only the test's process has open. When that
// process is gone, killed or not, the reading ends; then the server is killed by its id, again until it is gone (it may not
// listen to signals yet), and its folder removed, and with the last of a Pair's that of the Pair. The signals of a terminal do
// not reach it: it must outlive those who are asked to end.
const guard = `
trap '' INT TERM HUP
dir=$1; shift
exec 3<&0
"$@" 3<&- </dev/null >"$dir/log" 2>&1 &
server=$!
{ read -r nothing <&3; while kill -QUIT "$server" 2>/dev/null; do sleep 0.1; done; } &
watch=$!
wait "$server"
rm -rf "$dir"
case ${dir%/*} in */coffer-pg-*) rmdir "${dir%/*}" 2>/dev/null;; esac
kill -KILL "$watch" 2>/dev/null
exit 0
`

// stopWithin ends the wait for a guard that does not end.
const stopWithin = 30 * time.Second

// supervise starts the server under its guard. ended is closed when the guard is gone, and with it the server.
func supervise(server string, args []string, dir string, owner *syscall.Credential) (stop func() error, ended <-chan struct{}, err error) {
	cmd := exec.Command("sh", append([]string{"-c", guard, "pgtest-guard", dir, server}, args...)...)
	cmd.Dir = "/" // the folder goes before the guard does
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner, Setpgid: true}
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = cmd.Wait() // a server that was killed says so; nobody asks
	}()
	stop = sync.OnceValue(func() error {
		_ = leash.Close() // it may be closed: the server ended by itself
		select {
		case <-gone:
			return nil
		case <-time.After(stopWithin):
			return fmt.Errorf("the guard of the cluster in %s (process %d) does not end", dir, cmd.Process.Pid)
		}
	})
	return stop, gone, nil
}
