package signer

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"coffer.internal/internal/fault"
)

// Socket is where a machine listens.
type Socket struct {
	Path  string
	Mode  fs.FileMode // 0600, or 0660 with a group
	Group string      // name or number; empty: that of the process
}

// maxSocketPath is the longest path of a unix socket (sun_path, without its NUL).
const maxSocketPath = 107

// Address is where a machine listens: at one of the two.
type Address struct {
	Socket string // path of a unix socket, absolute
	TCP    string // HOST:PORT, for mutual TLS
}

// ParseListen reads an address to listen on: unix:PATH or HOST:PORT.
func ParseListen(s string) (Address, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok && path != "" {
		abs, err := filepath.Abs(path)
		return Address{Socket: abs}, err
	}
	host, port, err := net.SplitHostPort(s)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || host == "" {
		return Address{}, fault.New(fault.Usage, "bad_listen", "--listen unix:PATH, or --listen HOST:PORT (0.0.0.0 is every address of this machine)",
			"%q is neither unix:PATH nor HOST:PORT", s)
	}
	return Address{TCP: s}, nil
}

// ParseMode reads a socket's mode, in octal. Whoever may connect may have anything signed, so never everybody.
func ParseMode(s string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(s, 8, 16)
	if mode := fs.FileMode(n); err == nil && (mode == 0o600 || mode == 0o660) {
		return mode, nil
	}
	return 0, fault.New(fault.Usage, "bad_mode", "0600, or 0660 with --socket-group", "socket mode %q is neither 0600 nor 0660", s)
}

// Listen listens. The socket of a dead process is replaced, that of a live one refused. The path appears when mode and group
// are right already: nobody can slip in before. Closing the listener removes it.
func (s Socket) Listen() (net.Listener, error) {
	if err := s.free(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(s.Path), ".s-*") // 0700: what is in it is out of reach
	if err != nil {
		return nil, s.bad(err)
	}
	l, err := s.bind(filepath.Join(dir, "s"))
	return l, errors.Join(err, os.RemoveAll(dir))
}

func (s Socket) bind(temp string) (net.Listener, error) {
	if n := max(len(temp), len(s.Path)); n > maxSocketPath {
		return nil, fault.New(fault.Usage, "long_socket", "--listen unix:PATH with a shorter path", "the path of socket %s is too long", s.Path)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return nil, s.bad(err)
	}
	l.SetUnlinkOnClose(false) // by then the path is another
	mine, err := s.publish(temp)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &listener{l, s.Path, mine}, nil
}

// publish gives the socket its rights, then its name.
func (s Socket) publish(temp string) (fs.FileInfo, error) {
	if s.Group != "" {
		gid, err := groupID(s.Group)
		if err != nil {
			return nil, err
		}
		if err := os.Chown(temp, -1, gid); err != nil {
			return nil, fault.Wrap(err, fault.NotAllowed, "bad_group", "be a member of the group", "give the socket to group %s", s.Group)
		}
	}
	if err := os.Chmod(temp, s.Mode); err != nil {
		return nil, s.bad(err)
	}
	if err := os.Rename(temp, s.Path); err != nil {
		return nil, s.bad(err)
	}
	mine, err := os.Lstat(s.Path)
	if err != nil {
		return nil, s.bad(err)
	}
	return mine, nil
}

// free says why the path cannot be taken, or nil.
func (s Socket) free() error {
	st, err := os.Lstat(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return s.bad(err)
	}
	if st.Mode().Type() != fs.ModeSocket {
		return fault.New(fault.Refused, "not_a_socket", "move it away, or --listen unix:PATH", "%s is there and is no socket", s.Path)
	}
	c, err := net.DialTimeout("unix", s.Path, time.Second)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil // its process is dead
	}
	if err == nil {
		err = c.Close()
	}
	return fault.Wrap(err, fault.Refused, "already_serving", "coffer-signer status", "somebody listens on %s", s.Path)
}

func (s Socket) bad(err error) error {
	kind := error(nil)
	if errors.Is(err, fs.ErrPermission) {
		kind = fault.NotAllowed
	}
	return fault.Wrap(err, kind, "bad_socket", "--listen unix:PATH in a folder that exists and is yours", "listen on %s", s.Path)
}

func groupID(name string) (int, error) {
	if id, err := strconv.Atoi(name); err == nil && id >= 0 {
		return id, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, fault.Wrap(err, fault.Usage, "bad_group", "getent group", "group %q", name)
	}
	return strconv.Atoi(g.Gid)
}

// listener removes its socket when it is closed, unless another has taken the name.
type listener struct {
	net.Listener
	path string
	mine fs.FileInfo
}

func (l *listener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.mine) {
		_ = os.Remove(l.path) // a socket that stays is stale, and the next one replaces it
	}
	return l.Listener.Close()
}
