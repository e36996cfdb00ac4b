package journal

import (
	"context"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

// Key is a key that this machine made. It holds nothing secret.
type Key struct {
	Address   string `json:"address"`
	ChainType string `json:"chain_type"`
	Network   string `json:"network"`           // derive.Counter: chains of one network share a key's path
	Account   string `json:"account,omitempty"` // cold, vault; empty: hot. It is that of Path
	Ledger    string `json:"ledger"`            // the one ledger that may have it sign
	Ref       string `json:"ref,omitempty"`
	Path      string `json:"path"`
}

// maxName is the most bytes of a ledger id or a ref: bbolt fails on keys above 32 KiB, and with it every caller of the same commit.
const maxName = 1 << 10

// NewKey makes a key of the next index, or finds the path made for the same ref. address derives what lies at a path. The
// index is taken before anybody hears of the key, and is never taken again.
func (j *Journal) NewKey(ctx context.Context, r signing.KeyRequest, address func(path string) (string, error)) (Key, error) {
	network, err := derive.Counter(r.ChainType, r.ChainID)
	if err != nil {
		return Key{}, err
	}
	account, err := derive.ParseAccount(r.Account)
	if err != nil {
		return Key{}, err
	}
	if r.Ledger == "" {
		return Key{}, fault.New(fault.Usage, "no_ledger", "coffer init", "a key is bound to a ledger, and none is named")
	}
	if len(r.Ledger) > maxName || len(r.Ref) > maxName {
		return Key{}, fault.New(fault.Usage, "long_ref", "", "a ledger id and a ref have at most %d bytes, these have %d and %d", maxName, len(r.Ledger), len(r.Ref))
	}
	k := Key{ChainType: r.ChainType, Network: network, Ledger: r.Ledger, Ref: r.Ref}
	if account != derive.Hot {
		k.Account = string(account)
	}
	err = j.write(ctx, func(tx *bolt.Tx) (wrote bool, err error) {
		if err := thawed(tx); err != nil {
			return false, err
		}
		made := false
		if k.Path, made, err = path(tx, r, account, k.counter()); err != nil {
			return false, err
		}
		if k.Address, err = address(k.Path); err != nil {
			return false, err
		}
		if _, known, err := findKey(tx, k.ChainType, k.Address); known || err != nil {
			if made && err == nil {
				err = fmt.Errorf("%s was made before: the journal's counter %s went back", k.Address, k.counter())
			}
			return false, err
		}
		return true, putKey(tx, k, made)
	})
	if err != nil {
		return Key{}, err
	}
	return k, nil
}

// counter names the counter of the key's index; a ref is one within it.
func (k Key) counter() string {
	if k.Account == "" {
		return derive.CounterOf(k.Network, derive.Hot)
	}
	return derive.CounterOf(k.Network, derive.Account(k.Account))
}

// path is that of the ref, or the next of the counter.
func path(tx *bolt.Tx, r signing.KeyRequest, account derive.Account, counter string) (p string, made bool, err error) {
	if r.Ref != "" {
		if b := tx.Bucket(refs).Get(key(r.Ledger, r.ChainType, counter, r.Ref)); b != nil {
			return string(b), false, nil
		}
	}
	next := count(tx.Bucket(counters), []byte(counter))
	if next > derive.MaxIndex {
		return "", false, fault.New(fault.Refused, "keys_used_up", "make another signing machine", "every index of %s is used", counter)
	}
	p, err = derive.Path(account, r.ChainType, r.ChainID, uint32(next))
	return p, true, err
}

// putKey writes a key's address. A path that was made takes its index and its ref as well; one that was there just gets the
// address that it has on another network of its kind.
func putKey(tx *bolt.Tx, k Key, made bool) error {
	err := putJSON(tx.Bucket(keys), key(k.ChainType, k.Address), k)
	if !made {
		return err
	}
	err = errors.Join(err, bump(tx.Bucket(counters), []byte(k.counter()), 1), bump(tx.Bucket(meta), metaKeys, 1))
	if k.Ref != "" {
		err = errors.Join(err, tx.Bucket(refs).Put(key(k.Ledger, k.ChainType, k.counter(), k.Ref), []byte(k.Path)))
	}
	return err
}

// FindKey finds the key of an address.
func (j *Journal) FindKey(chainType, address string) (k Key, ok bool, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		k, ok, err = findKey(tx, chainType, address)
		return err
	})
	return k, ok, err
}

func findKey(tx *bolt.Tx, chainType, address string) (k Key, ok bool, err error) {
	ok, err = getJSON(tx.Bucket(keys), key(chainType, address), &k)
	return k, ok, err
}

// Counts are what the journal holds.
type Counts struct {
	Keys, Signed, Refused, Released int
}

// Counts says how much the journal holds.
func (j *Journal) Counts() (c Counts, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		c = countsOf(tx)
		return nil
	})
	if err != nil {
		return Counts{}, fmt.Errorf("read the journal: %w", err)
	}
	return c, nil
}

func countsOf(tx *bolt.Tx) Counts {
	m := tx.Bucket(meta)
	return Counts{Keys: int(count(m, metaKeys)), Signed: int(count(m, metaSigned)), Refused: int(count(m, metaRefused)), Released: int(count(m, metaReleased))}
}
