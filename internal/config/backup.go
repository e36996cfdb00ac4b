package config

import (
	"strings"
	"time"
)

// Backup says how the ledger is backed up (docs/backup.md).
type Backup struct {
	Recipients []string      // public keys that can open a backup: age1…, ssh-ed25519 …
	Dir        string        // absolute; empty: none
	Every      time.Duration // how often `coffer run` backs up into Dir; 0: never
	Keep       int           // how many of its own backups it leaves in Dir
}

// backupTable is [backup].
type backupTable struct {
	Recipients []string `toml:"recipients"`
	Dir        *string  `toml:"dir"`
	Every      *string  `toml:"every"`
	Keep       *int64   `toml:"keep"`
}

const (
	defaultKeep = 14
	mostKept    = 10_000
)

func (f *file) backup(home string) (b Backup, err error) {
	t := f.Backup
	if t == nil {
		t = &backupTable{}
	}
	for _, r := range t.Recipients {
		if !strings.HasPrefix(r, "age1") && !strings.HasPrefix(r, "ssh-ed25519 ") {
			shown := r
			if strings.HasPrefix(strings.ToUpper(r), "AGE-SECRET-KEY") {
				shown = "AGE-SECRET-KEY…"
			}
			return b, f.bad("backup.recipients", "write public keys: age1… (coffer backup key FILE makes one) or ssh-ed25519 AAAA…", "%.100q is no recipient", shown)
		}
		b.Recipients = append(b.Recipients, r)
	}
	if t.Dir != nil && *t.Dir != "" {
		if strings.Contains(*t.Dir, "://") {
			return b, f.bad("backup.dir", "write the path of a folder; what takes its files elsewhere is up to you", "%q is no folder", RedactURL(*t.Dir))
		}
		b.Dir = in(home, *t.Dir)
	}
	if t.Every != nil && *t.Every != "" {
		if b.Every, err = f.duration("backup.every", t.Every, 0, time.Minute, 31*24*time.Hour); err != nil {
			return b, err
		}
	}
	if b.Every > 0 && (b.Dir == "" || len(b.Recipients) == 0) {
		return b, f.bad("backup.every", `write recipients = ["age1…"] and dir = "/mnt/backup" too`, "%q, and there is no folder or no recipient to back up for", *t.Every)
	}
	b.Keep, err = f.integer("backup.keep", t.Keep, defaultKeep, 1, mostKept)
	return b, err
}
