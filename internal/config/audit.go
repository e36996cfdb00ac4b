package config

import (
	"path/filepath"
	"strings"
)

// Audit says how the audit log is sealed (docs/audit.md).
type Audit struct {
	Key string // file of the key that signs checkpoints, absolute; there need not be one
	// Checkpoints are written there as well: "stdout", "syslog", or the absolute path of a file that is appended to.
	Checkpoints []string
}

// auditTable is [audit].
type auditTable struct {
	Key         *string  `toml:"key"`
	Checkpoints []string `toml:"checkpoints"`
}

const defaultAuditKey = "audit.key"

func (f *file) audit(home string) (Audit, error) {
	a := Audit{Key: defaultAuditKey}
	var places []string
	if f.Audit != nil {
		places = f.Audit.Checkpoints
		if f.Audit.Key != nil {
			a.Key = *f.Audit.Key
		}
	}
	if a.Key == "" || strings.Contains(a.Key, "://") {
		return Audit{}, f.bad("audit.key", `write a path, as in "audit.key"; if there is no file, nothing is sealed`, "%q is not a file", RedactURL(a.Key))
	}
	a.Key = in(home, a.Key)
	for _, p := range places {
		switch {
		case p == "stdout" || p == "syslog":
		case p == "" || strings.Contains(p, "://"):
			return Audit{}, f.bad("audit.checkpoints", `write "stdout", "syslog" or the path of a file`, "%q is no place for checkpoints", RedactURL(p))
		default:
			p = in(home, p)
		}
		a.Checkpoints = append(a.Checkpoints, p)
	}
	return a, nil
}

// in is a path that begins in the home if it is relative.
func in(home, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(home, path)
}
