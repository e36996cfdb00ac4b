package withdrawal_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres"
	"coffer.internal/internal/store/postgres/pgtest/pgtables"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/signing"
	"coffer.internal/withdrawal"
)

const somebody = "0x52908400098527886E0F7030069857D2E4169EE7"

// sqlClient is a program that knows SQL and nothing of coffer, beside the desk of a daemon.
type sqlClient struct {
	*testing.T
	url  string
	conn *pgx.Conn
	desk *withdrawal.Desk
}

func newSQLClient(t *testing.T) *sqlClient {
	t.Helper()
	c := &sqlClient{T: t, url: pgtables.DSN(t)}
	db := c.open()
	_, err := db.Migrate(t.Context())
	must(t, err)
	c.desk = newDesk(t, db)
	c.conn = c.connect()
	return c
}

func (c *sqlClient) open() store.DB {
	c.Helper()
	db, err := postgres.Open(context.Background(), c.url, postgres.Options{PoolSize: 4, Actor: "daemon"})
	must(c.T, err)
	c.Cleanup(func() { must(c.T, db.Close()) })
	return db
}

func (c *sqlClient) connect() *pgx.Conn {
	c.Helper()
	conn, err := pgx.Connect(c.Context(), c.url)
	must(c.T, err)
	c.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// newDesk accepts for one chain, whose node nobody asks.
func newDesk(t *testing.T, db store.DB) *withdrawal.Desk {
	t.Helper()
	chain, err := evm.New(evm.Options{ChainID: 1, RPC: []string{"http://127.0.0.1:1"}, Confirmations: 2})
	must(t, err)
	t.Cleanup(chain.Close)
	desk := withdrawal.NewDesk(withdrawal.DeskOptions{DB: db, Actor: "daemon", Chains: []withdrawal.ChainSetup{{
		Type: "evm", ID: 1, Chain: chain, MaxUnmined: 16, Poll: time.Second, Native: withdrawal.Asset{Symbol: "ETH", Decimals: 18},
		Assets: map[string]withdrawal.Asset{"USDT": {Symbol: "USDT", Contract: "0xdAC17F958D2ee523a2206206994597C13D831ec7", Decimals: 6}},
	}}})
	t.Cleanup(desk.Close)
	return desk
}

// submit calls the documented function.
func (c *sqlClient) submit(request string, chain any, to, amount, asset any) (string, error) {
	var said string
	err := c.conn.QueryRow(c.Context(), "SELECT coffer_submit($1, $2, $3, $4, $5)", request, chain, to, amount, asset).Scan(&said)
	return said, err
}

func (c *sqlClient) want(said string, request string, to, amount string, asset any) {
	c.Helper()
	if got, err := c.submit(request, 1, to, amount, asset); err != nil || got != said {
		c.Fatalf("coffer_submit of %s = %q, %v, want %q", request, got, err, said)
	}
}

func (c *sqlClient) collect(accepted, refused int) {
	c.Helper()
	got, err := c.desk.Collect(c.Context())
	if err != nil || got.Accepted != accepted || got.Refused != refused {
		c.Fatalf("Collect = %+v, %v, want %d accepted and %d refused", got, err, accepted, refused)
	}
}

// fate is what the view says of a request.
func (c *sqlClient) fate(request string) (state, reason, withdrawalState string) {
	c.Helper()
	err := c.conn.QueryRow(c.Context(), "SELECT state, reason, coalesce(withdrawal_state, '') FROM coffer_inbox WHERE request = $1", request).
		Scan(&state, &reason, &withdrawalState)
	must(c.T, err)
	return state, reason, withdrawalState
}

func TestAWithdrawalPutInBySQLIsAcceptedOnce(t *testing.T) {
	c := newSQLClient(t)
	c.want("submitted", "w-1", somebody, "1.25", nil)
	if state, _, _ := c.fate("w-1"); state != "new" {
		t.Errorf("before the daemon looked it is %s", state)
	}
	c.want("already", "w-1", strings.ToLower(somebody), "1.250", nil)
	c.want("submitted", "w-2", somebody, "7", "USDT")
	c.collect(2, 0)
	c.collect(0, 0)
	c.want("already", "w-1", somebody, "1.25", nil)
	c.collect(0, 0)
	if state, reason, w := c.fate("w-1"); state != "accepted" || reason != "" || w != "queued" {
		t.Errorf("it is %s, %q, %s", state, reason, w)
	}
	got, err := c.desk.Get(t.Context(), "w-2")
	must(t, err)
	if got.Amount != "7000000" || got.Asset != "USDT" || got.To != somebody {
		t.Errorf("accepted: %+v", got)
	}
	if _, already, err := c.desk.Submit(t.Context(), withdrawal.Request{ID: "w-1", ChainID: 1, To: somebody, Amount: "1.25"}); err != nil || !already {
		t.Errorf("the same from Go: already %t, %v", already, err)
	}
}

func TestSQLIsToldWhatCannotBeRight(t *testing.T) {
	c := newSQLClient(t)
	c.want("submitted", "w-1", somebody, "1.25", nil)
	for name, bad := range map[string]struct {
		request           string
		chain             any
		to, amount, asset any
		state             string
		says              []string
	}{
		"another amount":    {"w-1", 1, somebody, "1.26", nil, "CF002", []string{"1.25", "1.26"}},
		"another recipient": {"w-1", 1, "0x8617E340B3D01FA5F11F306F4090FD50E238070D", "1.25", nil, "CF002", []string{somebody, "0x8617"}},
		"another asset":     {"w-1", 1, somebody, "1.25", "USDT", "CF002", []string{"USDT"}},
		"another chain":     {"w-1", 5, somebody, "1.25", nil, "CF002", []string{"chain 1", "chain 5"}},
		"no request":        {"", 1, somebody, "1", nil, "CF003", []string{"request id"}},
		"a space":           {"w 1", 1, somebody, "1", nil, "CF003", []string{"'w 1'"}},
		"a row's mark":      {"w#1", 1, somebody, "1", nil, "CF003", []string{"'w#1'"}},
		"a backslash":       {`w\1`, 1, somebody, "1", nil, "CF003", []string{"request id"}},
		"too long":          {strings.Repeat("w", 201), 1, somebody, "1", nil, "CF003", []string{"request id"}},
		"no chain":          {"w-2", nil, somebody, "1", nil, "CF003", []string{"NULL", "w-2"}},
		"a negative chain":  {"w-2", -1, somebody, "1", nil, "CF003", []string{"-1"}},
		"no recipient":      {"w-2", 1, nil, "1", nil, "CF003", []string{"address NULL"}},
		"an empty one":      {"w-2", 1, "", "1", nil, "CF003", []string{"address ''"}},
		"no amount":         {"w-2", 1, somebody, nil, nil, "CF003", []string{"amount NULL"}},
		"nothing":           {"w-2", 1, somebody, "0.00", nil, "CF003", []string{"'0.00'"}},
		"a sign":            {"w-2", 1, somebody, "-1", nil, "CF003", []string{"'-1'"}},
		"an exponent":       {"w-2", 1, somebody, "1e3", nil, "CF003", []string{"'1e3'"}},
		"a separator":       {"w-2", 1, somebody, "1,000", nil, "CF003", []string{"'1,000'"}},
		"two lines":         {"w-2", 1, somebody, "1\n", nil, "CF003", []string{"amount"}},
		"other digits":      {"w-2", 1, somebody, "１", nil, "CF003", []string{"amount"}},
		"an asset's space":  {"w-2", 1, somebody, "1", "US DT", "CF003", []string{"'US DT'"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.submit(bad.request, bad.chain, bad.to, bad.amount, bad.asset)
			var said *pgconn.PgError
			if !errors.As(err, &said) || said.Code != bad.state || said.Hint == "" {
				t.Fatalf("coffer_submit: %v, want %s", err, bad.state)
			}
			for _, word := range bad.says {
				if !strings.Contains(said.Message, word) {
					t.Errorf("it says %q, without %q", said.Message, word)
				}
			}
		})
	}
	c.collect(1, 0)
}

func TestWhatTheDaemonRefusesStandsInTheInboxWithTheReasonAndCanBeMended(t *testing.T) {
	c := newSQLClient(t)
	if _, _, err := c.desk.Submit(t.Context(), withdrawal.Request{ID: "taken", ChainID: 1, To: somebody, Amount: "3"}); err != nil {
		t.Fatal(err)
	}
	c.want("submitted", "decimals", somebody, "1.2345678", "USDT")
	c.want("submitted", "taken", somebody, "4", nil)
	c.want("submitted", "good", somebody, "1", nil)
	c.want("submitted", "asset", somebody, "1", "DOGE")
	c.want("submitted", "address", "0x123", "1", nil)
	if _, err := c.submit("chain", 5, somebody, "1", nil); err != nil {
		t.Fatal(err)
	}
	c.collect(1, 5)
	for request, says := range map[string][]string{
		"taken": {"pay 3 of the coin", "pay 4 of the coin"}, "decimals": {"1.2345678", "6"}, "asset": {"DOGE"}, "address": {"0x123"}, "chain": {"5"},
	} {
		state, reason, w := c.fate(request)
		if state != "refused" || w != "" {
			t.Errorf("%s is %s %s", request, state, w)
		}
		for _, word := range says {
			if !strings.Contains(reason, word) {
				t.Errorf("%s is refused because %q, without %q", request, reason, word)
			}
		}
	}
	if state, _, w := c.fate("good"); state != "accepted" || w != "queued" {
		t.Errorf("the good one is %s %s", state, w)
	}
	c.want("submitted", "decimals", somebody, "1.234567", "USDT")
	c.collect(1, 0)
	if state, reason, w := c.fate("decimals"); state != "accepted" || reason != "" || w != "queued" {
		t.Errorf("mended it is %s %q %s", state, reason, w)
	}
}

func TestManyDaemonsCollectEachRowOnce(t *testing.T) {
	c := newSQLClient(t)
	const n = 700
	for i := range n {
		c.want("submitted", fmt.Sprintf("w-%d", i), somebody, "1", nil)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for range 3 {
		desk := newDesk(t, c.open())
		all.Go(func() {
			for nothing := 0; nothing < 3; {
				got, err := desk.Collect(t.Context())
				if err != nil || got.Refused > 0 {
					t.Errorf("Collect = %+v, %v", got, err)
					return
				}
				if got.Accepted == 0 {
					nothing++
				}
				mu.Lock()
				total += got.Accepted
				mu.Unlock()
			}
		})
	}
	all.Wait()
	ws, err := c.desk.List(t.Context(), withdrawal.ListFilter{})
	must(t, err)
	if total != n || len(ws) != n {
		t.Errorf("%d accepted, %d withdrawals, want %d of each", total, len(ws), n)
	}
}

// A daemon that dies while it collects leaves the rows as they were: another one takes them.
func TestWhatADeadDaemonHadTakenIsCollectedByTheNext(t *testing.T) {
	c := newSQLClient(t)
	c.want("submitted", "w-1", somebody, "1", nil)
	db := c.open()
	died := errors.New("it died")
	err := db.Update(t.Context(), func(tx store.Tx) error {
		rows, err := tx.(store.Inbox).TakeInbox(t.Context(), 10)
		if err != nil || len(rows) != 1 || rows[0].Request != "w-1" || rows[0].By == "" || rows[0].At.IsZero() {
			t.Errorf("TakeInbox = %+v, %v", rows, err)
		}
		c.collect(0, 0) // it is taken
		if err := tx.(store.Inbox).DecideInbox(t.Context(), []store.InboxDecision{{Seq: rows[0].Seq}}); err != nil {
			t.Error(err)
		}
		return died
	})
	if !errors.Is(err, died) {
		t.Fatal(err)
	}
	c.collect(1, 0)
	err = db.Update(t.Context(), func(tx store.Tx) error {
		return tx.(store.Inbox).DecideInbox(t.Context(), []store.InboxDecision{{Seq: 1, Refusal: "too late"}})
	})
	if !errors.Is(err, store.ErrStale) {
		t.Errorf("what is decided is decided again: %v", err)
	}
}

func TestSQLiteHasNoInbox(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "coffer.db"), sqlite.Options{Now: time.Now})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	_, err = db.Migrate(t.Context())
	must(t, err)
	if _, err := newDesk(t, db).Collect(t.Context()); !errors.Is(err, withdrawal.ErrNoInbox) {
		t.Errorf("Collect = %v", err)
	}
}

