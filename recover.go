package coffer

import (
	"context"
	"fmt"
	"io"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/presence"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// lockRecover keeps two recoveries of one database apart.
const lockRecover = "recover"

// Recover rebuilds from the signing machine's journal what the database does not know any more: it is a restored backup, or a fail-over
// lost its tail (withdrawal.Recover). With dryRun it only says what it would rebuild. It is refused while a daemon drives the database.
func (s *System) Recover(ctx context.Context, dryRun bool) (r withdrawal.Recovery, err error) {
	err = s.undriven(ctx, func() error {
		m, err := s.restored(ctx)
		if err == nil && m.Paused && !dryRun {
			err = fault.New(fault.Refused, storefault.CodePaused, "coffer restore --continue does that and more, and keeps a record of it", "%s", storefault.PausedWhy(m))
		}
		if err != nil {
			return err
		}
		r, err = withdrawal.Recover(ctx, withdrawal.RecoverOptions{DB: s.admin, Machine: s.machine, Chains: s.chains, Actor: s.actor, DryRun: dryRun})
		return err
	})
	return r, err
}

// nobodyDrives refuses if a daemon lives that has wallets. One that has none, because its ledger is behind from its start, moves nothing.
func (s *System) nobodyDrives(ctx context.Context) error {
	if s.alone() {
		return nil // by the lock
	}
	n, driven := 0, ""
	err := s.db.View(ctx, func(r store.Reader) error {
		var err error
		if n, err = s.daemons(ctx, r); err != nil || n == 0 {
			return err
		}
		driven, err = drivenBy(ctx, r)
		return err
	})
	if err == nil && driven != "" {
		err = fault.New(fault.Refused, "daemon_runs", "stop coffer run first, on every machine (coffer cache-status shows them); it pays nothing meanwhile",
			"%d daemons live, and drive wallets such as %s", n, driven)
	}
	return storefault.Of(err, "see whether a daemon runs")
}

// drivenBy is a wallet that a daemon which lives has the lease of.
func drivenBy(ctx context.Context, r store.Reader) (string, error) {
	ws, err := r.Wallets(ctx, store.WalletFilter{})
	if err != nil {
		return "", err
	}
	ids, address := make([]int64, len(ws)), map[int64]string{}
	for i, w := range ws {
		ids[i], address[w.ID] = w.ID, w.Address
	}
	leases, err := r.Leases(ctx, ids)
	if err != nil {
		return "", err
	}
	st, err := presence.In(ctx, r)
	if err != nil {
		return "", err
	}
	for _, i := range st.Live() {
		for _, l := range leases {
			if l.Holder == i.ID {
				return address[l.WalletID], nil
			}
		}
	}
	return "", nil
}

// ExportSigner writes what the ledger knows of a signing machine, for `coffer-signer load` (withdrawal.Export). The machine is not asked:
// it may be lost.
func (s *System) ExportSigner(ctx context.Context, device string, w io.Writer) (withdrawal.Exported, error) {
	return withdrawal.Export(ctx, s.db, device, w)
}

// RebindDevice moves all wallets of one signing machine to the one that answers now, which must be the one named (wallet.Registry.Rebind).
func (s *System) RebindDevice(ctx context.Context, from, to, reason string) ([]wallet.Wallet, error) {
	st, err := s.machine.Status(ctx)
	if err != nil {
		return nil, err
	}
	if st.Device != to {
		return nil, fault.New(fault.Refused, "another_device", fmt.Sprintf("--signer names the machine; coffer-signer status shows its device: %s", st.Device),
			"the signing machine that answers is %s, not %s; no wallet was moved", st.Device, to)
	}
	return s.Wallets.Rebind(ctx, from, to, reason)
}
