package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"coffer.internal/demo/recount"
)

// ledger reads the database with plain SQL, past coffer, wherever the primary is.
type ledger struct{ pool *pgxpool.Pool }

func openLedger(ctx context.Context, url string) (ledger, error) {
	conf, err := pgxpool.ParseConfig(url)
	if err != nil {
		return ledger{}, err
	}
	conf.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(ctx, conf)
	return ledger{pool}, err
}

// where narrows a count of payments down. A zero field narrows nothing.
type where struct {
	states  []string // of the newest attempt; reserved: assigned to a nonce and not asked for
	chain   int64
	wallets []int64
}

// askAgain is how long a question is repeated when it fails: the primary may just have been killed.
const askAgain = 30 * time.Second

// ask asks until there is an answer.
func (l ledger) ask(ctx context.Context, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, askAgain)
	defer cancel()
	return until(ctx, "the database's answer", 50*time.Millisecond, func(ctx context.Context) (bool, error) {
		err := question(ctx)
		return err == nil, err
	})
}

// count is how many payments that have not ended stand there.
func (l ledger) count(ctx context.Context, w where) (n int, err error) {
	const q = `
		SELECT count(*) FROM withdrawals w
		LEFT JOIN LATERAL (SELECT state, wallet_id FROM attempts WHERE payment = w.payment ORDER BY id DESC LIMIT 1) a ON true
		LEFT JOIN LATERAL (SELECT wallet_id FROM nonces WHERE request = w.request AND row_no = w.row_no LIMIT 1) r ON true
		WHERE w.state <> 'ended'
		AND ($1::text[] IS NULL OR CASE WHEN a.state IS NULL OR a.state = 'refused' THEN CASE WHEN w.state = 'assigned' THEN 'reserved' ELSE 'queued' END ELSE a.state END = ANY ($1))
		AND ($2::bigint = 0 OR w.chain_id = $2)
		AND ($3::bigint[] IS NULL OR coalesce(a.wallet_id, r.wallet_id) = ANY ($3))`
	err = l.ask(ctx, func(ctx context.Context) error {
		return l.pool.QueryRow(ctx, q, w.states, w.chain, w.wallets).Scan(&n)
	})
	return n, err
}

// drivenBy are the wallets whose lease the daemon of a process holds.
func (l ledger) drivenBy(ctx context.Context, pid int) (wallets []int64, err error) {
	err = l.ask(ctx, func(ctx context.Context) error {
		rows, err := l.pool.Query(ctx, `SELECT wallet_id FROM wallet_leases WHERE holder IN (SELECT id FROM instances WHERE pid = $1)`, pid)
		if err != nil {
			return err
		}
		wallets, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	return wallets, err
}

// ended is how many payments have come to each end.
func (l ledger) ended(ctx context.Context) (outcomes map[string]int, all int, err error) {
	err = l.ask(ctx, func(ctx context.Context) error {
		rows, err := l.pool.Query(ctx, `SELECT outcome, count(*) FROM withdrawals WHERE state = 'ended' GROUP BY outcome`)
		if err != nil {
			return err
		}
		outcomes, all = map[string]int{}, 0
		var o string
		var n int
		_, err = pgx.ForEachRow(rows, []any{&o, &n}, func() error {
			outcomes[o] = n
			all += n
			return nil
		})
		return err
	})
	return outcomes, all, err
}

// open lists payments that have not ended, with what is known of them.
func (l ledger) open(ctx context.Context, limit int) (requests []string, lines string, err error) {
	rows, err := l.pool.Query(ctx, `
		SELECT w.request, w.chain_id, w.state, w.reason, coalesce(a.nonce::text, '-'), coalesce(a.state, '-'), coalesce(a.note, '')
		FROM withdrawals w LEFT JOIN LATERAL (SELECT nonce, state, note FROM attempts WHERE payment = w.payment ORDER BY id DESC LIMIT 1) a ON true
		WHERE w.state <> 'ended'
		UNION ALL
		SELECT request, chain_id, 'in the inbox: ' || state, reason, '-', '-', '' FROM coffer_inbox WHERE state <> 'accepted'
		LIMIT $1`, limit)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var request, state, reason, nonce, attempt, note string
		var chain int64
		if err := rows.Scan(&request, &chain, &state, &reason, &nonce, &attempt, &note); err != nil {
			return nil, "", err
		}
		requests = append(requests, request)
		fmt.Fprintf(&b, "  %s on %d: %s %q, nonce %s, attempt %s %q\n", request, chain, state, reason, nonce, attempt, note)
	}
	return requests, b.String(), rows.Err()
}

// activity is what the database's sessions do, and who waits for whom.
func (l ledger) activity(ctx context.Context) (string, error) {
	rows, err := l.pool.Query(ctx, `
		SELECT format('  session %s by %s: %s for %s, %s %s, blocked by %s: %s', pid, application_name, state,
			date_trunc('second', clock_timestamp() - coalesce(xact_start, state_change)), wait_event_type, wait_event, pg_blocking_pids(pid)::text,
			left(regexp_replace(query, '\s+', ' ', 'g'), 120))
		FROM pg_stat_activity WHERE application_name = 'coffer' AND xact_start IS NOT NULL ORDER BY xact_start`)
	if err != nil {
		return "", err
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return strings.Join(lines, "\n"), err
}

// alarms are how often each kind was raised, and the kinds among them that only a person ends.
func (l ledger) alarms(ctx context.Context) (raised map[string]int, lasting []string, err error) {
	err = l.ask(ctx, func(ctx context.Context) error {
		rows, err := l.pool.Query(ctx, `SELECT kind, sticky, count(*) FROM alarms GROUP BY kind, sticky ORDER BY kind`)
		if err != nil {
			return err
		}
		raised, lasting = map[string]int{}, nil
		var kind string
		var sticky bool
		var n int
		_, err = pgx.ForEachRow(rows, []any{&kind, &sticky, &n}, func() error {
			raised[kind] += n
			if sticky {
				lasting = append(lasting, kind)
			}
			return nil
		})
		return err
	})
	return raised, lasting, err
}

// wallets are a chain's hot wallets with their cursors.
func (l ledger) wallets(ctx context.Context, chain int64) (all []recount.Wallet, err error) {
	rows, err := l.pool.Query(ctx, `SELECT address, nonce FROM internal_wallets WHERE chain_id = $1 ORDER BY id`, chain)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var address string
		var w recount.Wallet
		if err := rows.Scan(&address, &w.Cursor); err != nil {
			return nil, err
		}
		w.Address = common.HexToAddress(address)
		all = append(all, w)
	}
	return all, rows.Err()
}
