package coffer

import "context"

// collecting takes in what programs put into the database's inbox by SQL, until leave is called, which waits for the end of it. The
// daemon does so; only PostgreSQL has an inbox.
func (s *System) collecting(ctx context.Context) (leave func()) {
	return running(ctx, func(ctx context.Context) { s.Withdrawals.CollectAll(ctx, s.log) })
}
