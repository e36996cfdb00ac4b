package signer

import (
	"context"
	"os/user"
	"strconv"
	"time"

	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/officers"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// Keeping is what the user that a machine runs as may do with it, and coffer may not ask for: release, freeze, unfreeze. Some of it takes
// two officers as well, if the policy in force names officers.
type Keeping struct {
	Journal  *journal.Journal
	Machine  *Machine           // nil: nobody serves
	Officers []officers.Officer // of the policy in force
	By       string             // who does it
	Now      time.Time
	Version  string // of the program
}

// Keeping is what its user may do with this machine.
func (m *Machine) Keeping(by string, now time.Time) (Keeping, error) {
	of, err := m.Officers()
	return Keeping{Journal: m.journal, Machine: m, Officers: of, By: by, Now: now, Version: m.version}, err
}

func (k Keeping) at() time.Time { return k.Now.UTC().Truncate(time.Second) }

// approve has officers approve an act on this machine. It is called in the transaction that does the act.
func (k Keeping) approve(action, subject string, tokens []string) (officers.Approval, error) {
	device, err := k.Journal.Device()
	if err != nil {
		return officers.Approval{}, err
	}
	return officers.Act{Device: device, Action: action, Subject: subject}.Approve(k.Officers, tokens, k.Now)
}

// Release records that a payment is released from the place that it is bound to.
func (k Keeping) Release(ctx context.Context, req wire.ReleaseRequest) (wire.ReleaseAnswer, error) {
	ledger, state, already, err := k.Journal.Release(ctx, journal.Release{
		Ledger: req.Ledger, Payment: req.Payment, Reason: req.Reason, At: k.at(), By: k.By,
	}, func(subject string) ([]string, error) {
		a, err := k.approve(signing.ActionRelease, subject, req.Approvals)
		return a.Tokens, err
	})
	if err != nil {
		return wire.ReleaseAnswer{}, err
	}
	return wire.ReleaseAnswer{Ledger: ledger, Payment: req.Payment, AlreadyReleased: already, PaymentState: state}, nil
}

// Freeze has the machine sign nothing more. One person may.
func (k Keeping) Freeze(ctx context.Context, req wire.FreezeRequest) (a wire.FreezeAnswer, err error) {
	cause := journal.FreezeCause{At: k.at(), By: k.By, Reason: req.Reason}
	freeze := k.Journal.Freeze
	if k.Machine != nil {
		freeze = k.Machine.Freeze
	}
	f, already, err := freeze(ctx, cause)
	if err != nil {
		return wire.FreezeAnswer{}, err
	}
	return wire.FreezeAnswer{Freeze: f.ID, Why: f.String(), AlreadyFrozen: already}, nil
}

// Unfreeze has the machine sign again.
func (k Keeping) Unfreeze(ctx context.Context, req wire.UnfreezeRequest) (a wire.UnfreezeAnswer, err error) {
	if k.Machine != nil {
		if err := k.Machine.writeHalt(ctx); err != nil {
			return a, err
		}
	}
	var approval officers.Approval
	f, frozen, err := k.Journal.Unfreeze(ctx, k.at(), k.By, func(subject string) (proof []string, err error) {
		approval, err = k.approve(signing.ActionUnfreeze, subject, req.Approvals)
		return approval.Tokens, err
	})
	if err != nil || !frozen {
		return a, err
	}
	return wire.UnfreezeAnswer{Freeze: f.ID, Why: f.String(), Officers: approval.Officers}, nil
}

// UserName is a user's name, or its number if it has none.
func UserName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(uid)
}
