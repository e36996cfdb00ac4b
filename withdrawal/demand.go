package withdrawal

import (
	"context"
	"maps"
	"math/big"
	"slices"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
)

const (
	pageSize = 512 // withdrawals read at a time
	maxPages = 20  // how far into the queue one pass looks
)

// demand is what waits to be bound, and what there is to pay it with.
type demand struct {
	assigned []store.Withdrawal // they had a nonce and were not asked for yet
	queued   []store.Withdrawal
	lapsed   []store.Withdrawal // queued, or without the nonce they had; their authorization expired, which is not noted yet
	wallets  []store.Wallet     // active hot wallets whose key a signing machine holds, as the cache has them: without cursors
	mine     map[int64]bool     // those of them that this daemon drives: only they are given payments here
	loads    map[int64]store.Load
	unmined  []spend // what they may still have to pay for

	funds  chain.Funds
	purses map[int64]nonce.Purse
}

// demand reads it, in one snapshot. The attempts are read before the chain is asked for balances: what is mined in between is
// then counted twice, and never not at all.
//
// Which wallets there are, the cache may say: the ledger reads again under the lock whether the one it chooses is active.
func (l *lane) demand(ctx context.Context) (d demand, err error) {
	reading := l.cache.Begin()
	err = l.db.View(ctx, func(r store.Reader) error {
		if d.assigned, err = r.Withdrawals(ctx, l.withdrawals(store.WithdrawalAssigned)); err != nil {
			return err
		}
		if d.queued, err = l.queue(ctx, r); err != nil {
			return err
		}
		if err := l.setLapsedApart(ctx, r, &d); err != nil || !d.pressing() {
			return err
		}
		return l.supply(ctx, reading, r, &d)
	})
	return d, storefault.Of(err, "read what waits")
}

// setLapsedApart finds the payments whose authorization expired. Those that still hold a nonce give it back when they would be asked for.
func (l *lane) setLapsedApart(ctx context.Context, r store.Reader, d *demand) error {
	f := l.withdrawals(store.WithdrawalQueued)
	f.Lapsed, f.Limit = true, pageSize
	var err error
	if d.lapsed, err = r.Withdrawals(ctx, f); err != nil {
		return err
	}
	now, err := r.Now(ctx)
	if err != nil {
		return err
	}
	d.assigned = slices.DeleteFunc(d.assigned, func(w store.Withdrawal) bool {
		if unauthorized(w, now) == "" {
			return false
		}
		if !standing(w) {
			d.lapsed = append(d.lapsed, w)
		}
		return true
	})
	return nil
}

// queue reads the queue, oldest first: what may be asked for.
func (l *lane) queue(ctx context.Context, r store.Reader) (all []store.Withdrawal, err error) {
	f := l.withdrawals(store.WithdrawalQueued)
	f.Authorized, f.Limit = true, pageSize
	for range maxPages {
		page, err := r.Withdrawals(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < pageSize {
			break
		}
		f.AfterSeq = page[len(page)-1].Seq
	}
	return all, nil
}

func (l *lane) supply(ctx context.Context, reading wallet.Reading, r store.Reader, d *demand) error {
	hot, err := reading.Hot(ctx, r, l.setup.Type, l.setup.ID)
	if err != nil {
		return err
	}
	var ids []int64
	d.mine = map[int64]bool{}
	for _, w := range hot {
		if w.Active && w.Device != "" {
			d.wallets = append(d.wallets, w)
			ids = append(ids, w.ID)
			d.mine[w.ID] = l.leases.has(w.ID)
		}
	}
	loads, err := r.Loads(ctx, ids)
	if err != nil {
		return err
	}
	d.loads = make(map[int64]store.Load, len(loads))
	for _, load := range loads {
		d.loads[load.WalletID] = load
	}
	d.unmined, err = l.costs.unmined(ctx, r, l)
	return err
}

// ours says whether this daemon has anything to give here: with a wallet of its own, or none there at all, of which it tells.
func (d demand) ours() bool {
	return len(d.wallets) == 0 || slices.Contains(slices.Collect(maps.Values(d.mine)), true)
}

// speaks says whether this daemon is the one that says why payments wait: the one that drives the first wallet. Two who see
// different things would only contradict each other.
func (d demand) speaks() bool { return len(d.wallets) == 0 || d.mine[d.wallets[0].ID] }

// pressing says whether somebody waits for a wallet or a nonce.
func (d demand) pressing() bool {
	for _, w := range d.assigned {
		if !standing(w) {
			return true
		}
	}
	return len(d.queued) > 0
}

// standing says whether a withdrawal has its nonce, and has not lost it by waiting.
func standing(w store.Withdrawal) bool { return w.Nonce != nil && !w.Expired }

// appraise asks the chain what the wallets have, and takes off what they may still have to pay for.
func (l *lane) appraise(ctx context.Context, d *demand) (err error) {
	addresses := make([]string, len(d.wallets))
	for i, w := range d.wallets {
		addresses[i] = w.Address
	}
	if d.funds, err = l.fundsOf(ctx, addresses, d.contracts()); err != nil {
		return err
	}
	d.purses = make(map[int64]nonce.Purse, len(d.wallets))
	for _, w := range d.wallets {
		p := nonce.Purse{Native: new(big.Int).Set(d.funds.Native[w.Address]), Tokens: map[string]*big.Int{}}
		for contract, has := range d.funds.Tokens {
			p.Tokens[contract] = new(big.Int).Set(has[w.Address])
		}
		d.purses[w.ID] = p
	}
	for _, most := range dearest(d.unmined) {
		most.takeOff(d.purses)
	}
	return nil
}

// fundsOf asks for all contracts at once. If that cannot be answered, each is asked for alone, so that one contract that no node
// has an answer about holds up only its own payments.
func (l *lane) fundsOf(ctx context.Context, addresses, contracts []string) (chain.Funds, error) {
	all, err := l.chain.Funds(ctx, addresses, contracts)
	if err == nil || len(contracts) == 0 {
		return all, err
	}
	if all, err = l.chain.Funds(ctx, addresses, nil); err != nil {
		return all, err
	}
	for _, contract := range contracts {
		one, err := l.chain.Funds(ctx, addresses, []string{contract})
		if err != nil {
			l.log.Warn("no node can say who has how much of a token", "contract", contract, "error", err)
			continue
		}
		all.Tokens[contract], all.MaxFee[contract] = one.Tokens[contract], one.MaxFee[contract]
	}
	return all, nil
}

// contracts are those of the tokens that are to be paid.
func (d demand) contracts() []string {
	var all []string
	seen := map[string]bool{"": true}
	for _, rows := range [][]store.Withdrawal{d.assigned, d.queued} {
		for _, w := range rows {
			if !seen[w.Contract] {
				seen[w.Contract] = true
				all = append(all, w.Contract)
			}
		}
	}
	return all
}

// binding is what a payment asks the ledger for.
func (d demand) binding(w store.Withdrawal) nonce.Binding {
	return nonce.Binding{
		Payment: w.Payment, Request: w.Request, Row: w.Row, Contract: w.Contract, Amount: amountOf(w), MaxFee: d.maxFee(w.Contract),
	}
}

// maxFee is the most that paying one amount of a contract's token (or of the coin) may cost now.
func (d demand) maxFee(contract string) *big.Int {
	if fee := d.funds.MaxFee[contract]; fee != nil {
		return fee
	}
	return new(big.Int)
}
