// Package sshkeys has the SSH keys of the person at the terminal sign: those in an ssh-agent, or one in a file.
package sshkeys

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Agent is a running ssh-agent, by its socket.
type Agent struct{ Socket string }

// List lists the keys that the agent holds.
func (a Agent) List(ctx context.Context) (keys []ssh.PublicKey, err error) {
	err = a.with(ctx, func(c agent.ExtendedAgent) error {
		held, err := c.List()
		if err != nil {
			return fmt.Errorf("ask the ssh-agent for its keys: %w", err)
		}
		for _, h := range held {
			key, err := ssh.ParsePublicKey(h.Blob)
			if err != nil {
				continue // of a kind that is not known here, so nobody's
			}
			keys = append(keys, key)
		}
		return nil
	})
	return keys, err
}

// Sign has the agent sign. It waits as long as the agent does, for a touch or a confirmation, and no longer than ctx.
func (a Agent) Sign(ctx context.Context, key ssh.PublicKey, payload []byte) (s *ssh.Signature, err error) {
	err = a.with(ctx, func(c agent.ExtendedAgent) error {
		s, err = c.Sign(key, payload)
		if err != nil {
			return fmt.Errorf("have the ssh-agent sign: %w", err)
		}
		return nil
	})
	return s, err
}

// with speaks with the agent; the end of ctx breaks it off.
func (a Agent) with(ctx context.Context, do func(agent.ExtendedAgent) error) error {
	if a.Socket == "" {
		return errors.New("no ssh-agent runs here: SSH_AUTH_SOCK is empty")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", a.Socket)
	if err != nil {
		return fmt.Errorf("reach the ssh-agent of SSH_AUTH_SOCK: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err = do(agent.NewClient(conn))
	if stop() {
		_ = conn.Close()
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // that is why it broke
	}
	return err
}
