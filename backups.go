package coffer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"coffer.internal/internal/backup"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/withdrawal"
)

// lockBackup lets one process per ledger write the backups of the settings.
const lockBackup = "backup"

// subjectScheduled is that of the audit rows of these backups: by it the last one is found.
const subjectScheduled = "backup of coffer run"

const (
	// backupLook is how often a daemon looks whether a backup is due, at least.
	backupLook = time.Minute
	// backupAgain is how long after one that failed the next is tried, at most.
	backupAgain = 10 * time.Minute
	// backupNoted is how long it may take to write down what became of one when the daemon ends.
	backupNoted = 2 * time.Second
)

// backups writes backups as often as the settings say. When is judged by the store's clock.
type backups struct {
	*System
	ledger string
	began  time.Time // when this daemon looked first
	failed time.Time // when it tried last, if that was in vain
}

// backingUp backs up as often as the settings say, unless another process of the ledger does, until leave is called, which waits for the end
// of it: a backup under way is given up.
func (s *System) backingUp(ctx context.Context) (leave func(), err error) {
	c := s.config.Backup
	if c.Every == 0 {
		return func() {}, nil
	}
	if _, err := backup.ParseRecipients(c.Recipients); err != nil {
		return nil, err
	}
	b := &backups{System: s}
	if b.ledger, err = s.Ledger(ctx); err != nil {
		return nil, err
	}
	told := ""
	return looking(ctx, min(c.Every, backupLook), func(ctx context.Context) {
		switch err := b.look(ctx); {
		case err == nil:
			told = ""
		case ctx.Err() == nil && err.Error() != told:
			told = err.Error()
			s.log.Error("the ledger could not be backed up; it is tried again", "error", err)
		}
	}), nil
}

// look backs up if it is time, and raises the alarm if it has been time for long.
func (b *backups) look(ctx context.Context) error {
	now, last, err := b.last(ctx)
	if err != nil {
		return err
	}
	if b.began.IsZero() {
		b.began = now
	}
	every := b.config.Backup.Every
	if now.Sub(last) < every || now.Sub(b.failed) < min(every, backupAgain) {
		return nil
	}
	hold, err := b.db.Hold(ctx, lockBackup)
	if err == nil {
		err = whileHeld(ctx, hold, b.due)
		return errors.Join(err, hold.Release())
	}
	if !errors.Is(err, store.ErrHeld) {
		return storefault.Of(err, "take the lock of whoever backs up")
	}
	since := b.began
	if last.After(since) {
		since = last
	}
	if now.Sub(since) < 2*every { // another process writes one
		return nil
	}
	return b.alarm(ctx, fmt.Sprintf("no backup was written since %s, and there is to be one every %s", since.Format(time.RFC3339), every))
}

// last is when the last one was written; zero: never.
func (b *backups) last(ctx context.Context) (now, last time.Time, err error) {
	err = b.db.View(ctx, func(r store.Reader) (err error) {
		if now, err = r.Now(ctx); err != nil {
			return err
		}
		last, err = lastScheduled(ctx, r)
		return err
	})
	return now, last, storefault.Of(err, "read when the last backup was written")
}

func lastScheduled(ctx context.Context, r store.Reader) (time.Time, error) {
	rows, err := r.Audit(ctx, store.AuditFilter{Subject: subjectScheduled, Result: store.ResultDone, Limit: 1})
	if err != nil || len(rows) == 0 {
		return time.Time{}, err
	}
	return rows[0].At, nil
}

// due writes a backup, if no other process did so meanwhile.
func (b *backups) due(ctx context.Context) error {
	now, last, err := b.last(ctx)
	c := b.config.Backup
	if err != nil || now.Sub(last) < c.Every {
		return err
	}
	made, err := b.backUp(ctx, c.Dir, nil)
	if ctx.Err() != nil {
		return nil // the next daemon writes it
	}
	if err != nil {
		b.failed = now
		return errors.Join(err, b.alarm(ctx, "the last try to write a backup failed: "+err.Error()))
	}
	b.failed = time.Time{}
	if err := b.written(ctx, made); err != nil {
		return err
	}
	b.log.Info("the ledger is backed up", "file", made.Path, "bytes", made.Bytes)
	removed, err := backup.Thin(c.Dir, b.ledger, c.Keep, now)
	if len(removed) > 0 {
		b.log.Info("older backups are removed", "files", removed)
	}
	return err
}

// written writes down that there is one, and ends the alarm.
func (b *backups) written(ctx context.Context, made Backup) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backupNoted)
	defer cancel()
	row := b.backupRow(made)
	row.Subject = subjectScheduled
	err := b.db.Update(ctx, func(tx store.Tx) error {
		if err := tx.Record(ctx, []store.AuditRow{row}); err != nil {
			return err
		}
		return b.stand(ctx, tx, withdrawal.LedgerAlarm(withdrawal.AlarmNoBackup, "", 0, ""), false)
	})
	return storefault.Of(err, "write down that "+filepath.Base(made.Path)+" was made")
}

// alarm says that there is no backup.
func (b *backups) alarm(ctx context.Context, why string) error {
	err := b.db.Update(ctx, func(tx store.Tx) error {
		return b.stand(ctx, tx, withdrawal.LedgerAlarm(withdrawal.AlarmNoBackup, "", 0, why), true)
	})
	return storefault.Of(err, "raise an alarm")
}
