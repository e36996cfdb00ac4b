package signer

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/wire"
)

// AdminSocket is where the machine of a home takes what only its own user may ask for, while it serves.
func AdminSocket(home string) string { return filepath.Join(home, "admin.sock") }

// Admin lets the user that a machine runs as release payments there. It has nothing in common with what coffer may ask for: another
// socket, in the machine's own home, and another handler; and the kernel says who connects.
type Admin struct {
	replies
	machine *Machine
	now     func() time.Time
	peer    func(net.Conn) (uid int, err error)
}

// NewAdmin makes the administrative side of a machine.
func NewAdmin(m *Machine, log *slog.Logger, now func() time.Time) *Admin {
	return &Admin{replies: replies{log}, machine: m, now: now, peer: peerUID}
}

// caller is the key under which a request knows who connected.
type caller struct{}

// Serve answers on a listener until ctx ends; what is under way then is finished. It closes the listener.
func (a *Admin) Serve(ctx context.Context, l net.Listener) error {
	return serve(ctx, l, a.log, &http.Server{
		Handler: a.handler(),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			uid, err := a.peer(c)
			if err != nil {
				a.log.Error("who connects to the administrative socket is not known", "error", err)
				return ctx
			}
			return context.WithValue(ctx, caller{}, uid)
		},
	})
}

func (a *Admin) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+wire.PathRelease, a.release)
	return mux
}

func (a *Admin) release(w http.ResponseWriter, r *http.Request) {
	uid, known := r.Context().Value(caller{}).(int)
	if !known {
		a.fail(w, fault.New(fault.NotAllowed, "unknown_user", "stop `coffer-signer serve`, then say it again", "it cannot be told who asks"))
		return
	}
	if uid != os.Geteuid() {
		a.log.Warn("a release by another user was refused", "uid", uid)
		a.fail(w, fault.New(fault.NotAllowed, "another_user", "run it as the user that serves", "user %d may not release here, only user %d", uid, os.Geteuid()))
		return
	}
	var req wire.ReleaseRequest
	if err := read(w, r, &req); err != nil {
		a.fail(w, err)
		return
	}
	done, err := Release(r.Context(), a.machine.journal, req, uid, a.now())
	if err != nil {
		a.log.Warn("not released", "payment", req.Payment, "ledger", req.Ledger, "error", err)
		a.fail(w, err)
		return
	}
	a.log.Warn("released", "payment", done.Payment, "ledger", done.Ledger, "address", done.Address, "nonce", done.Nonce, "already", done.AlreadyReleased,
		"by", done.ReleasedBy, "reason", done.Reason)
	a.answer(w, done)
}

// Release records in a journal that a user of this system releases a payment from the place that it is bound to.
func Release(ctx context.Context, j *journal.Journal, req wire.ReleaseRequest, uid int, now time.Time) (wire.ReleaseAnswer, error) {
	ledger, state, already, err := j.Release(ctx, journal.Release{
		Ledger: req.Ledger, Payment: req.Payment, Reason: req.Reason, At: now.UTC().Truncate(time.Second), By: userName(uid),
	})
	if err != nil {
		return wire.ReleaseAnswer{}, err
	}
	return wire.ReleaseAnswer{Ledger: ledger, Payment: req.Payment, AlreadyReleased: already, PaymentState: state}, nil
}

// userName is a user's name, or its number if it has none.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(uid)
}
