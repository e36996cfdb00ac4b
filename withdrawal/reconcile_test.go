package withdrawal_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"

	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/chain/evm/testtoken"
	"coffer.internal/internal/reconcile"
	"coffer.internal/internal/store"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/signing"
	"coffer.internal/withdrawal"
)

// reconcile compares a database with the world's chain, and gives the transactions too.
func (w *world) reconcile(db store.DB, bend ...func(*reconcile.Options)) (reconcile.Report, []reconcile.Line) {
	w.Helper()
	var lines []reconcile.Line
	o := reconcile.Options{
		DB: db, Chains: []withdrawal.ChainSetup{w.setup}, Verify: (*evm.Chain)(nil).Verify,
		Line: func(l reconcile.Line) error { lines = append(lines, l); return nil },
	}
	for _, f := range bend {
		f(&o)
	}
	r, err := reconcile.Run(w.Context(), o)
	w.must(err)
	return r, lines
}

// busy has one of everything behind it: coin, a token, two attempts at a nonce, a failure, a cancellation under way and one before that, a
// refusal with its fill, a payment that was released and paid again, and a nonce of somebody else's.
func (w *world) busy() {
	w.Helper()
	w.token("GOOD", testtoken.Good)
	w.token("FEE", testtoken.TakesFee)
	pay := func(id, asset, to string) withdrawal.Request {
		r := w.request(id)
		r.Asset, r.Amount = asset, "5"
		if to != "" {
			r.To = to
		}
		_, _, err := w.desk.Submit(w.Context(), r)
		w.must(err)
		return r
	}
	w.refuseOnce("refused", signing.RefusedForGood)
	w.submit("refused", "coin")
	pay("token", "GOOD", "")
	w.settle()

	pay("released", "FEE", "")
	w.settle()
	w.release("released")
	_, _, err := w.desk.Requeue(w.Context(), "released", "a test")
	w.must(err)
	w.setup.Assets["FEE"] = withdrawal.Asset{Symbol: "FEE", Contract: w.setup.Assets["FEE"].Contract}
	_, _, err = w.desk.Cancel(w.Context(), "released", "a test")
	w.must(err)

	w.submit("bumped", "cancelled")
	w.pass("bind", "sign", "send")
	w.bump("bumped")
	w.cancel("cancelled")
	w.pass("mend", "sign", "send")
	w.settle()
	w.submit("early")
	w.cancel("early")

	rich, err := w.client.NonceAt(w.Context(), w.richAddress(), nil)
	w.must(err)
	pay("failed", "", crypto.CreateAddress(w.richAddress(), rich).Hex())
	w.pass("bind", "sign")
	_, err = w.node.Deploy(w.Context(), w.rich, testtoken.Refuser())
	w.must(err)
	w.settle()
	for id, outcome := range map[string]string{
		"refused": store.OutcomeRefused, "coin": store.OutcomePaid, "token": store.OutcomePaid, "released": store.OutcomeCancelled, "bumped": store.OutcomePaid,
		"cancelled": store.OutcomeCancelled, "early": store.OutcomeCancelled, "failed": store.OutcomeFailed,
	} {
		w.want(id, store.WithdrawalEnded, outcome)
	}
}

func TestACleanLedgerIsExplained(t *testing.T) {
	onBoth(t, 2, func(w *world) {
		w.busy()
		r, lines := w.reconcile(w.db)
		if !r.Clean() || r.Ended != 8 || r.Open != 0 || r.Wallets != 2 || r.Transactions != len(lines) || len(r.NoNodes) != 0 {
			w.Errorf("%+v", r)
		}
		kinds := map[string]int{}
		for _, l := range lines {
			kinds[l.Purpose+" "+l.Outcome]++
			if l.Checked != reconcile.CheckedYes || l.Time.IsZero() || l.Fee == "" || l.Fee == "0" || l.Hash == "" || l.Block == 0 {
				w.Errorf("%+v", l)
			}
		}
		want := map[string]int{"payment paid": 3, "payment failed": 1, "payment ": 1, "cancel cancelled": 1, "gap_fill ": 1}
		if fmt.Sprint(kinds) != fmt.Sprint(want) {
			w.Errorf("lines: %v, want %v", kinds, want)
		}
		var coin, token int64
		for _, p := range r.Paid {
			if p.Contract == "" {
				coin += p.Amount.Int64()
			} else {
				token += p.Amount.Int64()
			}
		}
		if coin != 2000 || token != 5 {
			w.Errorf("paid %d of the coin and %d of the token", coin, token)
		}
		for _, f := range r.Fees {
			spent := ether(10)
			spent.Sub(spent, w.balance(f.Address))
			for _, p := range r.Paid {
				if p.Address == f.Address && p.Contract == "" {
					spent.Sub(spent, p.Amount)
				}
			}
			if spent.Cmp(f.Amount) != 0 {
				w.Errorf("%s lost %s of the chain's coin in fees, and %s are said", f.Address, spent, f.Amount)
			}
		}
		none, _ := w.reconcile(w.db, func(o *reconcile.Options) { o.Since = time.Now().Add(time.Hour); o.Until = o.Since.Add(time.Hour) })
		if none.Ended != 0 || none.Transactions != 0 || !none.Clean() {
			w.Errorf("of tomorrow: %+v", none)
		}
	})
}

