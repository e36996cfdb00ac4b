package journal

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// pins holds every policy that was installed: a number, rising → the pin. The last one is in force.
var pins = []byte("pins")

// Pin is the record of a policy that was installed. It holds the policy itself: what is in force is known without its file.
type Pin struct {
	Hash      string    `json:"hash"`
	At        time.Time `json:"at"` // whole seconds
	By        string    `json:"by"` // the user who installed it
	Approvals []string  `json:"approvals,omitempty"`
	Identity  []byte    `json:"identity"`  // public key of the machine where it was
	Signature []byte    `json:"signature"` // of that key, over signing.PinStatement
	Text      []byte    `json:"text"`
}

// Pin is that of the policy in force. ok is false if none was ever installed. Whose signature it has is for the caller to see.
func (j *Journal) Pin() (p Pin, ok bool, err error) {
	all, err := j.Pins()
	if len(all) == 0 || err != nil {
		return Pin{}, false, err
	}
	return all[len(all)-1], true, nil
}

// Pins are those of all policies that were ever installed, in that order.
func (j *Journal) Pins() (all []Pin, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(pins)
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, _ []byte) error {
			var p Pin
			_, err := getJSON(b, k, &p)
			all = append(all, p)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the policy's pins: %w", err)
	}
	return all, nil
}

// AddPin puts a policy in force, behind those that were before. When it returns nil, that is on the disk.
func (j *Journal) AddPin(ctx context.Context, p Pin) error {
	return j.write(ctx, func(tx *bolt.Tx) (wrote bool, err error) {
		b, err := tx.CreateBucketIfNotExists(pins)
		if err != nil {
			return false, fmt.Errorf("write the policy's pin: %w", err)
		}
		n, err := b.NextSequence()
		if err != nil {
			return true, fmt.Errorf("write the policy's pin: %w", err)
		}
		return true, putJSON(b, binary.BigEndian.AppendUint64(nil, n), p)
	})
}
