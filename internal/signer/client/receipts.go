package client

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"sync"

	"coffer.internal/internal/allcpus"
	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

// identity is the machine's own key, with which receipts are verified. It is asked for once: whoever answers with another one later is
// another machine.
type identity struct {
	mu  sync.Mutex
	key ed25519.PublicKey // nil: not asked for yet
}

// identityKey gives the key. When a machine is meant (device is not empty), another one is refused before it is asked for anything.
func (c *Client) identityKey(ctx context.Context, device string) (ed25519.PublicKey, error) {
	c.identity.mu.Lock()
	key := c.identity.key
	c.identity.mu.Unlock()
	if key == nil || device != "" && signing.Fingerprint(key) != device {
		var err error
		if key, err = c.askIdentity(ctx); err != nil {
			return nil, err
		}
	}
	if is := signing.Fingerprint(key); device != "" && is != device {
		return nil, fault.New(fault.Unreachable, "another_device", "coffer-signer status; a machine made anew from its words is re-bound with coffer device rebind",
			"the signing machine at %s is %s, and %s is meant", c.addr, is, device)
	}
	return key, nil
}

func (c *Client) askIdentity(ctx context.Context) (ed25519.PublicKey, error) {
	st, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	key := ed25519.PublicKey(st.Identity)
	if len(key) != ed25519.PublicKeySize || signing.Fingerprint(key) != st.Device {
		return nil, c.unusable(fmt.Errorf("its identity key is not that of its device %q", st.Device))
	}
	c.identity.mu.Lock()
	defer c.identity.mu.Unlock()
	c.identity.key = key
	return key, nil
}

// forgetIdentity has the key asked for again: who answers may be another machine by now.
func (c *Client) forgetIdentity() {
	c.identity.mu.Lock()
	defer c.identity.mu.Unlock()
	c.identity.key = nil
}

// receipts verifies the receipts of answers, each given to its ledger. One that is not right is like a wrong signature: nothing of the
// request is taken.
func (c *Client) receipts(key ed25519.PublicKey, ledgers []string, answers []signing.Answer) error {
	err := allcpus.Try(len(answers), func(i int) error { return signing.VerifyReceipt(key, ledgers[i], answers[i]) })
	if err != nil {
		c.forgetIdentity()
		return c.unusable(err)
	}
	return nil
}