// Whoever listens on the documented channel is told what ended, and what waits for a person.
func TestTheDocumentedChannelTellsOfEnds(t *testing.T) {
	c := newSQLClient(t)
	c.want("submitted", "w-1", somebody, "1", nil)
	c.want("submitted", "w-2", somebody, "1", nil)
	c.collect(2, 0)
	listener := c.connect()
	_, err := listener.Exec(t.Context(), "LISTEN coffer_withdrawals")
	must(t, err)
	db := c.open()
	move := func(ms ...store.WithdrawalMove) {
		t.Helper()
		must(t, db.Update(t.Context(), func(tx store.Tx) error { return tx.MoveWithdrawals(t.Context(), ms) }))
	}
	move(store.WithdrawalMove{Payment: "w-1", From: "queued", To: "queued", Reason: "no room"})
	move(store.WithdrawalMove{Payment: "w-1", From: "queued", To: "ended", Outcome: "cancelled"},
		store.WithdrawalMove{Payment: "w-2", From: "queued", To: "needs_review", Reason: "why"})
	move(store.WithdrawalMove{Payment: "w-2", From: "needs_review", To: "needs_review", Reason: "why else"})
	move(store.WithdrawalMove{Payment: "w-2", From: "needs_review", To: "ended", Outcome: "paid"})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, want := range []string{
		`{"request" : "w-1", "state" : "ended", "outcome" : "cancelled"}`,
		`{"request" : "w-2", "state" : "needs_review", "outcome" : null}`,
		`{"request" : "w-2", "state" : "ended", "outcome" : "paid"}`,
	} {
		n, err := listener.WaitForNotification(ctx)
		must(t, err)
		if n.Payload != want {
			t.Errorf("told: %s, want %s", n.Payload, want)
		}
	}
}

