package wallet

import (
	"context"
	"errors"
	"fmt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

// The actions of this package in audit rows.
const (
	actionCreate     = "wallet.create"
	actionActivate   = "wallet.activate"
	actionDeactivate = "wallet.deactivate"
)

// Registry is the wallets that coffer manages. All methods may be called from many goroutines.
//
// Each change writes an audit row in its own transaction, and so does each refusal, in one that writes nothing else. What
// was said twice changes nothing and writes none; neither does a value that cannot be right (fault.Usage), because nothing was
// tried.
type Registry struct {
	db    store.DB
	keys  signing.Keys
	actor string
	cache *Cache // nil: there is none in this process
}

// NewRegistry makes the registry of a database. The keys are those of the signing machine; nil means that there is none: then
// no new key can be made, and every wallet's key counts as held elsewhere. The actor is who, in audit rows.
func NewRegistry(db store.DB, keys signing.Keys, actor string) *Registry {
	return &Registry{db: db, keys: keys, actor: actor}
}

// Share tells the registry of its process's cache: what it changes is dropped there at once. Other processes see each change by
// the generation, which rises with it. It gives the registry back.
func (r *Registry) Share(c *Cache) *Registry {
	r.cache = c
	return r
}

// changed drops what was changed, or may have been.
func (r *Registry) changed(w Wallet) {
	if r.cache != nil {
		r.cache.Drop(string(w.ChainType), w.ChainID, w.Address)
	}
}

// Filter selects wallets; a zero field selects all.
type Filter struct {
	ChainID   *int64
	ChainType ChainType
	Type      Type
	Active    *bool
}

// List lists the wallets that match, by id. None is no error.
func (r *Registry) List(ctx context.Context, f Filter) ([]Wallet, error) {
	var found []Wallet
	err := r.db.View(ctx, func(tx store.Reader) error {
		rows, err := tx.Wallets(ctx, store.WalletFilter{
			ChainType: string(f.ChainType), ChainID: f.ChainID, WalletType: string(f.Type), Active: f.Active,
		})
		found = make([]Wallet, len(rows))
		for i, row := range rows {
			found[i] = FromRow(row)
		}
		return err
	})
	if err != nil {
		return nil, storefault.Of(err, "list the wallets")
	}
	return found, nil
}

// Find finds the wallet of an address on a chain; the chain type follows from the form of the address. If there is none it is
// a fault.NotFound.
func (r *Registry) Find(ctx context.Context, address string, chainID int64) (w Wallet, err error) {
	err = r.db.View(ctx, func(tx store.Reader) error {
		w, err = FindIn(ctx, tx, address, chainID)
		return err
	})
	return w, storefault.Of(err, "find wallet "+clipped(address))
}

// FindIn is Registry.Find in somebody else's transaction.
func FindIn(ctx context.Context, tx store.Reader, address string, chainID int64) (Wallet, error) {
	named, err := identify(address, chainID)
	if err != nil {
		return Wallet{}, err
	}
	found, err := tx.Wallets(ctx, named.row())
	if err != nil {
		return Wallet{}, err
	}
	if len(found) == 0 {
		return Wallet{}, named.notFound()
	}
	return FromRow(found[0]), nil
}

// SetActive lets a wallet be chosen and its nonces be reserved, or stops that. What was asked for already goes on either way.
// Changed is false if the wallet was so before; then nothing is written.
func (r *Registry) SetActive(ctx context.Context, address string, chainID int64, active bool) (w Wallet, changed bool, err error) {
	named, err := identify(address, chainID)
	if err != nil {
		return Wallet{}, false, err
	}
	action := actionDeactivate
	if active {
		action = actionActivate
	}
	err = r.db.Update(ctx, func(tx store.Tx) error {
		changed = false // the function may run again
		before, err := tx.LockWallets(ctx, named.row())
		if err != nil {
			return err
		}
		if len(before) == 0 {
			return named.notFound()
		}
		w = FromRow(before[0])
		if w.Active == active {
			return nil
		}
		if err := tx.SetActive(ctx, w.ID, active); err != nil {
			return err
		}
		after, err := tx.Wallets(ctx, named.row())
		if err != nil {
			return err
		}
		if len(after) != 1 {
			return fmt.Errorf("wallet %s is gone from its own transaction", w)
		}
		row := r.row(action, w, store.ResultDone)
		row.Before = Activity(w.Active)
		w, changed = FromRow(after[0]), true
		row.After = Activity(w.Active)
		if _, err := tx.RaiseGeneration(ctx); err != nil {
			return err
		}
		return tx.Record(ctx, []store.AuditRow{row})
	})
	r.changed(named)
	if err != nil {
		return Wallet{}, false, r.refused(ctx, action, named, "", storefault.Of(err, fmt.Sprintf("set wallet %s %s", named.Address, Activity(active))))
	}
	return w, changed, nil
}

// identify reads what names a wallet: the address as somebody typed it, and the chain id.
func identify(address string, chainID int64) (Wallet, error) {
	ct, err := ChainTypeOf(address, chainID)
	if err != nil {
		return Wallet{}, err
	}
	canonical, err := ParseAddress(ct, chainID, address)
	if err != nil {
		return Wallet{}, err
	}
	return Wallet{Address: canonical, ChainType: ct, ChainID: chainID}, nil
}

// row selects the wallet by what makes it unique.
func (w Wallet) row() store.WalletFilter {
	return store.WalletFilter{Address: w.Address, ChainType: string(w.ChainType), ChainID: &w.ChainID}
}

func (w Wallet) notFound() error {
	return fault.New(fault.NotFound, "wallet_not_found", "coffer list",
		"no wallet %s on %s chain %d", w.Address, w.ChainType, w.ChainID)
}

func (r *Registry) row(action string, w Wallet, result string) store.AuditRow {
	return store.AuditRow{Actor: r.actor, Action: action, Subject: w.String(), Result: result}
}

// refused records a refusal, in a transaction of its own, and gives it back. Any other error it gives back as it is: that
// was not refused, it failed, or has its record.
func (r *Registry) refused(ctx context.Context, action string, w Wallet, asked string, refusal error) error {
	if !errors.Is(refusal, fault.Refused) && !errors.Is(refusal, fault.NotFound) && !errors.Is(refusal, fault.NotAllowed) || errors.Is(refusal, store.ErrRecorded) {
		return refusal
	}
	row := r.row(action, w, store.ResultRefused)
	row.After, row.Reason = asked, refusal.Error()
	err := r.db.Update(ctx, func(tx store.Tx) error { return tx.Record(ctx, []store.AuditRow{row}) })
	if err != nil {
		return fault.Wrap(refusal, nil, fault.Code(refusal), fault.Hint(refusal), "refused, and the refusal could not be recorded (%v)", err)
	}
	return refusal
}

// Activity is the word for active or not.
func Activity(active bool) string {
	if active {
		return "active"
	}
	return "inactive"
}
