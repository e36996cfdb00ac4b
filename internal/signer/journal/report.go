package journal

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strconv"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/wire"
)

// Report tells all that is journaled and worth watching, as it is at one moment. What is on its way to the disk is in it already: it is
// for people, and nothing is decided by it. It takes a look at each key, account and counter, never at each answer.
func (j *Journal) Report() (r wire.Report, err error) {
	r.At, _ = j.clock.read()
	err = j.db.View(func(tx *bolt.Tx) error {
		c := countsOf(tx)
		r.Keys, r.Signed, r.Refused, r.Released = c.Keys, c.Signed, c.Refused, c.Released
		r.Ledgers = reportLedgers(tx)
		var f Freeze
		if frozen, err := getJSON(tx.Bucket(meta), metaFrozen, &f); err != nil {
			return err
		} else if frozen {
			r.Freeze, r.Frozen = f.Report(), f.String()
		}
		if r.Addresses, err = reportAddresses(tx); err != nil {
			return err
		}
		r.Limits, err = j.reportLimits(tx, newLimits(tx, r.At))
		return err
	})
	if err != nil {
		return wire.Report{}, fmt.Errorf("read the journal: %w", err)
	}
	r.Policy = j.PolicyHash()
	if c := j.copy.Load(); c != nil {
		r.Copy = c.state.Load()
	}
	return r, nil
}

// PolicyHash names the policy that the journal decides by; empty: there is none.
func (j *Journal) PolicyHash() string {
	if j.rules == nil {
		return ""
	}
	return j.rules.Hash()
}

// Report is the freeze as those who watch are told.
func (f Freeze) Report() *wire.FreezeReport {
	r := &wire.FreezeReport{ID: f.ID, Reasons: make([]wire.FreezeCause, len(f.Reasons))}
	for i, c := range f.Reasons {
		r.Reasons[i] = wire.FreezeCause(c)
	}
	if len(r.Reasons) > 0 {
		r.Since = r.Reasons[0].At
	}
	return r
}

func reportLedgers(tx *bolt.Tx) []wire.LedgerReport {
	all := []wire.LedgerReport{}
	for _, l := range ledgersOf(tx) {
		all = append(all, wire.LedgerReport{Ledger: l, Receipt: highest(tx, l), Entries: count(tx.Bucket(given), key(l))})
	}
	return all
}

// reportAddresses tells of each key, on which chains it signed up to where.
func reportAddresses(tx *bolt.Tx) ([]wire.AddressReport, error) {
	chains := chainsOf(tx)
	all := []wire.AddressReport{}
	err := tx.Bucket(keys).ForEach(func(name, _ []byte) error {
		var k Key
		if _, err := getJSON(tx.Bucket(keys), name, &k); err != nil {
			return err
		}
		on := chains[[2]string{k.ChainType, k.Address}]
		slices.SortFunc(on, func(a, b wire.ChainReport) int { return cmp.Compare(a.ChainID, b.ChainID) })
		all = append(all, wire.AddressReport{
			ChainType: k.ChainType, Address: k.Address, Account: cmp.Or(k.Account, string(derive.Hot)), Ledger: k.Ledger, Path: k.Path,
			Chains: append([]wire.ChainReport{}, on...),
		})
		return nil
	})
	return all, err
}

// chainsOf are the accounts at which something is signed or marked, by chain type and address.
func chainsOf(tx *bolt.Tx) map[[2]string][]wire.ChainReport {
	all := map[[2]string][]wire.ChainReport{}
	marked := map[string]uint64{}
	c := tx.Bucket(marks).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		marked[string(k)] = count(tx.Bucket(marks), k)
	}
	signedUpTo(tx, func(account string, nonce uint64) {
		add(all, account, wire.ChainReport{Mark: marked[account], Highest: &nonce})
		delete(marked, account)
	})
	for account, mark := range marked {
		add(all, account, wire.ChainReport{Mark: mark})
	}
	return all
}

// add adds to the chains of an address, by the account's key.
func add(all map[[2]string][]wire.ChainReport, account string, r wire.ChainReport) {
	chainType, chainID, address, _, ok := accountOf([]byte(account))
	if !ok {
		return
	}
	r.ChainID = chainID
	name := [2]string{chainType, address}
	all[name] = append(all[name], r)
}