// authorized calls it with an authorization.
func (c *sqlClient) authorized(said, request, token string) {
	c.Helper()
	var got string
	err := c.conn.QueryRow(c.Context(), "SELECT coffer_submit($1, 1, $2, '1', NULL, $3)", request, somebody, token).Scan(&got)
	if err != nil || got != said {
		c.Fatalf("coffer_submit of %s = %q, %v, want %q", request, got, err, said)
	}
}

// What was accepted stays so, whatever authorizations come later; and a daemon signs none.
func TestTheInboxTakesAuthorizations(t *testing.T) {
	c := newSQLClient(t)
	ledger, err := c.open().Ledger(t.Context())
	must(t, err)
	token := func(request string, last time.Duration) string {
		now := time.Now().Truncate(time.Second)
		return signing.Authorization{
			Ledger: ledger, Payment: request, ChainType: "evm", ChainID: 1, To: somebody, Amount: "1000000000000000000", MaxFee: "5",
			Issued: now, Expires: now.Add(last),
		}.Token(keyOf(1))
	}
	stored := func(request string) string {
		t.Helper()
		var tokens string
		must(t, c.conn.QueryRow(t.Context(), "SELECT authorizations FROM withdrawals WHERE payment = $1", request).Scan(&tokens))
		return tokens
	}
	first, second := token("a", time.Hour), token("a", 2*time.Hour)
	c.authorized("submitted", "a", first)
	c.authorized("submitted", "wrong", token("other", time.Hour))
	c.want("submitted", "bare", somebody, "1", nil)
	c.collect(2, 1)
	if stored("a") != first || stored("bare") != "" {
		t.Errorf("stored are %q and %q", stored("a"), stored("bare"))
	}
	c.want("already", "a", somebody, "1", nil)
	c.authorized("already", "a", first)
	c.collect(0, 0)
	c.authorized("already", "a", second)
	c.collect(1, 0)
	if stored("a") != second {
		t.Error("the newer one is not taken")
	}
	c.authorized("already", "a", token("other", time.Hour))
	c.collect(0, 1)
	var state, reason string
	must(t, c.conn.QueryRow(t.Context(), "SELECT state, reason FROM coffer_inbox WHERE request = 'a'").Scan(&state, &reason))
	if state != "accepted" || reason != "" || stored("a") != second {
		t.Errorf("after one for something else it is %s (%s)", state, reason)
	}
	var no *pgconn.PgError
	if err := c.conn.QueryRow(t.Context(), "SELECT coffer_submit('x', 1, $1, '1', NULL, 'a  b')", somebody).Scan(&state); !errors.As(err, &no) || no.Code != "CF003" {
		t.Errorf("two blanks: %v", err)
	}
}
