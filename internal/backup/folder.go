package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"coffer.internal/internal/newfile"
)

// FileName is how a backup is called in a folder of them: by its ledger, of whose id eight digits tell it apart, and the time.
func FileName(ledger string, at time.Time) string {
	return fmt.Sprintf("coffer-%s-%s.age", ledger[:8], at.UTC().Format("20060102T150405Z"))
}

// leftBehind is how old what is left of a backup must be to be thrown away: none takes so long that it is still being written.
const leftBehind = 24 * time.Hour

// Thin leaves the newest keep backups of a ledger in a folder, by their names, and says what it removed. The newest always stays. Nothing
// else is touched, but for what is left of backups whose process was killed, a day later.
func Thin(dir, ledger string, keep int, now time.Time) (removed []string, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	name := "coffer-" + regexp.QuoteMeta(ledger[:8]) + `-\d{8}T\d{6}Z\.age`
	whole, part := regexp.MustCompile("^"+name+"$"), regexp.MustCompile("^"+regexp.QuoteMeta(newfile.Unfinished)+name+`-\d+$`)
	var old []string
	for _, f := range files {
		switch {
		case !f.Type().IsRegular():
		case whole.MatchString(f.Name()):
			old = append(old, f.Name())
		case part.MatchString(f.Name()):
			if st, err := f.Info(); err == nil && now.Sub(st.ModTime()) > leftBehind {
				removed = append(removed, f.Name())
			}
		}
	}
	slices.Sort(old) // so by time
	removed = append(removed, old[:max(0, len(old)-max(1, keep))]...)
	var errs []error
	for _, f := range removed {
		errs = append(errs, os.Remove(filepath.Join(dir, f)))
	}
	return removed, errors.Join(errs...)
}
