package certs

import "coffer.internal/internal/fault"

// Role is what a certificate may ask for.
type Role string

// The roles.
const (
	Client  Role = "client"  // coffer: signatures, keys, and all that a reader may
	Reader  Role = "reader"  // looks, and changes nothing
	Officer Role = "officer" // looks at the status, locks and freezes
)

// ParseRole reads a role.
func ParseRole(s string) (Role, error) {
	switch r := Role(s); r {
	case Client, Reader, Officer:
		return r, nil
	}
	return "", fault.New(fault.Usage, "bad_role", "client, reader or officer", "%q is no role", s)
}