// Whoever writes the database past coffer, and every defect that would have had the same effect, leaves exactly what is named here.
func TestEveryKindOfDifferenceIsFoundAndNothingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "coffer.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now})
	must(t, err)
	w := newWorld(t, db, 2)
	w.busy()
	first := w.attempt("coin")
	stranger := w.submit("open")[0]
	w.settle()
	w.wantPaidOnce(stranger)
	for _, c := range []struct {
		name, change string
		want         []string // codes with payments
	}{
		{"nothing", "", nil},
		{"the amount of a withdrawal", "UPDATE withdrawals SET amount = '1' WHERE payment = 'coin'", []string{"request_differs coin"}},
		{"the recipient of a withdrawal", "UPDATE withdrawals SET to_address = contract WHERE payment = 'token'", []string{"request_differs token"}},
		{"what was asked for", "UPDATE requests SET content = replace(content, '1000 base', '9000 base') WHERE id = 'coin'", []string{"request_differs coin"}},
		{"the request is gone", "DELETE FROM requests WHERE id = 'coin'", []string{"request_differs coin"}},
		{"an intent", "UPDATE attempts SET intent = (SELECT intent FROM attempts WHERE payment = 'token') WHERE payment = 'coin'", []string{"intent_differs coin"}},
		{"an attempt's nonce's owner", "UPDATE attempts SET payment = 'token' WHERE payment = 'coin'", []string{"attempt_missing coin", "intent_differs token", "paid_twice token"}},
		{"bytes", "UPDATE attempts SET raw = (SELECT raw FROM attempts WHERE payment = 'token') WHERE payment = 'coin'", []string{"bytes_differ coin"}},
		{"no bytes", "UPDATE attempts SET raw = NULL WHERE payment = 'coin'", []string{"bytes_differ coin"}},
		{"a hash", "UPDATE attempts SET hash = (SELECT hash FROM attempts WHERE payment = 'token') WHERE payment = 'coin'", []string{"bytes_differ coin"}},
		{"the attempt is gone", "DELETE FROM attempts WHERE payment = 'coin'", []string{"attempt_missing coin"}},
		{"it lost", "UPDATE attempts SET state = 'superseded' WHERE payment = 'coin'", []string{"attempt_missing coin"}},
		{"it is under way again", "UPDATE attempts SET state = 'sent' WHERE payment = 'coin'", []string{"attempt_missing coin"}},
		{"a replaced one is under way", "UPDATE attempts SET state = 'sent' WHERE payment = 'bumped' AND state = 'superseded'", []string{"attempt_open bumped"}},
		{"two are final", "UPDATE attempts SET state = 'final' WHERE payment = 'bumped'", []string{"paid_twice bumped", "not_on_chain bumped"}},
		{"a block", "UPDATE attempts SET block_number = block_number + 1 WHERE payment = 'coin'", []string{"block_differs coin"}},
		{"a block's hash", "UPDATE attempts SET block_hash = hash WHERE payment = 'coin'", []string{"block_differs coin"}},
		{"a fee", "UPDATE attempts SET fee = fee || '0' WHERE payment = 'coin'", []string{"fee_differs coin"}},
		{"a fill's fee", "UPDATE attempts SET fee = '1' WHERE payment IS NULL", []string{"fee_differs "}},
		{"the chain's verdict", "UPDATE attempts SET success = 0 WHERE payment = 'coin'", []string{"outcome_differs coin"}},
		{"a fill's verdict", "UPDATE attempts SET success = 0 WHERE payment IS NULL", []string{"outcome_differs "}},
		{"failed is paid", "UPDATE withdrawals SET outcome = 'paid' WHERE payment = 'failed'", []string{"outcome_differs failed"}},
		{"paid is failed", "UPDATE withdrawals SET outcome = 'failed' WHERE payment = 'coin'", []string{"outcome_differs coin"}},
		{"paid is refused", "UPDATE withdrawals SET outcome = 'refused' WHERE payment = 'coin'", []string{"outcome_differs coin"}},
		{"paid is cancelled, and its attempt lost", `UPDATE withdrawals SET outcome = 'cancelled' WHERE payment = 'coin';
			UPDATE attempts SET state = 'superseded' WHERE payment = 'coin'`, []string{"on_chain_unexpected coin"}},
		{"cancelled is paid", "UPDATE withdrawals SET outcome = 'paid' WHERE payment = 'cancelled'", []string{"attempt_missing cancelled"}},
		{"refused is paid", "UPDATE withdrawals SET outcome = 'paid' WHERE payment = 'refused'", []string{"attempt_missing refused"}},
		{"it has not ended", "UPDATE withdrawals SET state = 'assigned', outcome = NULL, ended_at = NULL WHERE payment = 'coin'", []string{"not_ended coin"}},
		{"neither has the attempt", `UPDATE withdrawals SET state = 'assigned', outcome = NULL, ended_at = NULL WHERE payment = 'coin';
			UPDATE attempts SET state = 'sent', block_number = NULL WHERE payment = 'coin'`, []string{"not_ended coin"}},
		{"it is queued, and its attempt was refused", `UPDATE withdrawals SET state = 'queued', outcome = NULL, ended_at = NULL WHERE payment = 'coin';
			UPDATE attempts SET state = 'refused', block_number = NULL WHERE payment = 'coin'`, []string{"on_chain_unexpected coin"}},
		{"the withdrawal is gone", "DELETE FROM withdrawals WHERE payment = 'coin'", []string{"payment_unknown coin"}},
		{"a fill is gone", "DELETE FROM attempts WHERE payment IS NULL", []string{"unexplained_spend "}},
		{"a nonce is free", "UPDATE nonces SET state = 'free', request = NULL, row_no = 0 WHERE (wallet_id, nonce) = (SELECT wallet_id, nonce FROM attempts WHERE payment IS NULL)", []string{"unexplained_spend "}},
		{"a nonce is gone", "DELETE FROM nonces WHERE (wallet_id, nonce) = (SELECT wallet_id, nonce FROM attempts WHERE payment IS NULL)", []string{"unexplained_spend "}},
		{"a nonce that nobody has spent is used", "INSERT INTO nonces (wallet_id, nonce, state, fence, updated_at) VALUES (1, 99, 'used', 1, '2026-01-01T00:00:00.000000Z')", []string{"used_for_nothing "}},
		{"a nonce that nobody has spent is final", fmt.Sprintf(`INSERT INTO nonces (wallet_id, nonce, state, fence, updated_at) VALUES (1, 99, 'used', 1, '2026-01-01T00:00:00.000000Z');
			UPDATE attempts SET nonce = 99, wallet_id = 1 WHERE id = %d AND payment = 'coin'`, first.ID), []string{"intent_differs coin", "unexplained_spend "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := *w
			w.T = t
			r, lines := w.reconcile(planted(t, path, c.change))
			var got []string
			for _, d := range r.Differences {
				got = append(got, fmt.Sprintf("%s %s", d.Code, d.Payment))
				if d.Expected == "" || d.Found == "" || d.ToDo == "" || strings.Contains(d.ToDo, "{") || d.ChainType != "evm" || d.ChainID != 1337 {
					t.Errorf("%+v", d)
				}
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) || len(r.Unchecked) != 0 {
				t.Errorf("found %v, want %v; unchecked %+v", got, c.want, r.Unchecked)
			}
			for _, l := range lines {
				if l.Checked == reconcile.CheckedNo {
					t.Errorf("%+v", l)
				}
			}
		})
	}
}