// signedUpTo tells each account (as in markKey) at which something is signed, with its highest nonce. It leaps from one to the next.
func signedUpTo(tx *bolt.Tx, tell func(account string, nonce uint64)) {
	c := tx.Bucket(slots).Cursor()
	for k, _ := c.First(); k != nil; {
		_, _, _, rest, ok := accountOf(k)
		group := k[:len(k)-len(rest)]
		if !ok {
			group = inputsOf(k)
		}
		behind := append(bytes.Clone(group), bytes.Repeat([]byte{0xff}, 16)...)
		if bytes.Compare(behind, k) <= 0 { // a key that nothing of ours wrote
			k, _ = c.Next()
			continue
		}
		if ok {
			if last := lastBefore(tx, behind); len(last) >= len(group)+8 {
				tell(string(group), binary.BigEndian.Uint64(last[len(group):]))
			}
		}
		k, _ = c.Seek(behind)
	}
}

func lastBefore(tx *bolt.Tx, behind []byte) []byte {
	c := tx.Bucket(slots).Cursor()
	k, _ := c.Seek(behind)
	if k == nil {
		k, _ = c.Last()
		return k
	}
	k, _ = c.Prev()
	return k
}

// accountOf reads the key of a slot that is a number, or of a mark. ok is false for an outpoint or a message.
func accountOf(k []byte) (chainType string, chainID int64, address string, rest []byte, ok bool) {
	parts, rest := split(k, 3)
	if len(parts) < 3 {
		return "", 0, "", nil, false
	}
	id, err := strconv.ParseInt(parts[1], 10, 64)
	return parts[0], id, parts[2], rest, err == nil
}

// inputsOf is what the keys of all outpoints, or of all messages, of a chain type begin with.
func inputsOf(k []byte) []byte {
	_, rest := split(k, 2)
	return k[:len(k)-len(rest)]
}

// split undoes key, as far as n parts.
func split(k []byte, n int) (parts []string, rest []byte) {
	for range n {
		size, used := binary.Uvarint(k)
		if used <= 0 || uint64(len(k)-used) < size {
			return parts, k
		}
		parts, k = append(parts, string(k[used:used+int(size)])), k[used+int(size):]
	}
	return parts, k
}

// reportLimits tells each counter that the policy in force keeps, and each scope of it that has counted nothing so far.
func (j *Journal) reportLimits(tx *bolt.Tx, l *limits) ([]wire.LimitReport, error) {
	all := []wire.LimitReport{}
	if j.rules == nil {
		return all, nil
	}
	used := map[[2]string][]wire.LimitReport{}
	if err := tx.Bucket(sums).ForEach(func(name, _ []byte) error {
		of, ok := j.rules.Counted(string(name))
		if !ok {
			return nil
		}
		c, err := l.counter(string(name))
		if err != nil {
			return err
		}
		scope := [2]string{of.Rule, of.Scope}
		used[scope] = append(used[scope], limitReport(of, c.usage()))
		return nil
	}); err != nil {
		return nil, err
	}
	for _, of := range j.rules.Limits() {
		here := used[[2]string{of.Rule, of.Scope}]
		if here == nil {
			here = append(here, limitReport(of, policy.Usage{}))
		}
		all = append(all, here...)
	}
	return all, nil
}

func limitReport(of policy.Counted, u policy.Usage) wire.LimitReport {
	return wire.LimitReport{
		Rule: of.Rule, Scope: of.Scope, Chain: of.Chain, Asset: of.Asset, Address: of.Address,
		Hour: windowReport(u.Hour, of.Hour), Day: windowReport(u.Day, of.Day),
	}
}

func windowReport(used, limit policy.Sum) (w wire.WindowReport) {
	w.Amount, w.Fee = usedAmount(used.Amount, limit.Amount), usedAmount(used.Fee, limit.Fee)
	if limit.Count > 0 {
		w.Count = &wire.UsedCount{Used: used.Count, Limit: limit.Count}
	}
	return w
}

func usedAmount(used, limit *big.Int) *wire.UsedAmount {
	if limit == nil {
		return nil
	}
	if used == nil {
		used = new(big.Int)
	}
	return &wire.UsedAmount{Used: used.String(), Limit: limit.String()}
}
