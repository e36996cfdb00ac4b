package postgres

import (
	"context"
	"errors"
	"time"

	"coffer.internal/internal/store"
)

var errNotYet = errors.New("not in this build yet")

func (r *reader) Leases(context.Context, []int64) ([]store.Lease, error) { return nil, errNotYet }
func (r *reader) Alarms(context.Context, store.AlarmFilter) ([]store.Alarm, error) {
	return nil, errNotYet
}
func (r *reader) Wishes(context.Context, store.WishFilter) ([]store.Wish, error) {
	return nil, errNotYet
}
func (t *tx) TakeLeases(context.Context, string, []int64, time.Duration) ([]store.Lease, error) {
	return nil, errNotYet
}
func (t *tx) RenewLeases(context.Context, string, time.Duration) ([]store.Lease, error) {
	return nil, errNotYet
}
func (t *tx) DropLeases(context.Context, string, []int64) error       { return errNotYet }
func (t *tx) HoldLeases(context.Context, []store.Lease) error         { return errNotYet }
func (t *tx) RaiseAlarms(context.Context, []store.Alarm) error        { return errNotYet }
func (t *tx) EndAlarms(context.Context, []string, string) error       { return errNotYet }
func (t *tx) AddWish(context.Context, store.Wish) (store.Wish, error) { return store.Wish{}, errNotYet }
func (t *tx) EndWishes(context.Context, []int64, string) error        { return errNotYet }
func (t *tx) SpendElsewhere(context.Context, store.External) error    { return errNotYet }
func (t *tx) WinBack(context.Context, int64, uint64) error            { return errNotYet }
func (t *tx) LetGo(context.Context, int64, uint64) error              { return errNotYet }