// planted is a copy of a SQLite database in which something was changed past coffer.
func planted(t *testing.T, path, change string) store.DB {
	t.Helper()
	to := filepath.Join(t.TempDir(), "coffer.db")
	raw, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = raw.ExecContext(t.Context(), "VACUUM INTO ?", to)
	must(t, err)
	must(t, raw.Close())
	if raw, err = sql.Open("sqlite", to); err == nil && change != "" {
		_, err = raw.ExecContext(t.Context(), change)
	}
	must(t, err)
	must(t, errors.Join(raw.Close(), os.Chmod(to, 0o600)))
	db, err := sqlite.Open(t.Context(), to, sqlite.Options{Now: time.Now})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func TestWhatNoNodeAnswersIsNotClean(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.submit("a", "b")
		w.settle()
		w.proxy.Refuse(true)
		r, lines := w.reconcile(w.db)
		if r.Clean() || len(r.Differences) != 0 || r.Transactions != 0 || r.Wallets != 0 || len(r.Unchecked) != 1 || r.Unchecked[0].Count != 3 || r.Unchecked[0].Why == "" {
			w.Errorf("nobody answers: %+v", r)
		}
		if len(lines) != 2 || lines[0].Checked != reconcile.CheckedNo || lines[0].Fee == "" {
			w.Errorf("%+v", lines)
		}
		w.proxy.Refuse(false)
		r, _ = w.reconcile(w.db, func(o *reconcile.Options) { o.Chains = nil })
		if r.Clean() || len(r.Differences) != 0 || len(r.NoNodes) != 1 || len(r.Unchecked) != 1 || r.Unchecked[0].Count != 3 {
			w.Errorf("no nodes: %+v", r)
		}
		if r, _ = w.reconcile(w.db); !r.Clean() {
			w.Errorf("they answer again: %+v", r)
		}
	})
}

