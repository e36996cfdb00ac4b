package coffer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/syslog"
	"os"
	"time"

	"golang.org/x/mod/sumdb/note"

	"coffer.internal/internal/auditlog"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/keyfile"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// AuditFilter selects audit rows; a zero field selects all.
type AuditFilter = store.AuditFilter

// AuditRow is the record of one operation.
type AuditRow = store.AuditRow

// Audit lists audit rows, newest first.
func (s *System) Audit(ctx context.Context, f AuditFilter) (rows []AuditRow, err error) {
	err = s.db.View(ctx, func(r store.Reader) (err error) {
		rows, err = r.Audit(ctx, f)
		return err
	})
	return rows, storefault.Of(err, "list audit rows")
}

const createAuditKey = "coffer audit key --create"

// AuditKey is the public key of the key that this home seals the audit log with, as an auditor is given it.
func (s *System) AuditKey(ctx context.Context) (string, error) {
	ledger, err := s.Ledger(ctx)
	if err != nil {
		return "", err
	}
	public, err := keyfile.Public(s.config.Audit.Key)
	if errors.Is(err, fault.NotFound) {
		return "", fault.Wrap(err, fault.NotFound, "no_audit_key", createAuditKey, "there is no key for the audit log")
	}
	if err != nil {
		return "", err
	}
	return auditlog.VerifierKey(ledger, public)
}

// CreateAuditKey makes the key that this home seals the audit log with. It never takes the place of one.
func (s *System) CreateAuditKey(ctx context.Context) (string, error) {
	ledger, err := s.Ledger(ctx)
	if err != nil {
		return "", err
	}
	key, err := keyfile.Create(s.config.Audit.Key)
	if err != nil {
		return "", err
	}
	defer clear(key)
	text, err := auditlog.VerifierKey(ledger, key.Public().(ed25519.PublicKey))
	if err != nil {
		return "", err
	}
	err = s.admin.Update(ctx, func(tx store.Tx) error {
		return tx.Record(ctx, []store.AuditRow{{Actor: s.actor, Action: "audit.key", Subject: text, After: s.config.Audit.Key, Result: store.ResultDone}})
	})
	if errors.Is(err, store.ErrRecorded) { // it is refused, so there is no new key
		err = errors.Join(err, os.Remove(s.config.Audit.Key))
	}
	return text, storefault.Of(err, "write down the key of the audit log")
}

// auditKeys are those that a verification believes: the ones that were given, else this home's own.
func (s *System) auditKeys(ctx context.Context, given []string) (keys []note.Verifier, err error) {
	if len(given) == 0 {
		own, err := s.AuditKey(ctx)
		if err != nil {
			return nil, err
		}
		given = []string{own}
	}
	return verifiers(given)
}

