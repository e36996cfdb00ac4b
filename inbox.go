package coffer

import "context"

// collecting takes in what programs put into the database's inbox by SQL, until leave is called, which waits for the end of it. The
// daemon does so; only PostgreSQL has an inbox.
func (s *System) collecting(ctx context.Context) (leave func()) {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Withdrawals.CollectAll(ctx, s.log)
	}()
	return func() {
		stop()
		<-ended
	}
}
