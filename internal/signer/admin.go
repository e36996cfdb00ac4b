package signer

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/officers"
	"coffer.internal/internal/signer/requestlog"
	"coffer.internal/internal/signer/wire"
)

// AdminSocket is where the machine of a home takes what only its own user may ask for, while it serves.
func AdminSocket(home string) string { return filepath.Join(home, "admin.sock") }

// Admin lets the user that a machine runs as do there what coffer may not ask for (Keeping). It has nothing in common with what coffer
// may ask for: another socket, in the machine's own home, and another handler; and the kernel says who connects.
type Admin struct {
	replies
	machine  *Machine
	officers []officers.Officer
	now      func() time.Time
	peer     func(net.Conn) (uid int, err error)
	requests *requestlog.Log // nil: none is kept
}

// Writing has each request written down in the machine's own log.
func (a *Admin) Writing(requests *requestlog.Log) *Admin {
	a.requests = requests
	return a
}

// NewAdmin makes the administrative side of a machine. The officers are those of its policy.
func NewAdmin(m *Machine, of []officers.Officer, log *slog.Logger, now func() time.Time) *Admin {
	return &Admin{replies: replies{log}, machine: m, officers: of, now: now, peer: peerUID}
}

// caller is the key under which a request knows who connected.
type caller struct{}

// Serve answers on a listener until ctx ends; what is under way then is finished. It closes the listener.
func (a *Admin) Serve(ctx context.Context, l net.Listener) error {
	o := newObserver(a.log, ServerOptions{Requests: a.requests, Now: a.now})
	return serve(ctx, o.bounded(l, maxLocal, maxLocal), a.log, a.web(ctx, o))
}

func (a *Admin) web(ctx context.Context, o observer) *http.Server {
	return o.hearing(ctx, &http.Server{
		Handler: o.observed(a.handler()),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			uid, err := a.peer(underlying(c))
			if err != nil {
				a.log.Error("who connects to the administrative socket is not known", "error", err)
				return ctx
			}
			ctx = context.WithValue(ctx, callerKey{}, Caller{Who: "uid " + strconv.Itoa(uid), Role: "admin", Local: true, From: "admin.sock"})
			return context.WithValue(ctx, caller{}, uid)
		},
	}, nil)
}

// handler knows its paths as they are: nothing is cleaned, and nobody is sent to another.
func (a *Admin) handler() http.Handler {
	type act struct {
		method string
		handle http.HandlerFunc
	}
	acts := map[string]act{
		wire.PathRelease:  {http.MethodPost, keeps(a, "a release", a.release)},
		wire.PathFreeze:   {http.MethodPost, keeps(a, "a freeze", a.freeze)},
		wire.PathUnfreeze: {http.MethodPost, keeps(a, "an unfreeze", a.unfreeze)},
		wire.PathLoad:     {http.MethodPost, keeps(a, "a load", a.load)},
		wire.PathBackup:   {http.MethodPost, keeps(a, "a backup", a.backup)},
		wire.PathPolicy:   {http.MethodGet, a.policy},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		act, ok := acts[r.URL.Path]
		switch {
		case !ok:
			a.fail(w, noSuchPath())
		case r.Method != act.method:
			a.failWith(w, http.StatusMethodNotAllowed, wrongMethod(r, act.method))
		default:
			act.handle(w, r)
		}
	})
}

// keeps handles what the machine's own user alone may ask for.
func keeps[Request, Answer any](a *Admin, what string, do func(context.Context, Keeping, Request) (Answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		uid, known := r.Context().Value(caller{}).(int)
		if !known {
			a.fail(w, fault.New(fault.NotAllowed, "unknown_user", "stop `coffer-signer serve`, then say it again", "it cannot be told who asks"))
			return
		}
		if uid != os.Geteuid() {
			a.log.Warn(what+" by another user was refused", "uid", uid)
			a.fail(w, fault.New(fault.NotAllowed, "another_user", "run it as the user that serves", "user %d may not ask for %s here, only user %d", uid, what, os.Geteuid()))
			return
		}
		var req Request
		if err := read(w, r, &req); err != nil {
			a.fail(w, err)
			return
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // a load or a backup takes its time; whoever asks is at this machine
		done, err := do(r.Context(), Keeping{Journal: a.machine.journal, Machine: a.machine, Officers: a.officers, By: UserName(uid), Now: a.now(), Version: a.machine.version}, req)
		if err != nil {
			a.log.Warn(what+" was not done", "error", err)
			a.fail(w, err)
			return
		}
		a.answer(w, done)
	}
}

func (a *Admin) release(ctx context.Context, k Keeping, req wire.ReleaseRequest) (wire.ReleaseAnswer, error) {
	done, err := k.Release(ctx, req)
	if err == nil {
		a.log.Warn("released", "payment", done.Payment, "ledger", done.Ledger, "address", done.Address, "nonce", done.Nonce, "already", done.AlreadyReleased,
			"by", done.ReleasedBy, "reason", done.Reason)
	}
	return done, err
}

func (a *Admin) freeze(ctx context.Context, k Keeping, req wire.FreezeRequest) (wire.FreezeAnswer, error) {
	done, err := k.Freeze(ctx, req)
	if err == nil {
		a.log.Warn("frozen: nothing is signed until it is unfrozen", "freeze", done.Freeze, "why", done.Why, "already", done.AlreadyFrozen)
	}
	return done, err
}

func (a *Admin) unfreeze(ctx context.Context, k Keeping, req wire.UnfreezeRequest) (wire.UnfreezeAnswer, error) {
	done, err := k.Unfreeze(ctx, req)
	if err == nil && done.Freeze != "" {
		a.log.Warn("unfrozen", "freeze", done.Freeze, "why", done.Why, "by", k.By, "officers", done.Officers)
	}
	return done, err
}

func (a *Admin) load(ctx context.Context, k Keeping, req wire.LoadRequest) (wire.LoadAnswer, error) {
	done, err := k.Load(ctx, req)
	if err == nil && done.Done {
		a.log.Warn("loaded what a ledger holds", "ledger", done.Load.Ledger, "sha256", done.SHA256, "signed", done.Load.Signed.New, "by", k.By, "officers", done.Officers)
	}
	return done, err
}

func (a *Admin) backup(ctx context.Context, k Keeping, req wire.BackupRequest) (wire.BackupAnswer, error) {
	done, err := k.Backup(ctx, req)
	if err == nil {
		a.log.Warn("backed up", "path", done.Path, "signed", done.Manifest.Signed, "recipients", req.Recipients, "by", k.By)
	}
	return done, err
}