func verifiers(given []string) (keys []note.Verifier, err error) {
	for _, text := range given {
		k, err := auditlog.ParseVerifier(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// AuditVerdict is what a verification of the audit log found.
type AuditVerdict = auditlog.Verdict

// VerifyAudit compares every audit row with what was sealed, and that with the checkpoints of a file that was kept elsewhere (nil: there is
// none) and those in the database. Without keys, this home's own is believed.
func (s *System) VerifyAudit(ctx context.Context, file []byte, given []string) (AuditVerdict, error) {
	keys, err := s.auditKeys(ctx, given)
	if err != nil {
		return AuditVerdict{}, err
	}
	var held []auditlog.Checkpoint
	if file != nil {
		if held, err = auditlog.OpenCheckpoints(file, keys...); err != nil {
			return AuditVerdict{}, err
		}
	}
	v, err := auditlog.Verify(ctx, s.db, held, keys...)
	return v, storefault.Of(err, "verify the audit log")
}

// ProveAudit writes the proof that an audit row is in the log (a C2SP tlog-proof), for the last checkpoint of a file, or for the newest one
// if file is nil.
func (s *System) ProveAudit(ctx context.Context, rowID int64, file []byte, given []string) ([]byte, error) {
	var at *auditlog.Checkpoint
	if file != nil {
		keys, err := s.auditKeys(ctx, given)
		if err != nil {
			return nil, err
		}
		if at, err = lastCheckpoint(file, keys); err != nil {
			return nil, err
		}
	}
	proof, err := auditlog.Prove(ctx, s.db, rowID, at)
	return proof, storefault.Of(err, "prove an audit row")
}

// AuditProven is what a proof shows.
type AuditProven = auditlog.Proven

// CheckAuditProof checks a proof with the public keys alone: it needs no ledger. If file is not nil, the proof must be for its last checkpoint.
func CheckAuditProof(proof, file []byte, given []string) (AuditProven, error) {
	keys, err := verifiers(given)
	if err != nil {
		return AuditProven{}, err
	}
	at, err := lastCheckpoint(file, keys)
	if err != nil {
		return AuditProven{}, err
	}
	return auditlog.CheckProof(proof, at, keys...)
}

// lastCheckpoint is the last one of a file; nil if there is no file.
func lastCheckpoint(file []byte, keys []note.Verifier) (*auditlog.Checkpoint, error) {
	if file == nil {
		return nil, nil
	}
	held, err := auditlog.OpenCheckpoints(file, keys...)
	if err != nil {
		return nil, err
	}
	return &held[len(held)-1], nil
}

// SealAudit seals what is not sealed yet, and gives the newest checkpoint.
func (s *System) SealAudit(ctx context.Context) ([]byte, error) {
	sealer, err := s.sealer(ctx)
	if err != nil {
		return nil, err
	}
	if sealer == nil {
		return nil, fault.New(fault.NotFound, "no_audit_key", createAuditKey, "there is no key to seal the audit log with")
	}
	if err := sealer.All(ctx); err != nil {
		return nil, storefault.Of(err, "seal the audit log")
	}
	var c store.AuditCheckpoint
	err = s.db.View(ctx, func(r store.Reader) (err error) {
		var ok bool
		if c, ok, err = r.LastAuditCheckpoint(ctx); err == nil && !ok {
			err = fault.New(fault.NotFound, "nothing_sealed", "coffer audit list", "the audit log has no rows yet")
		}
		return err
	})
	return []byte(c.Note), storefault.Of(err, "read the newest checkpoint")
}

// sealer is what seals this ledger's audit log; nil: there is no key for it.
func (s *System) sealer(ctx context.Context) (*auditlog.Sealer, error) {
	signer, err := s.auditSigner(ctx)
	if err != nil || signer == nil {
		return nil, err
	}
	return &auditlog.Sealer{DB: s.db, Signer: signer, Log: s.log}, nil
}

// auditSigner signs with this home's key for the audit log; nil: there is none.
func (s *System) auditSigner(ctx context.Context) (note.Signer, error) {
	ledger, err := s.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	key, err := keyfile.Read(s.config.Audit.Key)
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return auditlog.NewSigner(ledger, key)
}

// lastSeal is how long the end of a daemon waits for its last rows to be sealed.
const lastSeal = 2 * time.Second

// sealing seals the audit log until leave is called, which waits for the end of it.
func (s *System) sealing(ctx context.Context) (leave func(), err error) {
	sealer, err := s.sealer(ctx)
	if err != nil {
		return nil, err
	}
	if sealer == nil {
		s.log.Warn("the audit log is not sealed: nobody could prove that it was not changed", "hint", createAuditKey)
		return func() {}, nil
	}
	places, err := s.places()
	if err != nil {
		return nil, err
	}
	sealer.Publish = places.publish
	ended := running(context.WithoutCancel(ctx), func(ctx context.Context) { sealer.Run(ctx, lastSeal) })
	watched := s.watchingSeals(ctx)
	return func() {
		watched()
		ended()
		if err := places.close(); err != nil {
			s.log.Error("a place for checkpoints could not be closed", "error", err)
		}
	}, nil
}

// places are where checkpoints are written to.
type places []io.WriteCloser

func (s *System) places() (all places, err error) {
	for _, name := range s.config.Audit.Checkpoints {
		w, err := s.place(name)
		if err != nil {
			return nil, errors.Join(fault.Wrap(err, fault.Usage, "bad_checkpoints", "see checkpoints of [audit] in coffer.toml", "open %s for checkpoints", name), all.close())
		}
		all = append(all, w)
	}
	return all, nil
}

func (s *System) place(name string) (io.WriteCloser, error) {
	switch name {
	case "stdout":
		return unclosed{s.stdout}, nil
	case "syslog":
		return syslog.New(syslog.LOG_NOTICE|syslog.LOG_AUTHPRIV, "coffer")
	}
	return os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// unclosed is somebody else's.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// publish writes a checkpoint to every place, and to the disk where that is one.
func (ps places) publish(c auditlog.Checkpoint) error {
	var errs []error
	for _, p := range ps {
		_, err := p.Write(append(bytes.Clone(c.Note), '\n'))
		if f, ok := p.(*os.File); ok && err == nil {
			err = f.Sync()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("write a checkpoint: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (ps places) close() error {
	var errs []error
	for _, p := range ps {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// EncodeAudit is an audit row as it is sealed: one line of JSON. Its SHA-256 after a zero byte is the row's leaf in the Merkle tree.
func EncodeAudit(r AuditRow) []byte { return auditlog.Encode(r) }
