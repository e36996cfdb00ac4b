package nonce_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/nonce"
)

// childEnv makes the test binary a child process that reserves: URL, address, prefix of its request ids, how many, ttl.
const childEnv = "COFFER_NONCE_CHILD"

func TestMain(m *testing.M) {
	if order := os.Getenv(childEnv); order != "" {
		if err := child(context.Background(), strings.Split(order, "|")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child reserves one nonce after the other and prints each with its request id, after the answer.
func child(ctx context.Context, order []string) (err error) {
	url, address, prefix := order[0], order[1], order[2]
	loops, err := strconv.Atoi(order[3])
	if err != nil {
		return err
	}
	ttl, err := time.ParseDuration(order[4])
	if err != nil {
		return err
	}
	db, err := openDatabase(ctx, url)
	if err != nil {
		return err
	}
	defer func() {
		if e := db.Close(); err == nil {
			err = e
		}
	}()
	l := nonce.New(nonce.Options{DB: db, TTL: ttl, Actor: prefix})
	defer l.Close()
	for i := range loops {
		r, err := l.Reserve(ctx, nonce.Call{Address: address, ChainID: chainID, Request: fmt.Sprintf("%s-%d", prefix, i)})
		if err != nil {
			return err
		}
		fmt.Println(r.Request, r.Rows[0].Nonce)
	}
	return nil
}

// crowd is a number of child processes that reserve on one wallet at the same time.
type crowd struct {
	children, each int
	killed         int // that many of them are killed by SIGKILL, each at a random moment
	ttl            time.Duration
}

// run returns what the children printed: nonces by request id.
func (x crowd) run(c ledgerCase, w store.Wallet) map[string]uint64 {
	c.Helper()
	self, err := os.Executable()
	if err != nil {
		c.Fatal(err)
	}
	var mu sync.Mutex
	printed := map[string]uint64{}
	var wg sync.WaitGroup
	for i := range x.children {
		victim := i < x.killed
		cmd := exec.CommandContext(c.Context(), self)
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%s|%d|%s", childEnv, c.url, w.Address, prefixOf(w, i), x.each, x.ttl))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			c.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			c.Fatal(err)
		}
		wg.Go(func() {
			dies := rand.IntN(x.each) // after so many lines: it is in the middle of the next ones then
			lines := bufio.NewScanner(stdout)
			for n := 0; lines.Scan(); n++ {
				request, number, _ := strings.Cut(lines.Text(), " ")
				got, err := strconv.ParseUint(number, 10, 64)
				if err != nil {
					break // the last line of a killed process may be torn
				}
				mu.Lock()
				printed[request] = got
				mu.Unlock()
				if victim && n == dies {
					_ = cmd.Process.Kill() // an error means that it has ended already
				}
			}
			if err := cmd.Wait(); err != nil && !victim {
				c.Errorf("child %d: %v\n%s", i, err, stderr.Bytes())
			}
		})
	}
	wg.Wait()
	return printed
}

func prefixOf(w store.Wallet, child int) string {
	return fmt.Sprintf("wallet-%d-child-%d", w.ID, child)
}

// judge compares what was printed with the ledger: no nonce twice, none skipped, each printed or reserved for a process that
// was killed, and the same request id gets the printed nonce.
func (x crowd) judge(c ledgerCase, w store.Wallet, printed map[string]uint64) {
	c.Helper()
	dead := map[string]bool{}
	for i := range x.killed {
		dead[prefixOf(w, i)] = true
	}
	rows := c.rows(w)
	holder := map[uint64]string{}
	for request, n := range printed {
		if other, twice := holder[n]; twice {
			c.Errorf("nonce %d was given to %s and to %s", n, request, other)
		}
		holder[n] = request
		if n >= uint64(len(rows)) || rows[n].Request != request {
			c.Errorf("%s printed nonce %d, which the ledger does not give it", request, n)
		}
	}
	for _, n := range rows {
		if n.State != store.NonceReserved {
			c.Errorf("nonce %d is %s", n.Nonce, n.State)
		}
		if _, ok := holder[n.Nonce]; !ok && !dead[n.Request[:strings.LastIndex(n.Request, "-")]] {
			c.Errorf("nonce %d of %s was never printed, and nobody killed that process", n.Nonce, n.Request)
		}
	}
	l := c.ledger(nonce.Options{})
	var wg sync.WaitGroup
	for request, n := range printed {
		wg.Go(func() {
			r, err := l.Reserve(c.Context(), nonce.Call{Address: w.Address, ChainID: chainID, Request: request})
			if err != nil || !r.Again || r.Rows[0].Nonce != n {
				c.Errorf("%s printed nonce %d and gets %+v now, %v", request, n, r, err)
			}
		})
	}
	wg.Wait()
	if want := x.children * x.each; x.killed == 0 && (len(printed) != want || len(rows) != want) {
		c.Errorf("%d printed, %d in the ledger, want %d", len(printed), len(rows), want)
	}
	c.Logf("%d processes, %d killed: %d nonces printed, %d in the ledger", x.children, x.killed, len(printed), len(rows))
}

func TestManyProcessesShareAWallet(t *testing.T) {
	if testing.Short() {
		t.Skip("64 processes take a while")
	}
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		x := crowd{children: 64, each: 50, ttl: time.Hour}
		x.judge(c, w, x.run(c, w))
	})
}

func TestF01KilledProcessesTakeNoNonceWithThem(t *testing.T) {
	if testing.Short() {
		t.Skip("64 processes take a while")
	}
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		x := crowd{children: 64, each: 50, killed: 64 / 3, ttl: time.Hour}
		x.judge(c, w, x.run(c, w))
	})
}

func TestWhatProcessesLeaveBehindExpiresOnlyWhereTheSignerHoldsTheKey(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for reservations to expire")
	}
	onBoth(t, func(c ledgerCase) {
		ours, theirs := c.hot(1), c.elsewhere(2)
		x := crowd{children: 4, each: 10, ttl: 2 * time.Second}
		given := len(x.run(c, theirs))
		x.run(c, ours)
		total := len(c.rows(ours))
		c.waitExpired(ours, total)

		l := c.ledger(nonce.Options{})
		for want := range uint64(3) {
			if got := c.reserve(l, ours, fmt.Sprint("next-", want), 1); got.Rows[0].Nonce != want || got.Rows[0].Fence < 2 {
				c.Errorf("got %+v, want nonce %d given again", got.Rows[0], want)
			}
		}
		if got := c.reserve(l, theirs, "next", 1); given != 40 || got.Rows[0].Nonce != 40 {
			c.Errorf("where the key is elsewhere none expires: after %d, nonce %d", given, got.Rows[0].Nonce)
		}
	})
}
