package nonce

import (
	"fmt"
	"slices"
	"time"

	"coffer.internal/internal/store"
)

// model is what the plan sees of a database, small enough to be obviously right: rows by wallet and nonce, checked on every
// write. Real databases are in the other tests.
type model struct {
	now         time.Time
	wallets     []store.Wallet // by id, which is the index plus one
	rows        map[int64][]store.Nonce
	requests    map[string]store.Request
	withdrawals map[string]string
	unmined     map[int64]int
	brakes      map[int64]string // by wallet id
}

func newModel(wallets ...store.Wallet) *model {
	m := &model{
		now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), wallets: wallets, rows: map[int64][]store.Nonce{},
		requests: map[string]store.Request{}, withdrawals: map[string]string{}, unmined: map[int64]int{},
	}
	for i := range m.wallets {
		w := &m.wallets[i]
		w.ID = int64(i + 1)
		w.Address = fmt.Sprintf("0x%040d", i+1)
		if w.ChainType == "" {
			w.ChainType, w.ChainID = "evm", 1337
		}
		if w.WalletType == "" {
			w.WalletType = "hot"
		}
	}
	return m
}

func (m *model) expired(n store.Nonce) bool {
	return n.State == store.NonceReserved && !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(m.now)
}

func (m *model) facts(calls []*call) facts {
	want := wanted(calls)
	f := facts{withdrawals: m.withdrawals}
	f.Now = m.now
	for _, id := range want.Requests {
		if r, ok := m.requests[id]; ok {
			f.Requests = append(f.Requests, r)
		}
	}
	for _, w := range m.wallets {
		inPool := slices.ContainsFunc(want.Pools, func(p store.Pool) bool {
			return p.ChainType == w.ChainType && p.ChainID == w.ChainID && w.Active && w.WalletType == "hot" && w.Device != ""
		})
		var held []store.Nonce
		load := store.Load{WalletID: w.ID, Unmined: m.unmined[w.ID], Brake: m.brakes[w.ID]}
		for _, n := range m.rows[w.ID] {
			if n.Request != "" && slices.Contains(want.Requests, n.Request) {
				held = append(held, n)
			}
			if n.State == store.NonceReserved && !m.expired(n) {
				load.Reserved++
				if m.requests[n.Request].Kind == store.KindWithdrawal {
					load.ReservedForWithdrawals++
				}
			}
		}
		f.Held = append(f.Held, held...)
		if !inPool && len(held) == 0 && !slices.Contains(want.WalletIDs, w.ID) {
			f.others = append(f.others, w)
			continue
		}
		f.Wallets = append(f.Wallets, w)
		f.Loads = append(f.Loads, load)
		free := 0
		for _, n := range m.rows[w.ID] {
			if free < want.FreeLimit && (n.State == store.NonceFree || m.expired(n)) {
				f.Free = append(f.Free, n)
				free++
			}
		}
	}
	return f
}

// apply writes a decision and says what is wrong with it.
func (m *model) apply(d decision) error {
	for _, n := range d.releases {
		row := &m.rows[n.WalletID][n.Nonce]
		if row.State != store.NonceReserved || row.Fence != n.Fence {
			return fmt.Errorf("released %+v, but there is %+v", n, *row)
		}
		row.State, row.Request, row.Row, row.ExpiresAt = store.NonceFree, "", 0, time.Time{}
	}
	for _, r := range d.write.Requests {
		if _, ok := m.requests[r.ID]; ok {
			return fmt.Errorf("request %s written twice", r.ID)
		}
		m.requests[r.ID] = r
	}
	for _, n := range d.write.Take {
		row := &m.rows[n.WalletID][n.Nonce]
		if row.State != store.NonceFree && !m.expired(*row) {
			return fmt.Errorf("took %+v from %+v", n, *row)
		}
		if n.Fence != row.Fence+1 {
			return fmt.Errorf("the fence went from %d to %d", row.Fence, n.Fence)
		}
		*row = n
	}
	for _, n := range d.write.Insert {
		if rows := m.rows[n.WalletID]; uint64(len(rows)) != n.Nonce {
			return fmt.Errorf("inserted nonce %d where %d is next", n.Nonce, len(rows))
		}
		if n.Fence != 1 {
			return fmt.Errorf("a new row has fence %d", n.Fence)
		}
		m.rows[n.WalletID] = append(m.rows[n.WalletID], n)
	}
	for _, c := range d.write.Cursors {
		w := &m.wallets[c.WalletID-1]
		if w.Nonce != c.From {
			return fmt.Errorf("cursor moved from %d, but it is %d", c.From, w.Nonce)
		}
		w.Nonce = c.To
	}
	for _, p := range d.write.Assign {
		if s := m.withdrawals[p]; s != store.WithdrawalQueued && s != store.WithdrawalAssigned {
			return fmt.Errorf("assigned %s, which is %q", p, s)
		}
		m.withdrawals[p] = store.WithdrawalAssigned
	}
	return m.check()
}

// check is what must be true of every state.
func (m *model) check() error {
	type owner struct {
		request string
		row     int
	}
	seen := map[owner]store.Nonce{}
	for _, w := range m.wallets {
		rows := m.rows[w.ID]
		if uint64(len(rows)) != w.Nonce {
			return fmt.Errorf("wallet %d has %d rows below cursor %d", w.ID, len(rows), w.Nonce)
		}
		for _, n := range rows {
			if n.Request == "" {
				continue
			}
			o := owner{n.Request, n.Row}
			if other, twice := seen[o]; twice {
				return fmt.Errorf("request %v has two nonces: %+v and %+v", o, other, n)
			}
			seen[o] = n
			if n.State == store.NonceReserved && n.ExpiresAt.IsZero() != (w.Device == "") {
				return fmt.Errorf("wallet with device %q: expiry %v", w.Device, n.ExpiresAt)
			}
		}
	}
	return nil
}

// accept is what the desk does with a withdrawal.
func (m *model) accept(id string) {
	m.requests[id] = store.Request{ID: id, Kind: store.KindWithdrawal, Content: "pay " + id, Count: 1}
	m.withdrawals[id] = store.WithdrawalQueued
}

func (m *model) plain(wallet int64, request string, count int) *call {
	w := m.wallets[wallet-1]
	return &call{
		kind: plainCall, request: request, count: count, chain: poolOf(w), address: w.Address, walletID: w.ID,
		content: plainContent(poolOf(w), w.Address, count),
	}
}

func (m *model) best(request string, count int) *call {
	chain := pool{"evm", 1337}
	return &call{kind: bestCall, request: request, count: count, chain: chain, content: bestContent(chain, count), devices: devices{any: true}}
}

func (m *model) bind(c BindCall) *call {
	return &call{kind: bindCall, count: len(c.Payments), chain: pool{"evm", 1337}, bind: c, devices: devices{any: true}}
}
