package store

import "context"

// Roles is offered by databases that have roles of their own, which may do different things with a ledger.
type Roles interface {
	// Roles is the statements that make the roles and give each its rights: as a DBA would run them. Run twice they change nothing.
	Roles() string
	// ApplyRoles runs them. ErrForbidden if the connection's role may not make roles.
	ApplyRoles(ctx context.Context) error
	// HasRoles says whether they were made on this server.
	HasRoles(ctx context.Context) (bool, error)
}
