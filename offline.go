package coffer

import (
	"context"

	"coffer.internal/nonce"
	"coffer.internal/signing"
	"coffer.internal/withdrawal"
)

// ExportRequest is a payment out of a wallet whose signing machine no network reaches.
type ExportRequest struct {
	Request string // request id
	From    string // the wallet that pays: cold or vault
	ChainID int64
	withdrawal.ExportRequest
}

// Export reserves the wallet's next nonce for a payment, writes the payment down as asked, and gives the file by which its machine is
// asked. Said again with the same content, it gives the same file.
func (s *System) Export(ctx context.Context, q ExportRequest) (withdrawal.ExportedPayment, error) {
	if err := s.engine.Exportable(ctx, q.From, q.ChainID, q.Request, q.ExportRequest); err != nil { // before a nonce is taken
		return withdrawal.ExportedPayment{}, err
	}
	r, err := s.Nonces.Reserve(ctx, nonce.Call{Address: q.From, ChainID: q.ChainID, Request: q.Request, Count: 1})
	if err != nil {
		return withdrawal.ExportedPayment{}, err
	}
	return s.engine.Export(ctx, r, q.ExportRequest)
}

// ExportAgain gives the file of a payment that was exported and has no answer yet.
func (s *System) ExportAgain(ctx context.Context, request string) (withdrawal.ExportedPayment, error) {
	return s.engine.ExportAgain(ctx, request)
}

// ExportCancel gives the file by which the cancellation of an exported payment is asked for.
func (s *System) ExportCancel(ctx context.Context, request, reason string) (withdrawal.ExportedPayment, error) {
	return s.engine.ExportCancel(ctx, request, reason)
}

// ExportBump gives the file by which an exported payment is asked for again with higher fees.
func (s *System) ExportBump(ctx context.Context, request, reason string) (withdrawal.ExportedPayment, error) {
	return s.engine.ExportBump(ctx, request, reason)
}

// Import stores the answers of a machine that no network reaches, all or none. The daemon sends and tracks what is signed.
func (s *System) Import(ctx context.Context, o signing.OfflineAnswers) ([]withdrawal.Imported, error) {
	return s.engine.Import(ctx, o)
}
