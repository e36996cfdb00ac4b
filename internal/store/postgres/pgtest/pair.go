package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pair is a throwaway primary with its synchronous standby: a commit is answered when both have it on disk. Either may be killed; the
// other one is promoted, and a new standby takes the dead one's seat. The two seats keep their addresses, so one URL names both for
// ever. It is for one goroutine, and ends with Stop, or when this process ends, however that ends.
type Pair struct {
	bin     string
	owner   *syscall.Credential
	dir     string
	seats   [2]*Cluster // nil: nobody sits there
	primary int
}

// A pair's servers are as in production, and each is ready to be the primary: it waits for a standby then, and commits wait for one.
// What a server logs goes to its folder.
var pairSettings = []string{
	"-c", "listen_addresses=", "-c", "max_connections=300", "-c", "shared_buffers=64MB",
	"-c", "wal_level=replica", "-c", "hot_standby=on", "-c", "max_wal_senders=10",
	"-c", "synchronous_commit=on", "-c", "synchronous_standby_names=*", "-c", "wal_receiver_status_interval=1s",
}

// StartPair makes both and waits until the standby is synchronous.
func StartPair(ctx context.Context) (_ *Pair, err error) {
	p := &Pair{}
	if p.bin, err = binaries(); err != nil {
		return nil, err
	}
	if p.owner, err = serverUser(); err != nil {
		return nil, err
	}
	if p.dir, err = makeDir(p.owner); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Stop())
		}
	}()
	dir, err := p.seatDir(0)
	if err != nil {
		return nil, err
	}
	err = p.command(dir, "initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D", filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	if err = p.start(0); err != nil {
		return nil, err
	}
	return p, p.Replace(ctx)
}

// URL names both servers: whoever wants the primary finds it, whichever that is.
func (p *Pair) URL() string { return p.url(p.seat(0) + "," + p.seat(1)) }

// PrimaryURL names the primary of now alone, StandbyURL the other seat.
func (p *Pair) PrimaryURL() string { return p.url(p.seat(p.primary)) }

// StandbyURL names the seat of the standby, whether one sits there or not.
func (p *Pair) StandbyURL() string { return p.url(p.seat(1 - p.primary)) }

func (p *Pair) url(hosts string) string {
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres", RawQuery: url.Values{"host": {hosts}}.Encode()}).String()
}

// seat is the folder of a seat: its server's files and socket.
func (p *Pair) seat(i int) string { return filepath.Join(p.dir, strconv.Itoa(i)) }

func (p *Pair) seatDir(i int) (string, error) {
	dir := p.seat(i)
	if err := os.Mkdir(dir, 0o700); err != nil || p.owner == nil {
		return dir, err
	}
	return dir, os.Chown(dir, int(p.owner.Uid), int(p.owner.Gid))
}

func (p *Pair) command(dir, program string, args ...string) error {
	cmd := exec.Command(filepath.Join(p.bin, program), args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.owner}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

func (p *Pair) start(i int) error {
	dir := p.seat(i)
	args := append([]string{"-D", filepath.Join(dir, "data"), "-k", dir}, pairSettings...)
	stop, ended, err := supervise(filepath.Join(p.bin, "postgres"), args, dir, p.owner)
	if err != nil {
		return err
	}
	p.seats[i] = &Cluster{dir: dir, stop: stop}
	if err := p.seats[i].await(ended); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log")) // it only adds to the error
		return fmt.Errorf("%w\n%s", err, log)
	}
	return nil
}

// KillPrimary ends the primary with SIGKILL, in the middle of whatever it does. Nobody is left there, and its files are gone.
func (p *Pair) KillPrimary() error {
	c := p.seats[p.primary]
	if c == nil {
		return errors.New("the primary is dead already")
	}
	pids, err := c.processes()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill %d: %w", pid, err)
		}
	}
	p.seats[p.primary] = nil
	return c.Stop()
}

// processes are the server's, the first one first.
func (c *Cluster) processes() ([]int, error) {
	text, err := os.ReadFile(filepath.Join(c.dir, "data", "postmaster.pid"))
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return nil, fmt.Errorf("postmaster.pid: %w", err)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err
	}
	pids := []int{pid}
	for _, word := range strings.Fields(string(children)) {
		child, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		pids = append(pids, child)
	}
	return pids, nil
}

// Promote makes the standby the primary, and waits until it is. Commits there wait until Replace has given it a standby.
func (p *Pair) Promote(ctx context.Context) error {
	if err := Exec(ctx, p.StandbyURL(), "SELECT pg_promote(true, 60)"); err != nil {
		return fmt.Errorf("promote: %w", err)
	}
	p.primary = 1 - p.primary
	return p.until(ctx, "the promoted server takes no writes", "SELECT NOT pg_is_in_recovery()")
}

// Replace puts a new standby, made from the primary, into the empty seat, and waits until it is synchronous.
func (p *Pair) Replace(ctx context.Context) error {
	i := 1 - p.primary
	if p.seats[i] != nil {
		return errors.New("a standby is there")
	}
	dir, err := p.seatDir(i)
	if err != nil {
		return err
	}
	err = p.command(dir, "pg_basebackup", "--no-sync", "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf",
		"-h", p.seat(p.primary), "-U", "postgres", "-D", filepath.Join(dir, "data"))
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	if err := p.start(i); err != nil {
		return err
	}
	return p.until(ctx, "the standby does not become synchronous",
		"SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming')")
}

// until asks the primary until it says yes.
func (p *Pair) until(ctx context.Context, otherwise, question string) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, err := ask(ctx, p.PrimaryURL(), question)
		if err == nil && yes {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(errors.New(otherwise), err)
		}
	}
}

func ask(ctx context.Context, url, question string) (yes bool, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	err = conn.QueryRow(ctx, question).Scan(&yes)
	return yes, err
}

// Stop ends both and removes their files. A second Stop does nothing.
func (p *Pair) Stop() error {
	var errs []error
	for _, c := range p.seats {
		if c != nil {
			errs = append(errs, c.Stop())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(p.dir))...)
}