// The engine is about to write down what the chain shows: that is no difference.
func TestWhatADaemonIsAboutToWriteDownIsNoDifference(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.submit("a")
		w.pass("bind", "sign", "send")
		for range confirmations + 1 {
			w.node.Commit()
		}
		tracked := false
		r, _ := w.reconcile(w.db, func(o *reconcile.Options) {
			o.Progress = func(looked int) {
				if looked == 1 && !tracked {
					tracked = true
					w.pass("track")
					w.pass("track")
				}
			}
		})
		if !tracked || !r.Clean() || r.Open != 1 {
			w.Errorf("%+v", r)
		}
		w.want("a", store.WithdrawalEnded, store.OutcomePaid)
	})
}

// A key that somebody else has: the chain counts what was never handed out here.
func TestWhatSomebodyElseSpentIsUnexplained(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		w.submit("a")
		w.settle()
		w.spendElsewhere(w.wallets[0])
		w.node.Commit()
		r, _ := w.reconcile(w.db)
		if len(r.Differences) != 1 || r.Differences[0].Code != reconcile.UnexplainedSpend || *r.Differences[0].Nonce != 1 || r.Differences[0].Address != w.wallets[0].Address {
			w.Errorf("%+v", r)
		}
	})
}

// A chain that forgot, as one that went back further than its finality, or nodes of another network with the same id.
func TestAChainThatForgotIsFound(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		before := w.node.Commit()
		w.submit("a")
		w.settle()
		w.must(w.node.Fork(before))
		for range 10 {
			w.node.ClearPool()
			w.node.Commit()
		}
		r, lines := w.reconcile(w.db)
		var got []reconcile.Code
		for _, d := range r.Differences {
			got = append(got, d.Code)
		}
		if !slices.Equal(got, []reconcile.Code{reconcile.NotOnChain}) || len(lines) != 1 || lines[0].Checked != reconcile.CheckedDiffers {
			w.Errorf("%v: %+v", got, r)
		}
		// Of a span in which nothing ended, the count says it all the same.
		r, _ = w.reconcile(w.db, func(o *reconcile.Options) { o.Since, o.Until = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour) })
		if len(r.Differences) != 1 || r.Differences[0].Code != reconcile.SpentOnlyHere || *r.Differences[0].Nonce != 0 {
			w.Errorf("later: %+v", r)
		}
	})
}
