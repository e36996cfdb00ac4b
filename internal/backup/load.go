package backup

import (
	"context"

	"coffer.internal/internal/store"
)

// Load fills an empty ledger, whose tables Migrate made, with a backup, in one transaction: all of it, or nothing. The ledger is the
// backup's then, its id included, and so is every row. A backup with fewer columns or tables, of an older coffer, leaves what a new row or
// ledger has in them.
//
// A ledger that is not empty is store.ErrNotEmpty, and rows that this database cannot hold are store.ErrNoPlace.
func Load(ctx context.Context, db store.DB, from Source, config func([]byte) error) (Manifest, error) {
	return LoadThen(ctx, db, from, config, func(context.Context, store.Tx, Manifest) error { return nil })
}

// LoadThen is Load, and then, in the same transaction, whatever has to be so from the first moment that the rows are there. Its error, as
// every other, leaves the ledger empty.
func LoadThen(
	ctx context.Context, db store.DB, from Source, config func([]byte) error, then func(context.Context, store.Tx, Manifest) error,
) (m Manifest, err error) {
	schema, err := newest(ctx, db)
	if err != nil {
		return m, err
	}
	err = db.Update(ctx, func(tx store.Tx) error {
		err := tx.Fill(ctx, func(put store.Put) (err error) {
			m, err = from.Read(schema, Into{Config: config, Rows: put})
			return err
		})
		if err != nil {
			return err
		}
		return then(ctx, tx, m)
	})
	if err != nil {
		return Manifest{}, err
	}
	return m, nil
}
