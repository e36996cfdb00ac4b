package journal

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// Freeze is that a machine signs nothing until it is unfrozen. It survives restarts.
type Freeze struct {
	// ID is of this freeze alone, and new with each further reason: whoever approves the end of a freeze knew all of them.
	ID      string        `json:"id"`
	Reasons []FreezeCause `json:"reasons"`
}

// FreezeCause is why, since when, and by whom.
type FreezeCause struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"` // a user, the name of a certificate, or Itself
	Reason string    `json:"reason"`
}

// Itself is who froze a machine that froze itself.
const Itself = "the machine itself"

// maxCauses is how many reasons of one freeze are kept: the first ones.
const maxCauses = 16

func (f Freeze) String() string {
	all := make([]string, len(f.Reasons))
	for i, c := range f.Reasons {
		all[i] = fmt.Sprintf("%s (%s, %s)", c.Reason, c.By, c.At.UTC().Format(time.RFC3339))
	}
	return strings.Join(all, "; ")
}

// Check refuses a cause that is none.
func (c FreezeCause) Check() error {
	if strings.TrimSpace(c.Reason) == "" {
		return fault.New(fault.Usage, "usage", "coffer-signer freeze --reason TEXT", "a freeze has a reason")
	}
	if len(c.Reason) > maxName {
		return fault.New(fault.Usage, "long_reason", "", "a reason has at most %d bytes, this one has %d", maxName, len(c.Reason))
	}
	return nil
}

// Act is what a person, or the machine itself, did with the machine: kept for ever, in order.
type Act struct {
	At      time.Time       `json:"at"`
	By      string          `json:"by"`
	Action  string          `json:"action"` // freeze, unfreeze, load
	Subject string          `json:"subject"`
	Reason  string          `json:"reason,omitempty"`
	Proof   []string        `json:"proof,omitempty"` // officers' directives
	More    json.RawMessage `json:"more,omitempty"`
}

// Freeze records a freeze. From its return on, nothing is signed and no key is made. A machine that is frozen for this very reason
// already stays as it is; a further reason is added.
func (j *Journal) Freeze(ctx context.Context, c FreezeCause) (f Freeze, already bool, err error) {
	if err := c.Check(); err != nil {
		return f, false, err
	}
	err = j.write(ctx, func(tx *bolt.Tx) (wrote bool, err error) {
		f, already, err = freeze(tx, c)
		return !already && err == nil, err
	})
	if err != nil {
		return Freeze{}, false, err
	}
	return f, already, nil
}

func freeze(tx *bolt.Tx, c FreezeCause) (f Freeze, already bool, err error) {
	if _, err := getJSON(tx.Bucket(meta), metaFrozen, &f); err != nil {
		return f, false, err
	}
	same := func(had FreezeCause) bool { return had.Reason == c.Reason }
	if slices.ContainsFunc(f.Reasons, same) || len(f.Reasons) >= maxCauses {
		return f, true, nil
	}
	f.ID, f.Reasons = freshID(), append(f.Reasons, c)
	if err := putJSON(tx.Bucket(meta), metaFrozen, f); err != nil {
		return f, false, err
	}
	return f, false, putAct(tx, Act{At: c.At, By: c.By, Action: "freeze", Subject: f.ID, Reason: c.Reason})
}

// freshID is of no freeze before: not even one that the journal forgot because it went back.
func freshID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process first
	return hex.EncodeToString(b)
}

// Frozen is the freeze of the machine; ok is false if it is not frozen.
func (j *Journal) Frozen() (f Freeze, ok bool, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		ok, err = getJSON(tx.Bucket(meta), metaFrozen, &f)
		return err
	})
	if err != nil {
		return Freeze{}, false, fmt.Errorf("read the journal: %w", err)
	}
	return f, ok, nil
}

// Unfreeze ends a freeze. approve is asked about the freeze as it is in the transaction that ends it, and returns the proof to be kept.
// ok is false if the machine is not frozen; nothing is asked then.
func (j *Journal) Unfreeze(ctx context.Context, at time.Time, by string, approve func(subject string) (proof []string, err error)) (f Freeze, ok bool, err error) {
	err = j.write(ctx, func(tx *bolt.Tx) (wrote bool, err error) {
		if ok, err = getJSON(tx.Bucket(meta), metaFrozen, &f); err != nil || !ok {
			return false, err
		}
		proof, err := approve(f.ID)
		if err != nil {
			return false, err
		}
		if err := tx.Bucket(meta).Delete(metaFrozen); err != nil {
			return true, err
		}
		return true, putAct(tx, Act{At: at, By: by, Action: signing.ActionUnfreeze, Subject: f.ID, Reason: f.String(), Proof: proof})
	})
	if err != nil {
		return Freeze{}, false, err
	}
	return f, ok, nil
}

// thawed is nil if the machine may sign and make keys.
func thawed(tx *bolt.Tx) error {
	if tx.Bucket(meta).Get(metaFrozen) == nil {
		return nil
	}
	var f Freeze
	if _, err := getJSON(tx.Bucket(meta), metaFrozen, &f); err != nil {
		return err
	}
	return f.Fault()
}

// Fault is the answer of a frozen machine to whoever wants something signed: none.
func (f Freeze) Fault() error {
	return fault.New(fault.Unreachable, wire.CodeFrozen, "find out why; then coffer-signer unfreeze, which takes two officers (docs/signer.md)",
		"the signing machine is frozen: %s", f)
}

// putAct adds to what was done with the machine.
func putAct(tx *bolt.Tx, a Act) error {
	b := tx.Bucket(acts)
	n, err := b.NextSequence()
	if err != nil {
		return err
	}
	return putJSON(b, binary.BigEndian.AppendUint64(nil, n), a)
}

// Acts are all that was done with the machine, the first one first.
func (j *Journal) Acts() (all []Act, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(acts).ForEach(func(k, v []byte) error {
			var a Act
			if err := json.Unmarshal(v, &a); err != nil {
				return fmt.Errorf("read the journal at act %x: %w", k, err)
			}
			all = append(all, a)
			return nil
		})
	})
	return all, err
}

// Device is the machine that the journal belongs to; empty: nobody has opened it yet.
func (j *Journal) Device() (device string, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		device = string(tx.Bucket(meta).Get(metaDevice))
		return nil
	})
	return device, err
}
