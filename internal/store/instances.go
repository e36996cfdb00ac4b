package store

import (
	"context"
	"time"
)

// Instance is a long-lived process, as it last said of itself.
type Instance struct {
	ID          string // its own, made at its start
	Kind        string // run, standby, withdraw, or a Go program's own word
	Host        string
	PID         int
	Version     string
	StartedAt   time.Time // set by the store when the row is made
	HeartbeatAt time.Time // set by the store with each Beat
	Cache       CacheFigures
}

// CacheFigures say how a process's cache does.
type CacheFigures struct {
	Generation int64 // the newest one that it obeyed
	Hits       int64
	Misses     int64
	Entries    int
	OldestAge  time.Duration // of the oldest entry, in milliseconds; 0 if there is none
}

// TopicCache is what Listen hears when the generation was raised.
const TopicCache = "cache"

// Listener is what a database offers that can tell a process what another one did. One that cannot is asked every so often.
type Listener interface {
	// Listen calls heard whenever a transaction that told of the topic may have been committed: also when it begins to listen,
	// and each time it listens again after its connection broke, because what was told meanwhile is lost. It returns when ctx
	// ends. heard must be quick.
	Listen(ctx context.Context, topic string, heard func())
}
