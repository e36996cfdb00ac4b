// Package fault is the one shape of every error that coffer shows to a person.
//
// A fault has a kind (which decides the exit code, and which a Go caller asks for with errors.Is), what happened,
// and the next command to run. Causes are wrapped underneath. Nothing secret is ever put into one: what stands in a
// fault may be printed, logged and sent to a terminal that somebody else can read.
package fault

import (
	"errors"
	"fmt"
)

// The kinds. Each is a sentinel for errors.Is, and each has one exit code (see Exit).
var (
	// Usage: a value that cannot be right, whatever the state of the system. Nothing was tried.
	Usage = errors.New("usage")
	// NotFound: nothing matched.
	NotFound = errors.New("not found")
	// Refused: done as asked, it would break an invariant. Nothing was changed.
	Refused = errors.New("refused")
	// NotAllowed: whoever asks may not, or a file is open to people it must not be open to.
	NotAllowed = errors.New("not allowed")
	// Unreachable: the database, the signing machine or a node did not answer. What was under way may have happened.
	Unreachable = errors.New("unreachable")
	// Partly: some of many were done, the rest not.
	Partly = errors.New("partly done")
	// Conflict: another writer was first, four times in a row. Nothing was changed; it may be tried again.
	Conflict = errors.New("conflict")
	// Unavailable: no wallet can take the work now; each one's reason is in the message.
	Unavailable = errors.New("unavailable")
)

// Error is a fault: its Kind is one of the package's sentinels (or nil: just failed), Code names the case for programs
// (snake_case, only ever added to), Message says what happened with the offending value, Hint is the next command.
type Error struct {
	Kind    error
	Code    string
	Message string
	Hint    string
	Err     error // the cause, or nil
}

// Error says what happened and why, without the hint.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap gives errors.Is both the kind and the cause.
func (e *Error) Unwrap() []error {
	var under []error
	if e.Kind != nil {
		under = append(under, e.Kind)
	}
	if e.Err != nil {
		under = append(under, e.Err)
	}
	return under
}

// New makes a fault without a cause.
func New(kind error, code, hint, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Hint: hint, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes a fault around its cause.
func Wrap(err error, kind error, code, hint, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Hint: hint, Message: fmt.Sprintf(format, args...), Err: err}
}

// Hint is the hint of the outermost fault in err that has one, or "".
func Hint(err error) string {
	for err != nil {
		var f *Error
		if !errors.As(err, &f) {
			return ""
		}
		if f.Hint != "" {
			return f.Hint
		}
		err = f.Err
	}
	return ""
}

// Code is the code of the outermost fault in err, or "failed".
func Code(err error) string {
	var f *Error
	if errors.As(err, &f) && f.Code != "" {
		return f.Code
	}
	return "failed"
}

// Exit is the exit code that the kind of err promises (docs/exit-codes.md): 0 for nil, 1 for what has no kind.
func Exit(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, Partly):
		return 7
	case errors.Is(err, Refused):
		return 4
	case errors.Is(err, NotAllowed):
		return 5
	case errors.Is(err, NotFound):
		return 3
	case errors.Is(err, Usage):
		return 2
	case errors.Is(err, Unreachable):
		return 6
	default:
		return 1
	}
}
